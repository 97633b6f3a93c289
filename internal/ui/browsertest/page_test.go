package browsertest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/ui"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// The jobs of these tests, each of a fleet of its own.
var (
	// running has settled three of four tasks.
	running = shape{id: "prices-run", handler: "price", label: "customers.jsonl", fleet: "f1", tasks: 400, chunk: 5, age: 8 * time.Minute, workers: 8, done: 300, cap: cost.USD / 10, slow: 2}
	// finished is over.
	finished = shape{id: "grid-done", handler: "train", fleet: "f2", tasks: 300, chunk: 5, age: 9 * time.Minute, workers: 6, done: 300, over: true}
	// failing is over, with failures of three kinds; a worker was killed.
	failing = shape{id: "prices-bad", handler: "price", label: "customers of the north, second try", fleet: "f3", tasks: 300, chunk: 5, age: 9 * time.Minute, workers: 6, done: 300, failed: 40, over: true, lost: 1}
)

// look is what the table says of a job, by itself.
func (w *world) look(id string) view.State {
	w.t.Helper()
	looker := view.Looker{Store: w.store, Job: id, Bills: w.bills, Exact: true}
	s, err := looker.Look(w.t.Context(), time.Now())
	w.must(err)
	return s
}

// shows fails unless an element shows each of the words.
func (b *tab) shows(selector string, wants ...string) {
	b.t.Helper()
	text := b.text(selector)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			b.t.Errorf("%s does not show %q, but: %s", selector, want, text)
		}
	}
}

func TestAJobUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.seed(running)
	b := open(t, w.serve(), desk)
	b.await(`document.querySelector("main").innerText.includes("300 of 400")`)
	b.shoot("list")
	b.visit("/jobs/" + j.ID)
	b.await(`document.body.dataset.drawn == 5`)
	is := w.look(j.ID)
	b.shows(`[data-part="head"]`, progress.Count(is.Tasks.OK)+" ok", progress.Count(is.Tasks.Failed)+" failed", progress.Count(is.Tasks.Left)+" left", "75 %", "running")
	b.shows(`[data-part="cards"]`, "300", "of 400", "8 wanted", "cap $0.10")
	b.shows(`[data-chart="durations"]`, view.Brief(is.Tails.P50), view.Brief(is.Tails.P95), progress.Count(int(is.Tails.Count))+" tasks")
	b.shows(`[data-part="stragglers"]`, "prices-run-0000", "prices-run-0001", "30 s")
	b.shows(`[data-part="waves"]`, "0 → 4", "4 → 8", is.Waves[0].Cost.Short())
	if eval[int](b, `document.querySelectorAll("figure canvas").length`) != 5 {
		t.Error("not all five drawings are there")
	}
	b.shoot("job")

	// A worker does more: the page says so by itself, and keeps what is open.
	updates := eval[int](b, `+document.body.dataset.updates`)
	w.work(running, 0, 40)
	b.await(`document.querySelector('[data-part="head"]').innerText.includes("340 ok")`)
	b.shows(`[data-part="cards"]`, "340")
	if eval[int](b, `+document.body.dataset.updates`) <= updates {
		t.Error("the page was loaded anew")
	}

	b.visit("/jobs/" + j.ID + "/workers")
	b.await(`document.body.dataset.drawn == 8`)
	for _, s := range is.Workers.Spans[1:] {
		b.shows(`[data-part="table"]`, s.Worker, progress.Count(int(s.OK)))
	}
	b.shoot("workers")
	b.visit("/jobs/" + j.ID + "/decisions")
	b.shows(`[data-part="table"]`, "0 → 4", "4 → 8", "quota", "the vCPU quota allows 8")
	b.shoot("decisions")
	b.visit("/jobs/" + j.ID + "/decisions?all=1")
	b.shows(`[data-part="table"]`, "60 in all, part 1 of 2")
}

func TestAFinishedJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.seed(finished)
	b := open(t, w.serve(), desk)
	b.visit("/jobs/" + j.ID)
	b.await(`document.body.dataset.drawn == 5`)
	is := w.look(j.ID)
	b.shows(`[data-part="head"]`, "100 %", "300 ok", "0 left", "done", "after "+view.Clock(is.Ended.Sub(is.Created)))
	b.shows(`[data-part="cards"]`, is.Money.Spent.Short(), is.Money.Estimate.Low.Short(), view.Clock(is.Ended.Sub(is.Created)))
	b.shows("#live", "over")
	b.shoot("job")
	b.visit("/jobs/" + j.ID + "/failures")
	b.shows("main", "Nothing failed")
	b.shoot("failures")
}

func TestAJobWithFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.seed(failing)
	retried := make(chan string, 1)
	b := open(t, w.serve(func(c *ui.Config) {
		c.Retry = func(_ context.Context, id string) (string, error) {
			retried <- id
			return "40 failed tasks sent again in 8 messages.", nil
		}
	}), desk)
	b.visit("/jobs/" + j.ID)
	b.await(`document.body.dataset.drawn == 5`)
	b.shoot("job")
	b.visit("/jobs/" + j.ID + "/failures")
	is := w.look(j.ID)
	for _, g := range is.Failures.Groups {
		b.shows(`[data-part="groups"]`, progress.Count(g.Count)+" ×", g.Kind, g.Message)
	}
	b.click(`details.group summary`)
	b.shows(`details.group[open]`, "/src/price.go:42", fmt.Sprint("task ", is.Failures.Groups[0].Index), is.Failures.Groups[0].Pattern)
	b.shoot("failures")
	b.click(`details.group[open] button`)
	if id := <-retried; id != j.ID {
		t.Errorf("%s was retried", id)
	}
	b.await(`document.querySelector('[data-part="notice"]')?.innerText.includes("40 failed tasks sent again")`)
	b.shoot("retried")
}

func TestDeadMessagesAreRedriven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 25 {
		w.send(w.stack.DLQURL, fmt.Sprintf("rubbish %02d", i))
	}
	b := open(t, w.serve(), desk)
	b.visit("/dead")
	b.await(`document.querySelectorAll('[data-part="list"] tbody tr').length === 25`)
	b.shows("#dead-count", "25")
	b.shoot("before")
	b.do(chromedp.SendKeys(chromedp.CSS(`input[name="rate"]`), "10"))
	b.click(`form[action="/dead/redrive"] button`)
	b.await(`document.querySelector('[data-part="notice"] progress')`)
	b.shoot("under-way")
	b.await(`document.querySelector('[data-part="notice"]').innerText.includes("25 messages moved back to the queue.")`)
	b.await(`document.querySelector("main").innerText.includes("The queue is empty")`)
	b.shoot("after")
	if dead, source := w.waiting(w.stack.DLQURL), w.waiting(w.stack.QueueURL); dead != 0 || source != 25 {
		t.Errorf("%d are dead, %d on the queue; want all 25 moved", dead, source)
	}
}

func TestEmptyAndBroken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := open(t, w.serve(), desk, "404", "502")
	b.await(`document.querySelector("main").innerText.includes("No jobs yet")`)
	b.shows("main", "starburst submit HANDLER --range 1:100")
	b.shoot("no-jobs")
	b.do(chromedp.Navigate(b.url + "/jobs/nosuch"))
	b.shows("main", "There is no job nosuch")
	b.shoot("no-job")
	w.seed(finished) // the list shows it by itself
	b.visit("/jobs")
	b.await(`document.querySelector("main").innerText.includes("train")`)

	gone := newWorld(t)
	broken := &breakable{Store: gone.store}
	b = open(t, gone.serve(func(c *ui.Config) { c.Store = broken }), desk, "502", "404")
	gone.seed(running)
	b.visit("/jobs/" + running.id)
	b.await(`document.body.dataset.drawn == 5`)
	broken.broken.Store(true)
	b.await(`document.querySelector('[role="alert"]')?.innerText.includes("These figures are old")`)
	b.shows(`[data-part="head"]`, "300 ok")
	b.shoot("gone")
	b.do(chromedp.Navigate(b.url + "/jobs/another"))
	b.shows("main", "The stack does not answer")
	b.shoot("unreachable")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed(finished)
	b := open(t, w.serve(), desk)
	b.visit("/jobs/" + finished.id)
	press := func(key string) { b.do(chromedp.KeyEvent(key)) }
	at := func(path string) {
		b.await(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, path))
	}
	press("\t")
	if got := eval[string](b, `document.activeElement.textContent`); got != "Skip to the content" {
		t.Errorf("the first stop of the tab key is %q", got)
	}
	press("2")
	at("/jobs/" + finished.id + "/workers")
	press("j")
	at("/jobs")
	press("d")
	at("/dead")
	press("?")
	b.await(`document.querySelector("dialog").open`)
	b.shoot("help")
	press("\x1b")
	b.await(`!document.querySelector("dialog").open`)
	was := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	press("t")
	b.await(fmt.Sprintf(`getComputedStyle(document.body).backgroundColor !== %q`, was))
	b.visit("/jobs")
	if eval[string](b, `getComputedStyle(document.body).backgroundColor`) == was {
		t.Error("the choice is forgotten on the next page")
	}
	b.do(chromedp.Evaluate[chromedp.Void](`localStorage.clear()`))
}

func TestWithoutTheTokenThereIsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newTab(t, w.serve())
	b.do(chromedp.Navigate(b.url + "/jobs"))
	b.shows("body", "This page is not open to you")
	b.shoot("locked")
}

// work adds tasks to what a worker has done.
func (w *world) work(s shape, worker, more int) {
	w.t.Helper()
	all, err := w.store.Ledgers(w.t.Context(), s.fleet)
	w.must(err)
	name := fmt.Sprintf("%s-%04d", s.id, worker)
	for _, l := range all {
		if l.Worker != name {
			continue
		}
		c := l.Jobs[s.id]
		c.OK += int64(more)
		l.Jobs = map[string]store.JobCount{s.id: c}
		l.Seq, l.Updated = l.Seq+1, time.Now()
		w.must(w.store.PutLedger(w.t.Context(), l))
	}
}
