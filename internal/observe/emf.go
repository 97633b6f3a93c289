package observe

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/starburst-go/starburst/consumer"
)

// Namespace is the metrics' namespace in CloudWatch.
const Namespace = "Starburst"

// DefaultEMFEvery is how often a worker writes its metrics: CloudWatch's resolution.
const DefaultEMFEvery = time.Minute

// maxTypes bounds the handlers that get metrics of their own, each three a month to pay; the rest are counted under otherTypes.
const (
	maxTypes   = 10
	otherTypes = "other"
)

// EMF writes a worker's metrics as lines in CloudWatch's embedded metric format: one for the stack, and one for each handler.
// The awslogs driver makes log events of the lines, and CloudWatch makes metrics of the log events, so that neither an agent nor a
// permission is needed. What a worker did in a minute is summed up before it is written: the lines' number does not depend on the tasks'.
//
// Its methods may be called concurrently.
type EMF struct {
	// Out is where the lines go, each in one Write. Required.
	Out io.Writer
	// Stack is the dimension that all metrics have, Worker the field "worker", which is no dimension: each value would be a metric to pay for.
	Stack, Worker string
	// Every is the time between two writes. Default: 1 min.
	Every time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time

	mu    sync.Mutex // protects the fields below
	total *tally
	types map[string]*tally
}

// tally is what was counted since the last write.
type tally struct {
	tasks, failures, duplicates, bad, lost int
	durations, waits                       histogram
}

// Tell takes an event. It is what Worker wants as its witness.
func (m *EMF) Tell(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.total == nil {
		m.total, m.types = &tally{}, map[string]*tally{}
	}
	switch e.Kind {
	case Ended, Unrun:
		if e.Outcome == Stopped {
			return
		}
		for _, t := range []*tally{m.total, m.of(e.Name)} {
			t.tasks++
			if e.Outcome != OK {
				t.failures++
			}
			if e.Kind == Ended {
				t.durations.add(e.Took)
			}
		}
	case Waited:
		m.total.waits.add(e.Took)
	case Duplicate:
		m.total.duplicates++
	case Bad:
		m.total.bad++
	case Lease:
		if e.Outcome == Lost {
			m.total.lost += e.N
		}
	case Began, Called:
	}
}

// of is the tally of a handler. Callers hold mu.
func (m *EMF) of(handler string) *tally {
	t, known := m.types[handler]
	if !known && len(m.types) >= maxTypes {
		handler = otherTypes
		t, known = m.types[handler]
	}
	if !known {
		t = &tally{}
		m.types[handler] = t
	}
	return t
}

// Run writes every m.Every until ctx ends, and once more then.
func (m *EMF) Run(ctx context.Context) error {
	every := m.Every
	if every <= 0 {
		every = DefaultEMFEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return m.Flush()
		case <-tick.C:
		}
		if err := m.Flush(); err != nil {
			return err
		}
	}
}

// Flush writes what was counted since the last call; nothing when nothing was.
func (m *EMF) Flush() error {
	now := time.Now()
	if m.Now != nil {
		now = m.Now()
	}
	m.mu.Lock()
	total, types := m.total, m.types
	m.total, m.types = nil, nil
	m.mu.Unlock()
	if total == nil {
		return nil
	}
	if err := m.write(now, "", []metric{
		{"Tasks", "Count", total.tasks}, {"TaskFailures", "Count", total.failures}, {"TaskDuration", "Milliseconds", &total.durations},
		{"QueueWait", "Milliseconds", &total.waits}, {"LeasesLost", "Count", total.lost},
		{"Duplicates", "Count", total.duplicates}, {"BadMessages", "Count", total.bad},
	}); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t := types[name]
		if err := m.write(now, name, []metric{
			{"Tasks", "Count", t.tasks}, {"TaskFailures", "Count", t.failures}, {"TaskDuration", "Milliseconds", &t.durations},
		}); err != nil {
			return err
		}
	}
	return nil
}

// metric is one of a line: a number, or a histogram, which is left out when it is empty.
type metric struct {
	name, unit string
	value      any
}

// write writes one line, whose shape is the embedded metric format's (CloudWatch user guide, "Specification: Embedded metric format"):
// one JSON object, the values at its top level, "_aws" to say which of them are metrics and dimensions.
func (m *EMF) write(now time.Time, handler string, metrics []metric) error {
	dimensions := []string{"Stack"}
	// Whoever reads the log finds a record like the others, at a level that can be left out.
	line := map[string]any{
		"Stack": m.Stack,
		"time":  now.UTC().Format(time.RFC3339Nano), "level": "DEBUG", "msg": "metrics", "component": "worker", "worker": m.Worker,
	}
	if handler != "" {
		dimensions, line["TaskType"] = append(dimensions, "TaskType"), handler
	}
	definitions := make([]map[string]string, 0, len(metrics))
	for _, x := range metrics {
		if h, is := x.value.(*histogram); is && h.count == 0 {
			continue
		}
		definitions = append(definitions, map[string]string{"Name": x.name, "Unit": x.unit})
		line[x.name] = x.value
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []map[string]any{{
			"Namespace": Namespace, "Dimensions": [][]string{dimensions}, "Metrics": definitions,
		}},
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = m.Out.Write(append(b, '\n'))
	return err
}

// histogram counts durations in milliseconds. Its buckets are three of the ledger's (consumer.HistBucket), so that there are at
// most 80: an embedded metric takes 100 values. A value in it is off by 14 % at most.
type histogram struct {
	count         int
	sum, min, max float64
	buckets       map[int]int
}

const perBucket = 3

func (h *histogram) add(d time.Duration) {
	ms := float64(d) / float64(time.Millisecond)
	if h.buckets == nil {
		h.buckets, h.min, h.max = map[int]int{}, ms, ms
	}
	h.count++
	h.sum += ms
	h.min, h.max = min(h.min, ms), max(h.max, ms)
	h.buckets[consumer.HistBucket(d)/perBucket]++
}

// MarshalJSON writes values with their counts, as CloudWatch's PutMetricData takes them (API reference, MetricDatum).
func (h *histogram) MarshalJSON() ([]byte, error) {
	out := struct {
		Values, Counts       []float64
		Max, Min, Count, Sum float64
	}{Max: h.max, Min: h.min, Count: float64(h.count), Sum: h.sum}
	for _, b := range slices.Sorted(maps.Keys(h.buckets)) {
		middle := math.Exp2((float64(b*perBucket) + float64(perBucket)/2 - 1) / 8) // bucket 1 begins at 1 ms, 8 make an octave
		out.Values = append(out.Values, min(h.max, max(h.min, middle)))
		out.Counts = append(out.Counts, float64(h.buckets[b]))
	}
	return json.Marshal(out)
}
