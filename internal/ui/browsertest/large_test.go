package browsertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"github.com/starburst-go/starburst/internal/progress"
)

// What the page of a large job may take: of time until it is drawn, and of the browser's memory.
const (
	openWithin = time.Second
	mostHeap   = 100 << 20
)

// TestALargeJob looks at a job of 1,000,000 tasks on 1,000 workers.
func TestALargeJob(t *testing.T) {
	w := newWorld(t)
	b := open(t, w.serve(), desk)
	b.visit("/dead") // nobody has looked at the job when its page is opened
	s := shape{id: "million", handler: "price", fleet: "large", tasks: 1_000_000, chunk: 1000, age: 40 * time.Minute, workers: 1000, done: 600_000, over: false, slow: 3, lost: 5}
	start := time.Now()
	j := w.seed(s)
	t.Logf("seeded in %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	b.do(chromedp.Navigate(b.url + "/jobs/" + j.ID))
	b.await(`document.querySelector("h1")`)
	frame := time.Since(start)
	b.await(`document.body.dataset.drawn == 5`)
	t.Logf("opened for the first time, the page is there after %v, and drawn after %v: all results are counted", frame.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	if frame > openWithin {
		t.Errorf("the first page takes %v; at most %v", frame, openWithin)
	}
	for path, drawn := range map[string]string{"": "== 5", "/workers": "> 100", "/decisions": "", "/failures": ""} {
		ready := `document.body?.dataset.updates > 0`
		if drawn != "" {
			ready += " && document.body.dataset.drawn " + drawn
		}
		start := time.Now()
		b.do(chromedp.Navigate(b.url + "/jobs/" + j.ID + path))
		b.await(ready)
		took := time.Since(start)
		heap := b.heap()
		t.Logf("the page %q is drawn after %v; the browser's heap is %.1f MB", path, took.Round(time.Millisecond), float64(heap)/1e6)
		if took > openWithin {
			t.Errorf("the page %q takes %v; at most %v", path, took, openWithin)
		}
		if heap > mostHeap {
			t.Errorf("the page %q takes %d bytes of the browser's heap; at most %d", path, heap, mostHeap)
		}
		if path == "/workers" {
			b.shows("figure", "1,000 workers, 5 to a row")
			b.shows(`[data-part="table"]`, "1,000 in all, part 1 of 20")
		}
		b.shoot("page" + strings.ReplaceAll(path, "/", "-"))
	}
	b.visit("/jobs/" + j.ID)
	b.shows(`[data-part="head"]`, progress.Count(600_000)+" ok", progress.Count(400_000)+" left")

	// It does not grow while it is watched.
	before := b.heap()
	for i := range 10 {
		w.work(s, i, 1000)
		b.await(fmt.Sprintf(`document.querySelector('[data-part="head"]').innerText.includes("%s ok")`, progress.Count(600_000+1000*(i+1))))
	}
	if after := b.heap(); after > before+20<<20 {
		t.Errorf("after ten updates the heap has grown from %d to %d bytes", before, after)
	}
}

// heap is what the page's scripts hold, after what is not needed is gone.
func (b *tab) heap() int64 {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`globalThis.gc?.()`))
	if _, err := chromedp.Call(b.ctx, performance.Enable, performance.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	got, err := chromedp.Call(b.ctx, performance.GetMetrics, struct{}{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range got.Metrics {
		if m.Name == "JSHeapTotalSize" {
			return int64(m.Value)
		}
	}
	b.t.Fatal("the browser does not tell its heap")
	return 0
}
