package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var out bytes.Buffer
	b := New(&out, "simulate", 10_000, func() time.Time { return now })

	b.Update(Snapshot{Done: 10}) // too early: a job that is over at once prints nothing
	now = now.Add(5 * time.Second)
	b.Update(Snapshot{Done: 100}) // not yet ten seconds
	if out.Len() != 0 {
		t.Fatalf("printed early: %q", out.String())
	}
	now = now.Add(5 * time.Second)
	b.Update(Snapshot{Done: 2500, Failed: 3, Workers: 2, Cost: "$0.0012"})
	b.Done()
	want := "simulate: 25 %  2,500/10,000  3 failed  250/s  ETA 0:30  2 workers  $0.0012\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestDoneNeverGoesBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var out bytes.Buffer
	b := New(&out, "x", 10, func() time.Time { return now })
	b.Update(Snapshot{Done: 7})
	now = now.Add(11 * time.Second)
	b.Update(Snapshot{Done: 5})
	if !strings.Contains(out.String(), "7/10") {
		t.Errorf("a lagging source took the count back: %q", out.String())
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestMoreThanAllFillsTheBarOnly(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	b := New(&bytes.Buffer{}, "x", 10, func() time.Time { return now })
	b.Update(Snapshot{Done: 25}) // a task that is run again is counted twice
	if got := b.bar(now); strings.Count(got, "━") != barWidth || strings.Contains(got, "─") {
		t.Errorf("bar %q; want a full one", got)
	}
}
