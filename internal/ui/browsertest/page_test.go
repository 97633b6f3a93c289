package browsertest

import (
	"testing"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// The jobs of these tests, each of a fleet of its own.
var (
	// running has settled three of four tasks.
	running = shape{id: "prices-run", handler: "price", label: "customers.jsonl", fleet: "f1", tasks: 400, chunk: 5, age: 8 * time.Minute, workers: 8, done: 300, cap: cost.USD / 10, slow: 2}
	// finished is over.
	finished = shape{id: "grid-done", handler: "train", fleet: "f2", tasks: 300, chunk: 5, age: 9 * time.Minute, workers: 6, done: 300, over: true}
	// failing is over, with failures of two kinds; a worker was killed.
	failing = shape{id: "prices-bad", handler: "price", label: "customers of the north, second try", fleet: "f3", tasks: 300, chunk: 5, age: 9 * time.Minute, workers: 6, done: 300, failed: 40, over: true, lost: 1}
)

func TestTheJobs(t *testing.T) {
	w := newWorld(t)
	for _, s := range []shape{running, finished, failing} {
		w.seed(s)
	}
	b := open(t, w.serve(), desk)
	b.await(`document.querySelector("main").innerText.includes("300 of 400")`)
	b.shoot("list")
	for _, s := range []shape{running, finished, failing} {
		b.visit("/jobs/" + s.id)
		b.await(`document.body.dataset.drawn == 5`)
		b.shoot(s.id)
		b.visit("/jobs/" + s.id + "/workers")
		b.await(`document.body.dataset.drawn > 0`)
		b.shoot(s.id + "-workers")
		b.visit("/jobs/" + s.id + "/failures")
		b.shoot(s.id + "-failures")
		b.visit("/jobs/" + s.id + "/decisions")
		b.shoot(s.id + "-decisions")
	}
	b.visit("/dead")
	b.await(`document.querySelector("main").innerText.includes("empty")`)
	b.shoot("dead")
}
