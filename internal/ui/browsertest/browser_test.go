package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/ui"
)

// shots is where screenshots are kept.
const shots = "../../../build/ui-screenshots"

// pace is the time between two looks in these tests.
const pace = 300 * time.Millisecond

// chrome is the browser of all tests, each of which has a tab of it.
var chrome context.Context

func TestMain(m *testing.M) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.Flag("enable-precise-memory-info", true), chromedp.Flag("js-flags", "--expose-gc"))
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	browser, end := chromedp.NewContext(allocator)
	code := 1
	chrome = browser //nolint:fatcontext // once
	if err := chromedp.Do(chrome); err != nil {
		fmt.Fprintln(os.Stderr, "the browser does not start (install Chromium, or name it in CHROMIUM):", err)
	} else {
		code = m.Run()
	}
	end()
	stop()
	os.Exit(code)
}

// serve serves the page of a world until the test ends.
func (w *world) serve(change ...func(*ui.Config)) *ui.Server {
	w.t.Helper()
	c := ui.Config{Store: w.store, Bills: w.bills, Where: "this test", Start: "starburst submit HANDLER --range 1:100", Every: pace, Log: logger(w.t),
		Dead: func(ctx context.Context) (ui.DeadLetters, error) {
			return dlq.Open(ctx, w.clients.SQS, w.stack.QueueURL, w.stack.DLQURL)
		}}
	for _, f := range change {
		f(&c)
	}
	page, err := ui.Listen(w.t.Context(), "127.0.0.1:0", c)
	w.must(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- page.Serve(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("serve: %v", err)
		}
	})
	return page
}

// tab is a page in a browser.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // the tab: that is how the driver names one
	url string          // without the token
	may []string        // what the console may say
}

// screen is how a page is looked at.
type screen struct {
	width, height int64
	dark          bool
}

var (
	desk  = screen{1280, 900, false}
	night = screen{1280, 900, true}
	phone = screen{390, 844, false}
)

// newTab opens a tab, which ends with the test.
func newTab(t *testing.T, page *ui.Server) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(chrome)
	if err := chromedp.Do(ctx); err != nil { // without a timeout: the tab would end with it
		t.Fatal(err)
	}
	t.Cleanup(closeTab)
	base, _, _ := strings.Cut(page.URL(), "/?")
	return &tab{t: t, ctx: ctx, url: base}
}

// bounded gives an action a minute.
func (b *tab) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, time.Minute)
}

// open opens a tab and lets it in. What the console says is an error, but for what it may.
func open(t *testing.T, page *ui.Server, s screen, may ...string) *tab {
	t.Helper()
	b := newTab(t, page)
	b.may = may
	listening, stop := context.WithCancel(b.ctx)
	messages := chromedp.Console(listening)
	said := make(chan []string, 1)
	go func() {
		var all []string
		for m, err := range messages {
			if err != nil {
				break
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.IsException() {
				all = append(all, m.Text+" "+m.URL)
			}
		}
		said <- all
	}()
	t.Cleanup(func() {
		stop()
		for _, text := range <-said {
			if !b.mayBeSaid(text) {
				t.Errorf("the console says: %s", text)
			}
		}
	})
	b.look(s)
	b.do(chromedp.Navigate(page.URL()))
	b.await(`document.body?.dataset.page === "jobs"`)
	return b
}

func (b *tab) mayBeSaid(text string) bool {
	for _, m := range b.may {
		if strings.Contains(text, m) {
			return true
		}
	}
	return false
}

// look sets the size of the window, and light or dark.
func (b *tab) look(s screen) {
	b.t.Helper()
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: s.width, Height: s.height, DeviceScaleFactor: 1, Mobile: s.width < 500})
	if err == nil {
		_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// visit goes to a page and waits until it is live.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
	b.await(`document.body.dataset.updates > 0`)
}

// click clicks on what a CSS selector names.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// await waits until an expression is true. It outlives the page that it begins on.
func (b *tab) await(expression string) {
	b.t.Helper()
	var last error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		var is bool
		is, last = chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if last == nil && is {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-b.ctx.Done():
			b.t.Fatalf("%s: the tab is closed", expression)
		}
	}
	b.shoot("failed")
	b.t.Fatalf("%s is never true: %v\n%s", expression, last, b.text("body"))
}

// text is what a CSS selector's elements show.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.innerText).join("\n")`, selector))
}

func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// shoot keeps a picture of the whole page.
func (b *tab) shoot(name string) {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(shots, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(shots, strings.ReplaceAll(b.t.Name(), "/", "-")+"-"+name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Errorf("screenshot %s: %v", name, err)
	}
}
