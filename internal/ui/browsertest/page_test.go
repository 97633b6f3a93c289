package browsertest

import (
	"testing"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// running is a job of which three of four tasks are settled.
var running = shape{id: "prices-run", handler: "price", label: "customers.jsonl", fleet: "default", tasks: 400, chunk: 5, age: 8 * time.Minute, workers: 8, done: 300, cap: cost.USD, slow: 2}

func TestAJobUnderWay(t *testing.T) {
	w := newWorld(t)
	w.seed(running)
	b := open(t, w.serve(), desk)
	b.await(`document.querySelector("main").innerText.includes("300 of 400")`)
	b.shoot("jobs")
	b.visit("/jobs/" + running.id)
	b.await(`document.body.dataset.drawn == 5`)
	b.shoot("job")
}
