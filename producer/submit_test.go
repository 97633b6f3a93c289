package producer_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var created []string
	var progress []int
	report, err := w.producer(t).Submit(t.Context(), producer.Spec{
		Handler: "square", Source: producer.Slice(ints(1000)), MaxWorkers: 2, Slots: 2,
		MaxAttempts: 5, Timeout: time.Minute, Label: "a test", Keep: 48 * time.Hour, MaxCostPico: 7,
		Created: func(j store.Job) { created = append(created, fmt.Sprint(j.ID, " ", len(w.bodies))) },
		Progress: func(confirmed, total int) {
			progress = append(progress, confirmed, total)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.wantTasks(t, 1000, strconv.Itoa)
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	job := store.Job{
		ID: "job-1", Handler: "square", Fleet: "default", N: 1000, InputSHA: report.Job.InputSHA,
		Plan: store.Plan{Chunk: 16}, Shards: 1, MaxAttempts: 5, Timeout: time.Minute, MaxCostPico: 7, Label: "a test",
		Created: now, Expires: now.Add(48 * time.Hour), Confirmed: 1000, State: store.Sealed,
	}
	if d := gocmp.Diff(producer.Report{Job: job, Sent: 1000, Messages: 63}, report); d != "" {
		t.Errorf("report (-want +got):\n%s", d)
	}
	if d := gocmp.Diff(job, w.jobs["job-1"]); d != "" {
		t.Errorf("stored job (-want +got):\n%s", d)
	}
	if d := gocmp.Diff([]string{"job-1 0"}, created); d != "" {
		t.Errorf("Created with the id, and the messages on the queue then (-want +got):\n%s", d)
	}
	if len(progress) != 14 || progress[12] != 1000 || progress[13] != 1000 || !slices.IsSorted(even(progress)) {
		t.Errorf("Progress was told %v", progress)
	}
	if w.calls != 7 {
		t.Errorf("63 messages took %d calls", w.calls)
	}
}

func even(s []int) (out []int) {
	for i := 0; i < len(s); i += 2 {
		out = append(out, s[i])
	}
	return out
}

func TestMessagesCarryNoMoreThanTheyMust(t *testing.T) {
	t.Parallel()
	w := newWorld()
	deadline := time.UnixMilli(1_900_000_000_000).UTC()
	_, err := w.producer(t).Submit(t.Context(), producer.Spec{
		Job: "j", Handler: "h", Source: producer.Words([]string{"a", "b", "c"}), Chunk: 2, Deadline: deadline, Trace: "00-abc", FairShare: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) []byte { return append([]byte{0xa0 | byte(len(s))}, s...) }
	want := []*codec.Message{
		{Handler: "h", Job: "j", First: 0, Identity: "0", Attempt: 1, Deadline: deadline, Trace: "00-abc"},
		{Handler: "h", Job: "j", First: 2, Identity: "2", Attempt: 1, Deadline: deadline, Trace: "00-abc"},
	}
	want[0].Args = append(want[0].Args, text("a"), text("b"))
	want[1].Args = append(want[1].Args, text("c"))
	if d := gocmp.Diff(want, w.decoded(t)); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	if d := gocmp.Diff([]string{"j", "j"}, w.groups); d != "" {
		t.Errorf("message groups (-want +got):\n%s", d)
	}
}

func TestMessagesFitOneBillingUnit(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var words []string
	for i := range 500 {
		// Random-looking, so that zstd does not make them small; sizes about a message's limit.
		words = append(words, incompressible(i, 300+i*97%5000))
	}
	words = append(words, incompressible(1, 48<<10), incompressible(2, 49<<10), "small")
	report, err := w.producer(t).Submit(t.Context(), producer.Spec{Job: strings.Repeat("j", 128), Handler: strings.Repeat("h", 256), Source: producer.Words(words), MaxWorkers: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.wantTasks(t, len(words), func(i int) string { return strconv.Quote(words[i]) })
	over := 0
	for _, body := range w.bodies {
		m, err := codec.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if m.Len() > 1 && len(body) > 64<<10 {
			over++
		}
	}
	if over > 0 {
		t.Errorf("%d messages of several tasks are above 64 KiB", over)
	}
	if report.Job.Plan.Sizes == nil {
		t.Error("sizes that vary gave a regular plan")
	}
}

// incompressible returns n printable bytes that differ with seed.
func incompressible(seed, n int) string {
	b := make([]byte, n)
	x := uint64(seed)*2654435761 + 1
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"[x>>58]
	}
	return string(b)
}

func TestLargeArgumentsGoToTheBucket(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.putErr = func(call int) error {
		if call == 0 {
			return passing{errNetwork}
		}
		return nil
	}
	words := []string{"a", incompressible(1, 700<<10), incompressible(2, 800<<10), incompressible(3, 5<<20), "b", "c"}
	p := w.producer(t)
	prepared, err := p.Prepare(t.Context(), producer.Spec{Handler: "h", Source: producer.Words(words), Chunk: 10})
	if err != nil {
		t.Fatal(err)
	}
	if prepared.Offloaded != 2 || prepared.N != 6 || prepared.Messages != 5 {
		t.Errorf("prepared %+v", prepared)
	}
	if _, err := p.Send(t.Context(), prepared); err != nil {
		t.Fatal(err)
	}
	w.wantTasks(t, len(words), func(i int) string { return strconv.Quote(words[i]) })
	for key := range w.blobs {
		if !strings.HasPrefix(key, "in/job-1/") || len(key) != len("in/job-1/")+64 {
			t.Errorf("object %q", key)
		}
	}
	if len(w.blobs) != 2 || w.blobCalls != 3 {
		t.Errorf("%d objects in %d calls", len(w.blobs), w.blobCalls)
	}
	if w.calls != 4 { // an upload does not hold up other messages
		t.Errorf("%d batches", w.calls)
	}
}

// passing is a failure that the SDK calls retryable.
type passing struct{ error }

func (passing) RetryableError() bool { return true }

func TestBadInputLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spec  producer.Spec
		conf  func(*producer.Config)
		check func(error) bool
		says  string
	}{
		{
			name: "an empty job", spec: producer.Spec{Source: producer.Slice([]int{})},
			check: func(err error) bool { return errors.Is(err, producer.ErrEmptyJob) }, says: "input is empty",
		},
		{
			name: "a file with an error in its last line", spec: producer.Spec{Source: file(t, "a.jsonl", strings.Repeat("1\n", 5000)+"oops\n")},
			check: isA[*producer.InputError], says: "a.jsonl, line 5001",
		},
		{
			name: "a file that is gone", spec: producer.Spec{Source: goneFile(t)},
			check: isA[*producer.InputError], says: "no such file",
		},
		{
			name: "an argument above the limit", spec: producer.Spec{Source: producer.Words([]string{"a", incompressible(1, 1<<20)})},
			conf:  func(c *producer.Config) { c.MaxArgument = 1 << 20 },
			check: isA[*producer.ArgumentTooLargeError], says: "task 1 has 1048581 bytes; the limit is 1048576",
		},
		{
			name: "an argument that needs a bucket where there is none", spec: producer.Spec{Source: producer.Words([]string{"a", "b", incompressible(1, 1<<20)})},
			conf:  func(c *producer.Config) { c.Blobs = nil },
			check: isA[*producer.ArgumentTooLargeError], says: "STARBURST_BUCKET",
		},
		{
			name: "an argument that is not msgpack", spec: producer.Spec{Source: raw{{0x01}, {0xdd, 0x7f, 0xff, 0xff, 0xff}}},
			check: isA[*producer.InputError], says: "task 1",
		},
		{
			name: "an argument nested too deep for a message", spec: producer.Spec{Source: raw{nested(codec.MaxValueDepth + 1)}},
			check: isA[*producer.InputError], says: "nested deeper",
		},
		{
			name: "an argument with a key twice", spec: producer.Spec{Source: raw{{0x82, 0xa1, 'a', 1, 0xa1, 'a', 2}}},
			check: isA[*producer.InputError], says: "duplicate key",
		},
		{
			name: "a large argument that is not msgpack", spec: producer.Spec{Source: raw{slices.Repeat([]byte{0xc1}, 1<<20)}},
			check: isA[*producer.InputError], says: "task 0",
		},
		{
			name: "a job id that cannot be a key", spec: producer.Spec{Job: "a/b", Source: producer.Slice(ints(1))},
			check: isA[*producer.SpecError], says: "Job",
		},
		{
			name: "a chunk above the format's limit", spec: producer.Spec{Chunk: codec.MaxTasks + 1, Source: producer.Slice(ints(1))},
			check: isA[*producer.SpecError], says: "Chunk is 10001",
		},
		{
			name: "a time limit above what SQS can hold a message", spec: producer.Spec{Timeout: 12 * time.Hour, Source: producer.Slice(ints(1))},
			check: isA[*producer.SpecError], says: "Timeout is 12h0m0s",
		},
		{
			name: "no source", check: isA[*producer.SpecError], says: "Source",
		},
		{
			name: "a handler name that no message carries", spec: producer.Spec{Handler: strings.Repeat("h", 257), Source: producer.Slice(ints(1))},
			check: isA[*producer.SpecError], says: `"f" must be at most 256 bytes`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			c := w.config()
			if test.conf != nil {
				test.conf(&c)
			}
			p, err := producer.New(c)
			if err != nil {
				t.Fatal(err)
			}
			test.spec.Handler = cmp.Or(test.spec.Handler, "h")
			_, err = p.Submit(t.Context(), test.spec)
			if !test.check(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want it to say %q", err, test.says)
			}
			if w.calls != 0 || len(w.jobs) != 0 || len(w.blobs) != 0 {
				t.Errorf("left behind: %d messages, jobs %v, %d objects", len(w.bodies), w.jobs, len(w.blobs))
			}
		})
	}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestMapsAreTheSameInBothPasses(t *testing.T) {
	t.Parallel()
	args := make([]map[string]float64, 50)
	for i := range args {
		args[i] = map[string]float64{}
		for k := range 50 {
			args[i][strconv.Itoa(k)] = float64(i)
		}
	}
	w := newWorld()
	if _, err := w.producer(t).Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Slice(args)}); err != nil {
		t.Error(err)
	}
}

func TestConfigsThatAreRefused(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*producer.Config){
		"Queue":       func(c *producer.Config) { c.Queue = nil },
		"QueueURL":    func(c *producer.Config) { c.QueueURL = "" },
		"Jobs":        func(c *producer.Config) { c.Jobs = nil },
		"InFlight":    func(c *producer.Config) { c.InFlight = -1 },
		"MaxBody":     func(c *producer.Config) { c.MaxBody = 1000 },
		"MaxArgument": func(c *producer.Config) { c.MaxArgument = 1 << 30 },
		"negative":    func(c *producer.Config) { c.Linger = -1 },
	} {
		c := newWorld().config()
		change(&c)
		if _, err := producer.New(c); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("a bad %s gave %v", field, err)
		}
	}
}

func TestTheSameIDWithOtherInputIsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		spec    producer.Spec
		cancel  bool
		differs string
	}{
		{"other arguments", producer.Spec{Source: producer.Slice([]int{0, 1, 3}), Handler: "h"}, false, "input"},
		{"another order", producer.Spec{Source: producer.Slice([]int{0, 2, 1}), Handler: "h"}, false, "input"},
		{"an argument more", producer.Spec{Source: producer.Slice([]int{0, 1, 2, 3}), Handler: "h"}, false, "input"},
		{"another handler", producer.Spec{Source: producer.Slice(ints(3)), Handler: "g"}, false, "handler"},
		{"another fleet", producer.Spec{Source: producer.Slice(ints(3)), Handler: "h", Fleet: "f"}, false, "fleet"},
		{"the same, but cancelled", producer.Spec{Source: producer.Slice(ints(3)), Handler: "h"}, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			p := w.producer(t)
			if _, err := p.Submit(t.Context(), producer.Spec{Job: "x", Source: producer.Slice(ints(3)), Handler: "h"}); err != nil {
				t.Fatal(err)
			}
			before := len(w.bodies)
			if test.cancel {
				j := w.jobs["x"]
				j.State = store.Cancelled
				w.jobs["x"] = j
			}
			test.spec.Job = "x"
			_, err := p.Submit(t.Context(), test.spec)
			var conflict *producer.JobConflictError
			if !errors.As(err, &conflict) || conflict.Differs != test.differs || !strings.Contains(err.Error(), "choose another id") {
				t.Errorf("got %v", err)
			}
			if len(w.bodies) != before {
				t.Errorf("%d messages were sent", len(w.bodies)-before)
			}
		})
	}
}

func TestAJobThatCannotBeCreatedIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld()
	c := w.config()
	c.Jobs = failingTable{w}
	p, err := producer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Submit(t.Context(), producer.Spec{Handler: "h", Source: producer.Slice(ints(3))}); !errors.Is(err, errNetwork) || !strings.Contains(err.Error(), "nothing was enqueued") {
		t.Errorf("got %v", err)
	}
	if w.calls != 0 {
		t.Errorf("%d calls", w.calls)
	}
}

type failingTable struct{ *world }

func (failingTable) CreateJob(context.Context, store.Job) error { return errNetwork }

func nested(depth int) []byte {
	return append(slices.Repeat([]byte{0x91}, depth), 0xc0)
}
