//go:build unix

package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/store"
)

// patience bounds what should happen, on a machine that has much else to do.
const patience = time.Minute

// fastExit keeps a program under the race detector from waiting a second at its end.
const fastExit = "GORACE=atexit_sleep_ms=0"

// config is that of a pool of fakes.
func config(how string) Config {
	return Config{Command: []string{os.Args[0]}, Env: append(os.Environ(), envFake+"="+how, fastExit), Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond}
}

// open starts a pool and closes it at the end of the test.
func open(t *testing.T, c Config) *Pool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	p, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		p.Close(ctx)
	})
	return p
}

// call runs one task, of no message, and decodes its result.
func call(t *testing.T, p *Pool, handler string, index int, arg any) (any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return callWith(ctx, t, p, handler, index, arg)
}

func callWith(ctx context.Context, t *testing.T, p *Pool, handler string, index int, arg any) (any, error) {
	t.Helper()
	raw, err := codec.Marshal(arg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Registry()[handler](ctx, consumer.Task{Job: "j", Handler: handler, Index: index, Attempt: 1, Arg: raw})
	if err != nil || b == nil {
		return nil, err
	}
	var v any
	if err := codec.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v, nil
}

func TestAnswersBecomeOutcomes(t *testing.T) {
	t.Parallel()
	p := open(t, config("ok"))
	type want struct {
		Value        any
		Kind         store.FailureKind
		Final        bool
		Error, Stack string
	}
	for _, tc := range []struct {
		handler string
		arg     any
		want    want
	}{
		{"selftest.echo", "text", want{Value: "text"}},
		{"selftest.echo", nil, want{}},
		{"selftest.fail", "no", want{Kind: store.FailError, Error: "FakeError: no", Stack: "in a fake"}},
		{"selftest.permanent", "never", want{Kind: store.FailError, Final: true, Error: "FakeError: never"}},
		{"selftest.unpackable", nil, want{Kind: store.FailResult, Final: true, Error: "a function"}},
		{"bad result", nil, want{Kind: store.FailResult, Final: true, Error: "result of bad result: bad message (msgpack): declared length or count exceeds the bytes left (at byte 0)"}},
		{"selftest.progress", "half", want{}},
		{"selftest.log", "line", want{}},
	} {
		var got want
		v, err := call(t, p, tc.handler, 1, tc.arg)
		got.Value = v
		if e, ok := errors.AsType[*consumer.Error](err); ok {
			got.Kind, got.Final, got.Error, got.Stack = e.Kind, e.Final, e.Error(), e.Stack
		}
		if tc.handler == "bad result" && strings.HasPrefix(got.Error, "result of bad result: ") {
			got.Error = tc.want.Error // the rest is the codec's
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s: %s", tc.handler, d)
		}
	}
	if d := cmp.Diff(fakeHandlers, p.Handlers(), cmp.Transformer("sort", sorted)); d != "" {
		t.Error(d)
	}
}

func sorted(s []string) map[string]bool {
	m := map[string]bool{}
	for _, x := range s {
		m[x] = true
	}
	return m
}

// Each way of dying or misbehaving costs the one task, and the next runs in a new child.
func TestADeathCostsOneTask(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		handler string
		arg     any
		want    string // in the error
		stack   string // in what is kept of standard error
	}{
		{"selftest.exit", 3, "the child ended: exit status 3: now I go", "now I go\n"},
		{"selftest.exit", 0, "the child ended: exit status 0: now I go", "now I go\n"},
		{"selftest.exit", 137, "the child ended: out of memory, or killed from outside (SIGKILL, exit status 137): now I go", "now I go\n"},
		{"signal", 9, "the child ended: out of memory, or killed from outside (SIGKILL, exit status 137)", ""},
		{"signal", 15, "the child ended: ended by a signal: terminated", ""},
		{"garbage", nil, `the child broke the worker protocol: "Trac" is not the length of a frame`, ""},
		{"zero", nil, `the child broke the worker protocol: "\x00\x00\x00\x00" is not the length of a frame`, ""},
		{"not msgpack", nil, "the child broke the worker protocol: a frame is not well-formed msgpack", ""},
		{"cut", nil, "the child broke the worker protocol: a frame ends too soon", ""},
		{"other id", nil, "the child broke the worker protocol: done for task id 9; the running one is 2 of 2", ""},
		{"no bin", nil, `the child broke the worker protocol: "result" of a done frame is not bin`, ""},
		{"closed", nil, "the child broke the worker protocol: it closed descriptor 4 and went on", ""},
	} {
		t.Run(fmt.Sprint(tc.handler, tc.arg), func(t *testing.T) {
			t.Parallel()
			c := config("ok")
			c.FrameTimeout = 100 * time.Millisecond
			p := open(t, c)
			first, err := call(t, p, "pid", 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = call(t, p, tc.handler, 1, tc.arg)
			e, ok := errors.AsType[*consumer.Error](err)
			if !ok || e.Kind != store.FailDied || e.Final || !strings.Contains(e.Error(), tc.want) || e.Stack != tc.stack {
				t.Errorf("got %#v: %v, want %q", e, err, tc.want)
			}
			second, err := call(t, p, "pid", 2, nil)
			if err != nil || first == second {
				t.Errorf("the next task ran in child %v after %v, with %v", second, first, err)
			}
			if p.Err() != nil {
				t.Errorf("one death made the worker unhealthy: %v", p.Err())
			}
		})
	}
}

// A second answer is nobody's: the child is ended, and no task pays.
func TestASecondAnswerCostsNoTask(t *testing.T) {
	t.Parallel()
	p := open(t, config("ok"))
	if v, err := call(t, p, "twice", 1, nil); fmt.Sprint(v) != "1" || err != nil {
		t.Fatalf("got %v, %v", v, err)
	}
	if _, err := call(t, p, "selftest.echo", 2, "after"); err != nil && !strings.Contains(err.Error(), "second") {
		// The breach may be noticed while the next task runs, which then pays.
		if e, ok := errors.AsType[*consumer.Error](err); !ok || e.Kind != store.FailDied {
			t.Error(err)
		}
	}
	if v, err := call(t, p, "selftest.echo", 3, "more"); v != "more" || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("only Linux tells how much memory a process has")
	}
	c := config("ok")
	c.Memory, c.MemoryEvery = 300<<20, 5*time.Millisecond
	p := open(t, c)
	_, err := call(t, p, "eat", 1, nil)
	e, ok := errors.AsType[*consumer.Error](err)
	if !ok || e.Kind != store.FailDied || !strings.Contains(e.Error(), "out of memory: ") || !strings.HasSuffix(e.Error(), "the limit is 300 MiB") {
		t.Errorf("got %v", err)
	}
	if v, err := call(t, p, "selftest.echo", 2, "after"); v != "after" || err != nil {
		t.Errorf("then %v, %v", v, err)
	}
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		handler, want, stack string
		stays                bool
	}{
		{"cancellable", "as you wish: timeout", "", true},
		{"hang", "the child did not answer the cancel and was ended", "hanging\n", false},
		{"stubborn", "the child did not answer the cancel and was ended", "I stay\n", false},
	} {
		t.Run(tc.handler, func(t *testing.T) {
			t.Parallel()
			p := open(t, config("ok"))
			first, err := call(t, p, "pid", 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, consumer.ErrTimeout)
			defer cancel()
			_, err = callWith(ctx, t, p, tc.handler, 1, nil)
			if e, ok := errors.AsType[*consumer.Error](err); !ok || e.Error() != tc.want || tc.stack != "" && !strings.HasSuffix(tc.stack, e.Stack) {
				t.Errorf("got %v, %#v", err, e)
			}
			second, err := call(t, p, "pid", 2, nil)
			if err != nil || (first == second) != tc.stays {
				t.Errorf("the next task ran in child %v after %v, with %v", second, first, err)
			}
		})
	}
}

// What a child has started ends with it.
func TestTheWholeGroupEnds(t *testing.T) {
	t.Parallel()
	p := open(t, config("ok"))
	pid, err := call(t, p, "family", 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call(t, p, "selftest.exit", 2, 1); err == nil {
		t.Fatal("it went on")
	}
	awaitGone(t, pid)
}

func TestChildrenAreRecycled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		story   string
		change  func(*Config)
		handler string
		want    []bool // whether the child is the one before
	}{
		{"after so many tasks", func(c *Config) { c.RecycleAfter = 2 }, "pid", []bool{false, true, false, true}},
		{"above so much memory", func(c *Config) { c.RecycleRSS = 1 }, "pid", []bool{false, false, false}},
		{"when they say so", func(*Config) {}, "leave", []bool{false, false, false}},
	} {
		t.Run(tc.story, func(t *testing.T) {
			t.Parallel()
			c := config("ok")
			tc.change(&c)
			p := open(t, c)
			var last any
			for i, same := range tc.want {
				pid, err := call(t, p, tc.handler, i, nil)
				if err != nil || (pid == last) != same {
					t.Errorf("task %d ran in %v after %v, with %v", i, pid, last, err)
				}
				last = pid
				if tc.handler == "leave" {
					for _, proc := range p.all() {
						<-proc.gone // its bye is on the way
					}
				}
			}
			if p.Err() != nil {
				t.Error(p.Err())
			}
		})
	}
}

// A task that crosses its child's bye on the way is run by another child, and pays nothing.
func TestATaskThatCrossesAByeIsRunElsewhere(t *testing.T) {
	t.Parallel()
	p := open(t, config("ok"))
	seen := map[any]bool{}
	for i := range 20 {
		pid, err := call(t, p, "leave", i, nil)
		if err != nil || seen[pid] {
			t.Fatalf("task %d ran in %v, with %v", i, pid, err)
		}
		seen[pid] = true
	}
}

func TestAWorkerWhoseChildrenCannotWorkSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		how, want string
		change    func(*Config)
	}{
		{"die", "5 children in a row died without finishing a task, the last one: the child ended: exit status 7: cannot import numpy", nil},
		{"silent", "the child has not said hello within 50ms", func(c *Config) { c.StartTimeout, c.QuickDeaths = 50*time.Millisecond, 1 }},
		{"newer", "the child speaks version 2 of the worker protocol, this worker 1", nil},
		{"no version", "exit status 76: I speak version 9", nil},
		{"rude", `the child broke the worker protocol: "hell" is not the length of a frame`, nil},
		{"nameless", "the hello names 0 handlers", nil},
		{"ok", "executable file not found", func(c *Config) { c.Command = []string{"there-is-no-such-program"} }},
	} {
		t.Run(tc.how, func(t *testing.T) {
			t.Parallel()
			c := config(tc.how)
			if tc.change != nil {
				tc.change(&c)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p, err := Start(ctx, c)
			if err == nil {
				p.Close(ctx)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Five different tasks in a row that kill their fresh children: the children are to blame.
// One task that does it again and again is to blame itself.
func TestQuickDeathsInARow(t *testing.T) {
	t.Parallel()
	p := open(t, config("ok"))
	for range 8 {
		if _, err := call(t, p, "selftest.exit", 7, 1); errors.Is(err, consumer.ErrNotRun) {
			t.Fatal("one poisonous task made the worker unhealthy")
		}
	}
	for i := range 3 {
		_, _ = call(t, p, "selftest.exit", 100+i, 1)
	}
	if v, err := call(t, p, "selftest.echo", 8, "well"); v != "well" || err != nil {
		t.Fatalf("got %v, %v", v, err)
	}
	for i := range 5 {
		if p.Err() != nil {
			t.Fatalf("unhealthy after %d deaths: %v", i, p.Err())
		}
		_, _ = call(t, p, "signal", 200+i, 9)
	}
	// The child that had finished a task is the first of them, and does not count.
	_, _ = call(t, p, "signal", 300, 9)
	select {
	case <-p.Unhealthy():
	default:
		t.Fatal("the worker thinks it is well")
	}
	if want := "the worker's children cannot work: 5 children in a row died"; !strings.HasPrefix(p.Err().Error(), want) {
		t.Error(p.Err())
	}
	if _, err := call(t, p, "selftest.echo", 9, nil); !errors.Is(err, consumer.ErrNotRun) {
		t.Errorf("an unhealthy worker's task: %v", err)
	}
}

// syncBuffer collects a log.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestWhatChildrenPrintGoesToTheLog(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	c := config("ok")
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"plain", "W! a warning", "\x00\x00\x00\x05garbage", strings.Repeat("x", maxLine+1)} {
		if _, err := call(t, p, "selftest.print", i, text); err != nil {
			t.Error(err)
		}
	}
	for _, h := range []string{"selftest.progress", "selftest.log"} {
		if _, err := call(t, p, h, 9, "said by frame"); err != nil {
			t.Error(err)
		}
	}
	p.Close(ctx)
	for _, want := range []string{
		`level=INFO msg=plain slot=0 stream=stdout`, `level=INFO msg=plain slot=0 stream=stderr`, `level=WARN msg="a warning" slot=0 stream=stderr`, `garbage" slot=0 stream=stdout`,
		`msg=plain slot=0 stream=stdout task=0 job=j`, `msg=plain slot=0 stream=stderr task=0`, `stream=stdout task=3`, `stream=stderr task=3`,
		`msg=` + strings.Repeat("x", maxLine) + ` `, `msg=x slot=0`, `msg=progress slot=0 task=9 done=1 total=2 message="said by frame" job=j`, `level=WARN msg="said by frame" slot=0 task=9 fields="{\"a\":1}" job=j`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %.100q", want)
		}
	}
}

func TestAChildsEnvironmentIsItsOwn(t *testing.T) {
	t.Parallel()
	c := config("ok")
	c.Memory = 1 << 30
	c.Env = append(c.Env, "STARBURST_ROLE=worker", "STARBURST_SLOT=77", "MINE=1")
	v, err := call(t, open(t, c), "env", 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, kv := range v.([]any) {
		k, val, _ := strings.Cut(kv.(string), "=")
		if strings.HasPrefix(k, "STARBURST_") || k == "MINE" {
			got[k] = val
		}
	}
	want := map[string]string{
		"STARBURST_PROTOCOL": "1", "STARBURST_FD_IN": "3", "STARBURST_FD_OUT": "4", "STARBURST_MAX_FRAME": "67108864", "STARBURST_SLOT": "0", "STARBURST_MEMORY": "1073741824", "MINE": "1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
