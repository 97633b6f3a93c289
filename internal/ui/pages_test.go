package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

func TestPagesShowWhatTheViewSays(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup(), Where: "here"})
	b.until("/jobs/j", "42") // 40 ok, 2 failed
	for path, wants := range map[string][]string{
		"/jobs":             {"price", "42 of 100", "train", "10 of 10", "took 1:30", "here"},
		"/jobs/j":           {"price", "40 ok", "2 failed", "58 left", "no price for 3", "0 → 2"},
		"/jobs/j/workers":   {"w1", "Fargate", "busy"},
		"/jobs/j/failures":  {"2 ×", "no price for #", "at price.go:7", "task 3"},
		"/jobs/j/decisions": {"0 → 2", "two first", "wave"},
		"/jobs/k":           {"train", "done", "after 1:30"},
	} {
		code, body := b.get(path)
		for _, want := range wants {
			if code != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d, without %q", path, code, want)
			}
		}
	}
}

func TestPagesAreThereAsJSON(t *testing.T) {
	t.Parallel()
	q := &queue{dead: 2}
	b := start(t, Config{Store: setup(), Dead: func(context.Context) (DeadLetters, error) { return q, nil }})
	for path, want := range map[string]string{
		"/api/jobs": "starburst.jobs/v1", "/api/jobs/j": "starburst.view/v1", "/api/jobs/j/workers": "starburst.workers/v1",
		"/api/jobs/j/failures": "starburst.failures/v1", "/api/jobs/j/decisions": "starburst.decisions/v1", "/api/dead": "starburst.dead/v1",
		"/api/jobs/nosuch": "starburst.error/v1", "/api/nosuch": "starburst.error/v1",
	} {
		_, body := b.get(path)
		var doc struct {
			Schema string
			Tasks  view.Tasks
		}
		if path == "/api/jobs" {
			var list jobsJSON
			if err := json.Unmarshal([]byte(body), &list); err != nil || list.Schema != want || len(list.Jobs) != 2 || list.Jobs[0].Job != "j" {
				t.Errorf("%s: %v %s", path, err, body)
			}
			continue
		}
		if err := json.Unmarshal([]byte(body), &doc); err != nil || doc.Schema != want {
			t.Errorf("%s: %v %s", path, err, body)
		}
		if path == "/api/jobs/j" && doc.Tasks != (view.Tasks{Total: 100, Enqueued: 100, OK: 40, Failed: 2, Left: 58, Exact: true}) {
			t.Errorf("%s: %+v", path, doc.Tasks)
		}
	}
}

func TestHostileWordsStayText(t *testing.T) {
	t.Parallel()
	tab := setup()
	tab.jobs[0].Handler, tab.jobs[0].Label, tab.jobs[0].Why = hostile, hostile, hostile
	tab.failed[0].Failed[0].Failure = &store.Failure{Kind: hostile, Message: hostile, Stack: hostile}
	tab.decisions[0].Reason, tab.decisions[0].Binding = hostile, hostile
	tab.ledgers[0].Worker, tab.ledgers[0].Cost.Provider = hostile, hostile
	q := &queue{dead: 2}
	b := start(t, Config{Store: tab, Dead: func(context.Context) (DeadLetters, error) { return q, nil }})
	b.until("/jobs/j", "42")
	for _, path := range []string{"/jobs", "/jobs/j", "/jobs/j/workers", "/jobs/j/failures", "/jobs/j/decisions", "/dead", "/jobs/%3Cscript%3Ealert(1)%3C%2Fscript%3E"} {
		if path == "/dead" {
			b.until(path, "m1")
		}
		_, body := b.get(path)
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") || strings.ContainsAny(body, "\x1b\u202e") {
			t.Errorf("%s: a name's element is one of the page, or what steers is left in it", path)
		}
		if !strings.Contains(body, "&lt;script&gt;alert(1)") {
			t.Errorf("%s does not show the name", path)
		}
	}
}

func TestEmptyAndBrokenStacksSaySo(t *testing.T) {
	t.Parallel()
	tab := setup()
	tab.jobs = nil
	b := start(t, Config{Store: tab, Start: "starburst submit x", Every: time.Millisecond})
	if _, body := b.get("/jobs"); !strings.Contains(body, "No jobs yet") || !strings.Contains(body, "starburst submit x") {
		t.Errorf("no jobs: %s", body)
	}
	for path, want := range map[string]string{"/jobs/nosuch": "There is no job nosuch", "/nosuch": "There is no such page", "/dead": "There is no dead-letter queue"} {
		if code, body := b.get(path); code != http.StatusNotFound || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	broken := setup()
	broken.fail(errors.New("connection refused"))
	b = start(t, Config{Store: broken, Every: time.Millisecond})
	for _, path := range []string{"/jobs", "/jobs/j"} {
		if code, body := b.get(path); code != http.StatusBadGateway || !strings.Contains(body, "does not answer") || !strings.Contains(body, "connection refused") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

func TestWhatWasKnownIsShownWhenTheStackIsGone(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := at(100)
	tab := setup()
	b := start(t, Config{Store: tab, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	b.until("/jobs/j", "42")
	tab.fail(errors.New("connection refused"))
	mu.Lock()
	now = at(160)
	mu.Unlock()
	code, body := b.get("/jobs/j")
	if code != http.StatusOK || !strings.Contains(body, "These figures are old") || !strings.Contains(body, "connection refused") || !strings.Contains(body, "40 ok") {
		t.Errorf("%d %s", code, body)
	}
}

// stream opens the stream of a page.
func (b *client) stream(ctx context.Context, path string) (answer, *bufio.Scanner) {
	b.t.Helper()
	r := b.request(http.MethodGet, "/events"+path, nil).WithContext(ctx)
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 10<<20)
	return answer{res.StatusCode, res.Header}, lines
}

// next reads the next event of a stream.
func next(t *testing.T, lines *bufio.Scanner) changes {
	t.Helper()
	for lines.Scan() {
		text, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		var c changes
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Fatalf("the stream has ended: %v", lines.Err())
	return changes{}
}

func TestStreamsTellWhatHasChanged(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, tab := at(100), setup()
	b := start(t, Config{Store: tab, Every: 5 * time.Millisecond, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	_, lines := b.stream(t.Context(), "/jobs/j")
	first := next(t, lines)
	for len(first.Charts) == 0 { // the first may come before the first look
		first = next(t, lines)
	}
	if !strings.Contains(string(first.Parts["head"].HTML), "40 ok") || len(first.Charts) == 0 {
		t.Errorf("the first event: %+v", first)
	}
	tab.mu.Lock()
	tab.ledgers = append([]store.Ledger{}, tab.ledgers...)
	tab.ledgers[0].Seq, tab.ledgers[0].Jobs = 2, map[string]store.JobCount{"j": {OK: 55, Failed: 2, BusyMS: 30_000}}
	tab.mu.Unlock()
	mu.Lock()
	now = at(101)
	mu.Unlock()
	second := next(t, lines)
	if !strings.Contains(string(second.Parts["head"].HTML), "55 ok") {
		t.Errorf("the second event: %+v", second)
	}
	if _, again := second.Parts["notice"]; again {
		t.Error("a part that has not changed was sent again")
	}
}

func TestStreamsAreBoundedAndEndWithTheServer(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup(), Every: 10 * time.Millisecond})
	ctx, leave := context.WithCancel(t.Context())
	for range MaxStreams {
		if got, _ := b.stream(ctx, "/jobs"); got.code != http.StatusOK || got.header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("a stream: %d %v", got.code, got.header)
		}
	}
	if got, _ := b.stream(t.Context(), "/jobs"); got.code != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("one stream more: %d", got.code)
	}
	leave()
	for end := time.Now().Add(20 * time.Second); ; { // who leaves makes room
		if got, _ := b.stream(t.Context(), "/jobs"); got.code == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no room, although everybody has left")
		}
	}
	if got, _ := b.stream(t.Context(), "/jobs/nosuch"); got.code != http.StatusNotFound {
		t.Errorf("a stream about nothing: %d", got.code)
	}
}

// However many watch a job, it is looked at once in each interval.
func TestLooksAreShared(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, tab := at(100), setup()
	b := start(t, Config{Store: tab, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	b.until("/jobs/j", "42")
	const intervals, viewers = 5, 8
	before := tab.looksAt("j")
	for range intervals {
		mu.Lock()
		now = now.Add(DefaultEvery)
		mu.Unlock()
		var all sync.WaitGroup
		for range viewers {
			all.Go(func() { b.page.looks.of("j").get(context.Background(), DefaultEvery) })
		}
		all.Wait()
	}
	if got := tab.looksAt("j") - before; got != intervals {
		t.Errorf("%d looks in %d intervals of %d viewers", got, intervals, viewers)
	}
}

func TestJobsThatNobodyWatchesAreForgotten(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup()})
	for i := range maxWatched + 20 {
		b.page.looks.of(fmt.Sprint("x", i)).get(quick(t.Context()), time.Hour)
	}
	b.page.home.wg.Wait()
	b.page.looks.of("one more")
	if n := len(b.page.looks.jobs); n > maxWatched {
		t.Errorf("%d jobs are remembered", n)
	}
}

func TestDeadMessagesAreRedriven(t *testing.T) {
	t.Parallel()
	q := &queue{dead: 5, release: make(chan struct{})}
	b := start(t, Config{Store: setup(), Dead: func(context.Context) (DeadLetters, error) { return q, nil }})
	b.until("/dead", "m4")
	for _, rate := range []string{"0", "-1", "501", "fast"} {
		if code, _ := b.post("/dead/redrive", url.Values{"rate": {rate}}, nil); code != http.StatusBadRequest {
			t.Errorf("rate %s: %d", rate, code)
		}
	}
	if code, _ := b.post("/dead/redrive", url.Values{"rate": {"50"}}, nil); code != http.StatusSeeOther {
		t.Errorf("redrive: %d", code)
	}
	q.release <- struct{}{}
	q.release <- struct{}{}
	b.until("/dead", "2 of about 5")
	if code, _ := b.post("/dead/redrive", nil, nil); code != http.StatusSeeOther { // the one under way goes on
		t.Errorf("redrive again: %d", code)
	}
	if body := b.until("/dead", `action="/dead/stop"`); strings.Contains(body, `action="/dead/redrive"`) {
		t.Error("it can be started twice")
	}
	for range 3 {
		q.release <- struct{}{}
	}
	b.until("/dead", "5 messages moved back to the queue.")
	if len(q.rates) != 1 || q.rates[0] != 50 {
		t.Errorf("redriven at %v", q.rates)
	}
	b.until("/dead", "The queue is empty")
}

func TestARedriveCanBeStopped(t *testing.T) {
	t.Parallel()
	q := &queue{dead: 5, release: make(chan struct{})}
	b := start(t, Config{Store: setup(), Dead: func(context.Context) (DeadLetters, error) { return q, nil }})
	b.post("/dead/redrive", nil, nil)
	q.release <- struct{}{}
	b.post("/dead/stop", nil, nil)
	if body := b.until("/dead", "1 messages moved back"); !strings.Contains(body, "context canceled") {
		t.Error("it does not say that it was stopped")
	}
}

func TestAnActionsOutcomeIsTold(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup(), Retry: func(context.Context, string) (string, error) { return "2 failed tasks sent again in 1 messages.", nil },
		Cancel: func(context.Context, string) (string, error) { return "", errors.New("no permission") }})
	b.until("/jobs/j/failures", "Retry these")
	b.post("/jobs/j/retry", nil, nil)
	b.until("/jobs/j", "2 failed tasks sent again")
	b.post("/jobs/j/cancel", nil, nil)
	b.until("/jobs/j", "no permission")
	if code, body := start(t, Config{Store: setup()}).post("/jobs/j/retry", nil, nil); code != http.StatusForbidden || !strings.Contains(body, "command line") {
		t.Errorf("what cannot be done: %d %s", code, body)
	}
}
