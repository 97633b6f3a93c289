package observe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/observe"
)

// record is what CloudWatch reads of a line.
type record struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// units are those of PutMetricData that we use.
var units = []string{"Count", "Milliseconds"}

// checkEMF holds a line against the rules of the embedded metric format and returns its members.
func checkEMF(t *testing.T, line string) map[string]any {
	t.Helper()
	var members map[string]any
	var r record
	d := json.NewDecoder(strings.NewReader(line))
	if err := d.Decode(&members); err != nil || d.More() {
		t.Fatalf("not exactly one JSON object: %v\n%s", err, line)
	}
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatal(err)
	}
	if len(line) > 1<<20 {
		t.Errorf("an event has %d bytes", len(line))
	}
	if r.AWS.Timestamp <= 0 || len(r.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("no timestamp or not one directive:\n%s", line)
	}
	directive := r.AWS.CloudWatchMetrics[0]
	if directive.Namespace != observe.Namespace || len(directive.Metrics) == 0 || len(directive.Metrics) > 100 {
		t.Errorf("namespace %q, %d metrics", directive.Namespace, len(directive.Metrics))
	}
	for _, set := range directive.Dimensions {
		if len(set) == 0 || len(set) > 30 {
			t.Errorf("a set of %d dimensions", len(set))
		}
		for _, name := range set {
			if v, ok := members[name].(string); !ok || v == "" || len(v) > 1024 {
				t.Errorf("dimension %s is %v, not a text", name, members[name])
			}
		}
	}
	for _, m := range directive.Metrics {
		checkValue(t, m.Name, members[m.Name])
		if !slices.Contains(units, m.Unit) {
			t.Errorf("%s has the unit %q", m.Name, m.Unit)
		}
	}
	return members
}

// checkValue accepts a number, or values with their counts: at most 100 of them, and a sum that fits.
func checkValue(t *testing.T, name string, v any) {
	t.Helper()
	if _, number := v.(float64); number {
		return
	}
	h, ok := v.(map[string]any)
	if !ok {
		t.Errorf("%s is %v", name, v)
		return
	}
	values, counts := h["Values"].([]any), h["Counts"].([]any)
	if len(values) == 0 || len(values) > 100 || len(values) != len(counts) {
		t.Errorf("%s has %d values and %d counts", name, len(values), len(counts))
	}
	var total float64
	for i, c := range counts {
		total += c.(float64)
		if x := values[i].(float64); x < h["Min"].(float64) || x > h["Max"].(float64) {
			t.Errorf("%s has the value %v outside of %v to %v", name, x, h["Min"], h["Max"])
		}
	}
	if total != h["Count"].(float64) {
		t.Errorf("%s counts %v, its values %v", name, h["Count"], total)
	}
}

func TestAMinuteIsALineForTheStackAndOneForEachHandler(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := observe.EMF{Out: &out, Stack: "lab", Worker: "w1", Now: func() time.Time { return time.UnixMilli(1_800_000_000_000) }}
	for i := range 1000 { // as many different durations as there can be
		m.Tell(observe.Event{Kind: observe.Ended, Name: "price", Outcome: observe.OK, Took: time.Duration(i*i) * 37 * time.Millisecond})
	}
	m.Tell(observe.Event{Kind: observe.Ended, Name: "fit", Outcome: observe.Error, Took: time.Second})
	m.Tell(observe.Event{Kind: observe.Ended, Name: "fit", Outcome: observe.Stopped, Took: time.Second})
	m.Tell(observe.Event{Kind: observe.Unrun, Name: "fit", Outcome: observe.Crash})
	m.Tell(observe.Event{Kind: observe.Lease, Outcome: observe.Lost, N: 3})
	m.Tell(observe.Event{Kind: observe.Lease, Outcome: observe.Extended, N: 9})
	m.Tell(observe.Event{Kind: observe.Bad, Name: "json"})
	m.Tell(observe.Event{Kind: observe.Duplicate})
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), &out)
	}
	got := make([]map[string]any, len(lines))
	for i, line := range lines {
		got[i] = map[string]any{}
		for k, v := range checkEMF(t, line) {
			switch k {
			case "Tasks", "TaskFailures", "LeasesLost", "BadMessages", "Duplicates", "Stack", "TaskType":
				got[i][k] = v
			}
		}
	}
	want := []map[string]any{
		{"Stack": "lab", "Tasks": 1002., "TaskFailures": 2., "LeasesLost": 3., "BadMessages": 1., "Duplicates": 1.},
		{"Stack": "lab", "TaskType": "fit", "Tasks": 2., "TaskFailures": 2.},
		{"Stack": "lab", "TaskType": "price", "Tasks": 1000., "TaskFailures": 0.},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	if err := m.Flush(); err != nil || out.Len() > 0 {
		t.Errorf("a minute in which nothing happened: %v, %q", err, &out)
	}
}

func TestManyHandlersShareALine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := observe.EMF{Out: &out, Stack: "lab"}
	for i := range 500 {
		m.Tell(observe.Event{Kind: observe.Ended, Name: fmt.Sprintf("handler-%03d", i), Outcome: observe.OK})
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+10+1 {
		t.Errorf("%d lines; each type costs three metrics a month", len(lines))
	}
	if other := checkEMF(t, lines[len(lines)-1]); other["TaskType"] != "other" || other["Tasks"] != 490. {
		t.Errorf("the rest is %v", other)
	}
}

// lines is a buffer that one goroutine writes and another reads.
type lines struct {
	mu  sync.Mutex // protects buf
	buf bytes.Buffer
}

func (s *lines) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *lines) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

func TestALineAMinuteAndTheRestAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lines
		m := observe.EMF{Out: &out, Stack: "lab"}
		done := make(chan error)
		ctx, stop := cancellable(t)
		go func() { done <- m.Run(ctx) }()
		count := func() int { synctest.Wait(); return strings.Count(out.String(), `"TaskType"`) }
		m.Tell(observe.Event{Kind: observe.Ended, Name: "a", Outcome: observe.OK})
		time.Sleep(59 * time.Second)
		if n := count(); n != 0 {
			t.Errorf("%d lines before the minute is over", n)
		}
		time.Sleep(2 * time.Second)
		if n := count(); n != 2 { // as a dimension's name and as its value
			t.Errorf("%d after it", n)
		}
		m.Tell(observe.Event{Kind: observe.Ended, Name: "a", Outcome: observe.OK})
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := count(); n != 4 {
			t.Errorf("%d at the end", n)
		}
	})
}
