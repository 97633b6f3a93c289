package browsertest

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// pages are all kinds of pages, with jobs that have something to show.
func pages() []string {
	out := []string{"/jobs", "/dead", "/jobs/nosuch"}
	for _, s := range []shape{running, failing} {
		for _, tab := range []string{"", "/workers", "/failures", "/decisions"} {
			out = append(out, "/jobs/"+s.id+tab)
		}
	}
	return out
}

// reach goes to a page and waits until it is drawn.
func (b *tab) reach(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
	if path != "/jobs/nosuch" {
		b.await(`document.body.dataset.updates > 0 && !document.querySelector("main").innerText.includes("Reading")`)
	}
	if path == "/dead" {
		b.await(`!document.querySelector("main").innerText.includes("Looking into")`)
	}
}

// name is a path as part of a file's name.
func name(path string) string {
	out := []byte(path[1:])
	for i, c := range out {
		if c == '/' {
			out[i] = '-'
		}
	}
	return string(out)
}

// Light and dark, wide and narrow: every page is what the eyes need, and what axe-core can tell of the others' needs.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Fatalf("axe-core is not there (make test-ui fetches it): %v", err)
	}
	w := newWorld(t)
	for _, s := range []shape{running, failing} {
		w.seed(s)
	}
	w.send(w.stack.DLQURL, "rubbish with a rather long body that no worker can decode")
	page := w.serve()
	for _, view := range []struct {
		name   string
		screen screen
	}{{"light", desk}, {"dark", night}, {"phone", phone}, {"phone-dark", screen{phone.width, phone.height, true}}} {
		t.Run(view.name, func(t *testing.T) {
			t.Parallel()
			b := open(t, page, view.screen, "404")
			for _, path := range pages() {
				b.reach(path)
				b.shoot(name(path))
				if wide := eval[int](b, `document.documentElement.scrollWidth`); int64(wide) > view.screen.width {
					t.Errorf("%s is %d wide: it scrolls sideways", path, wide)
				}
				background := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
				if want := map[bool]string{false: "rgb(255, 255, 255)", true: "rgb(20, 23, 27)"}[view.screen.dark]; background != want {
					t.Errorf("%s is on %s; want %s", path, background, want)
				}
				b.audit(path, string(axe))
			}
		})
	}
}

// violation is what axe-core finds.
type violation struct {
	ID     string
	Impact string
	Help   string
	Nodes  []string
}

// audit fails for serious and critical violations.
func (b *tab) audit(path, axe string) {
	b.t.Helper()
	// The policy of the page lets no script in; the debugger may run one.
	b.do(chromedp.Evaluate[chromedp.Void](axe + ";undefined"))
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]violation](`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.slice(0, 3).map((n) => n.html + " " + (n.any[0]?.message || ""))})))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: axe-core: %v", path, err)
	}
	for _, v := range found {
		text := fmt.Sprintf("%s: %s (%s): %s %q", path, v.ID, v.Impact, v.Help, v.Nodes)
		if v.Impact == "serious" || v.Impact == "critical" {
			b.t.Error(text)
		} else {
			b.t.Log(text)
		}
	}
}
