package bridge

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/producer"
)

// answer is any frame of the bridge.
type answer struct {
	T       string           `msgpack:"t"`
	O       [][]any          `msgpack:"o"`
	ID      int64            `msgpack:"id"`
	OK      bool             `msgpack:"ok"`
	Error   string           `msgpack:"error"`
	Job     string           `msgpack:"job"`
	N       int              `msgpack:"n"`
	Next    int              `msgpack:"next"`
	OKCount int              `msgpack:"ok_count"`
	Failed  int              `msgpack:"failed"`
	Missing int              `msgpack:"missing"`
	Jobs    []map[string]any `msgpack:"jobs"`
	Expires int64            `msgpack:"expires_ms"`
	Text    string           `msgpack:"text"`
}

// caller is the other end of a bridge.
type caller struct {
	t       *testing.T
	session *burst.Session
	conn    net.Conn
	done    chan error // Serve's return
}

func setup(t *testing.T, spec producer.Spec) *caller {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := burst.Open(t.Context(), burst.Config{
		State: t.Name(), Workers: 2, Slots: 1, Handlers: []string{"work"},
		Endpoint: []string{self}, Command: []string{self}, Env: []string{role.Env + "=" + role.Worker},
	})
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	c := &caller{t: t, session: s, conn: ours, done: make(chan error, 1)}
	go func() {
		c.done <- Serve(context.WithoutCancel(t.Context()), theirs, Config{Session: s, Handler: "work", Workers: 2, Spec: spec, Abandon: true})
	}()
	t.Cleanup(func() {
		_ = ours.Close()
		if err := <-c.done; err != nil {
			t.Errorf("serve: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if got := c.read(); got.T != "ready" {
		t.Fatalf("first frame: %+v", got)
	}
	return c
}

func (c *caller) write(m map[string]any) {
	c.t.Helper()
	writeTo(c.t, c.conn, m)
}

func writeTo(t *testing.T, conn net.Conn, m map[string]any) {
	t.Helper()
	b, err := codec.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)); err != nil {
		t.Fatal(err)
	}
}

func (c *caller) read() (a answer) {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
	if err := readFrame(c.conn, &a); err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return a
}

func (c *caller) put(first int64, args ...int) {
	c.t.Helper()
	c.write(map[string]any{"op": "put", "id": first, "tasks": encoded(c.t, args...)})
}

func encoded(t *testing.T, args ...int) [][]byte {
	t.Helper()
	tasks := make([][]byte, len(args))
	for i, a := range args {
		b, err := codec.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		tasks[i] = b
	}
	return tasks
}

// outcomes reads until n tasks have one.
func (c *caller) outcomes(n int) map[int64]any {
	c.t.Helper()
	got := map[int64]any{}
	for len(got) < n {
		a := c.read()
		if a.T != "out" {
			c.t.Fatalf("a frame %+v among outcomes", a)
		}
		for _, o := range a.O {
			id := o[0].(int64)
			if _, twice := got[id]; twice {
				c.t.Errorf("task %d has two outcomes", id)
			}
			got[id] = o[2]
			if o[1] == true {
				var v int
				if err := codec.Unmarshal(o[2].([]byte), &v); err != nil {
					c.t.Fatal(err)
				}
				got[id] = v
			}
		}
	}
	return got
}

func (c *caller) ask(m map[string]any) answer {
	c.t.Helper()
	m["op"], m["id"] = "ask", 7
	c.write(m)
	for {
		if a := c.read(); a.T == "answer" {
			if a.ID != 7 {
				c.t.Fatalf("an answer to question %d", a.ID)
			}
			return a
		}
	}
}

func TestEachTaskHasOneOutcome(t *testing.T) {
	t.Parallel()
	c := setup(t, producer.Spec{MaxAttempts: 1})
	want := map[int64]any{}
	for id := range int64(300) { // one by one, as a caller that makes them up does
		arg := int(id)
		want[id] = 2 * arg
		if id%100 == 99 {
			arg, want[id] = -1, "error"
		}
		c.put(id, arg)
	}
	if diff := cmp.Diff(want, c.outcomes(300)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestCancelledTasksEndAndOthersGoOn(t *testing.T) {
	t.Parallel()
	c := setup(t, producer.Spec{MaxAttempts: 1})
	c.put(1, 1000)
	c.put(2, 1000)
	c.write(map[string]any{"op": "cancel", "ids": []int64{1, 2, 99}})
	if diff := cmp.Diff(map[int64]any{1: "cancelled", 2: "cancelled"}, c.outcomes(2)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	c.put(3, 21) // both workers hear of the cancellation and are free for it
	if diff := cmp.Diff(map[int64]any{3: 42}, c.outcomes(1)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestJobsOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := setup(t, producer.Spec{MaxAttempts: 1})
	until := time.Now().Add(48 * time.Hour).UnixMilli()
	submit := func(job string, args ...int) answer {
		return c.ask(map[string]any{"what": "submit", "job": job, "until_ms": until, "label": "mine", "tasks": encoded(t, args...)})
	}
	if a := submit("s-1.0001", 1, -1, 3); !a.OK || a.N != 3 {
		t.Fatalf("submit: %+v", a)
	}
	if a := submit("s-1.0001", 5); a.OK || !strings.Contains(a.Error, "s-1.0001") {
		t.Errorf("another input under a job's id: %+v", a)
	}
	deadline := time.Now().Add(time.Minute)
	for c.ask(map[string]any{"what": "count", "job": "s-1.0001"}).Missing > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if a := c.ask(map[string]any{"what": "count", "job": "s-1.0001"}); a.OKCount != 2 || a.Failed != 1 {
		t.Errorf("count: %+v", a)
	}
	if a := c.ask(map[string]any{"what": "results", "job": "s-1.0001"}); len(a.O) != 3 || a.Next != -1 || a.O[1][3] != "below zero" {
		t.Errorf("results: %+v", a)
	}
	for _, to := range []int64{until + 3_600_000, until - 3_600_000} {
		if a := c.ask(map[string]any{"what": "extend", "job": "s-1.0001", "until_ms": to}); !a.OK || a.Expires/1000 != (until+3_600_000)/1000 {
			t.Errorf("extend to %d: %+v; it must never be shorter", to, a)
		}
	}
	if a := c.ask(map[string]any{"what": "jobs", "prefix": "s-1."}); len(a.Jobs) != 1 || a.Jobs[0]["label"] != "mine" {
		t.Errorf("jobs: %+v", a)
	}
	submit("s-1.0002", 1000, 1000)
	if a := c.ask(map[string]any{"what": "stop", "job": "s-1.0002"}); !a.OK || a.OKCount != 0 {
		t.Errorf("stop: %+v", a)
	}
	for _, bad := range []map[string]any{{"what": "count", "job": "none"}, {"what": "nothing"}, {"what": "workers", "workers": 0}} {
		if a := c.ask(bad); a.OK || a.Error == "" {
			t.Errorf("ask %v: %+v", bad, a)
		}
	}
}

func TestOnlyWhoKnowsTheTokenIsTaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ready")
	l, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := Accept(t.Context(), l, "secret")
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	for _, token := range []string{"", "guess", "secret"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		writeTo(t, conn, map[string]any{"token": token})
		if token != "secret" {
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("token %q is answered", token)
			}
		}
	}
	if conn := <-accepted; conn != nil {
		_ = conn.Close()
	}
	if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), `"port":`) {
		t.Errorf("address: %s, %v", b, err)
	}
}

func TestAHandlerIsAwaited(t *testing.T) {
	t.Parallel()
	c := setup(t, producer.Spec{})
	if err := AwaitHandler(t.Context(), c.session, "work"); err != nil {
		t.Errorf("a handler that is known: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := AwaitHandler(ctx, c.session, "none"); err == nil {
		t.Error("a handler that nobody has is known")
	}
}
