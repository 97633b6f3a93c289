package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/store"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// table is a store in memory.
type table struct {
	mu        sync.Mutex
	jobs      []store.Job
	ledgers   []store.Ledger
	decisions []store.Decision
	failed    []store.FailedItem
	count     store.Count
	err       error
	asked     map[string]int // how often for each job
}

func (t *table) Job(_ context.Context, id string) (store.Job, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked[id]++
	for _, j := range t.jobs {
		if j.ID == id {
			return j, t.err
		}
	}
	return store.Job{}, fmt.Errorf("job %q: %w", id, store.ErrNotFound)
}

func (t *table) Jobs(context.Context, time.Time) iter.Seq2[store.Job, error] {
	return func(yield func(store.Job, error) bool) {
		t.mu.Lock()
		jobs, err := t.jobs, t.err
		t.mu.Unlock()
		for _, j := range jobs {
			if !yield(j, err) || err != nil {
				return
			}
		}
	}
}

func (t *table) Ledgers(context.Context, string) ([]store.Ledger, error) { return t.ledgers, nil }

func (t *table) Decisions(_ context.Context, _ string, from, to time.Time) iter.Seq2[store.Decision, error] {
	return func(yield func(store.Decision, error) bool) {
		for _, d := range t.decisions {
			if !d.At.Before(from) && d.At.Before(to) && !yield(d, nil) {
				return
			}
		}
	}
}

func (t *table) Forecast(context.Context, string) ([]byte, error) { return nil, store.ErrNotFound }

func (t *table) Recount(context.Context, store.Job) (store.Count, error) { return t.count, nil }

func (t *table) FailedItems(context.Context, store.Job) iter.Seq2[store.FailedItem, error] {
	return func(yield func(store.FailedItem, error) bool) {
		for _, f := range t.failed {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (t *table) Bad(context.Context, time.Time) iter.Seq2[store.BadMessage, error] {
	return func(func(store.BadMessage, error) bool) {}
}

func (t *table) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

func (t *table) looksAt(id string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked[id]
}

// queue is a dead-letter queue in memory.
type queue struct {
	mu      sync.Mutex
	dead    int
	err     error
	release chan struct{} // a redrive goes on when something comes; nil does not wait
	rates   []int
}

func (q *queue) Count(context.Context) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dead, q.err
}

func (q *queue) List(context.Context, int) ([]dlq.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]dlq.Message, q.dead)
	for i := range out {
		out[i] = dlq.Message{ID: fmt.Sprint("m", i), Sent: noon, Err: errors.New(hostile)}
	}
	return out, q.err
}

func (q *queue) Redrive(ctx context.Context, rate int, moved func(int)) (int, error) {
	q.mu.Lock()
	q.rates = append(q.rates, rate)
	q.mu.Unlock()
	for n := 1; ; n++ {
		if q.release != nil {
			select {
			case <-q.release:
			case <-ctx.Done():
				return n - 1, context.Cause(ctx)
			}
		}
		q.mu.Lock()
		q.dead--
		left := q.dead
		q.mu.Unlock()
		moved(n)
		if left == 0 {
			return n, nil
		}
	}
}

// hostile is what somebody who can write to the table, or a task that fails on it, may have written.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>` + "\x1b[2J\u202e"

// setup is a table with a job of 100 tasks that runs, j, and one that is over, k.
func setup() *table {
	worker := func(name string, final bool, job string, ok int64) store.Ledger {
		return store.Ledger{Fleet: "f", Worker: name, Seq: 1, Slots: 1, Busy: 1, Final: final, Updated: at(95), Jobs: map[string]store.JobCount{job: {OK: ok, BusyMS: 600 * ok}},
			Hist: map[int]int64{80: ok}, Cost: store.CostSample{Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: at(5), Ready: at(25)}}
	}
	return &table{
		asked: map[string]int{},
		jobs: []store.Job{
			{ID: "j", Fleet: "f", Handler: "price", N: 100, Confirmed: 100, State: store.Sealed, Created: noon, Plan: store.Plan{Chunk: 1}},
			{ID: "k", Fleet: "f", Handler: "train", N: 10, Confirmed: 10, State: store.Done, Created: noon, Finished: at(90), Plan: store.Plan{Chunk: 1}},
		},
		ledgers:   []store.Ledger{worker("w1", false, "j", 40), worker("w2", true, "k", 10)},
		decisions: []store.Decision{{Fleet: "f", At: at(1), Seq: 1, Wave: 1, Visible: 100, Want: 2, Jobs: map[string]int64{"j": 100}, Binding: "wave", Reason: "two first"}},
		count:     store.Count{OK: 40, Failed: 2},
		failed: []store.FailedItem{{Failed: []store.Settled{{Index: 3, Failure: &store.Failure{Kind: store.FailError, Message: "no price for 3", Stack: "at price.go:7\n", Attempts: 3}},
			{Index: 9, Failure: &store.Failure{Kind: store.FailError, Message: "no price for 9", Attempts: 3}}}}},
	}
}

// client is a browser that has been let in.
type client struct {
	t    *testing.T
	http *http.Client
	base string
	page *Server
}

// start serves a page and lets a client in.
func start(t *testing.T, c Config) *client {
	t.Helper()
	if c.Now == nil {
		c.Now = func() time.Time { return at(100) }
	}
	if c.Bills.Book == nil {
		book, err := cost.Embedded()
		if err != nil {
			t.Fatal(err)
		}
		c.Bills = bill.Config{Book: book}
	}
	page, err := Listen(t.Context(), "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- page.Serve(ctx) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		transport.CloseIdleConnections()
	})
	b := &client{t: t, page: page, base: strings.TrimSuffix(strings.Split(page.URL(), "?")[0], "/"),
		http: &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if code, body := b.get("/?token=" + page.guard.token); code != http.StatusOK || !strings.Contains(body, "url=/jobs") {
		t.Fatalf("not let in: %d %s", code, body)
	}
	return b
}

// answer is the head of one.
type answer struct {
	code   int
	header http.Header
}

// do sends a request and returns the answer with its body.
func (b *client) do(r *http.Request) (answer, string) {
	b.t.Helper()
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header}, string(body)
}

func (b *client) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *client) get(path string) (int, string) {
	b.t.Helper()
	got, body := b.do(b.request(http.MethodGet, path, nil))
	return got.code, body
}

// post sends a form as the page would, after change.
func (b *client) post(path string, form url.Values, change func(*http.Request)) (int, string) {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("csrf") {
		form.Set("csrf", b.page.guard.csrf)
	}
	r := b.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.base)
	if change != nil {
		change(r)
	}
	got, body := b.do(r)
	return got.code, body
}

// until asks for a page until it says something.
func (b *client) until(path, want string) string {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		_, body := b.get(path)
		if strings.Contains(body, want) {
			return body
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s never says %q: %s", path, want, body)
		}
	}
}
