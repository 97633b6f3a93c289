package autoscale_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/starburst-go/starburst/autoscale"
	"pgregory.net/rapid"
)

// draw returns a believable situation: any configuration, state and observation that could occur.
func draw(t *rapid.T) (autoscale.Config, autoscale.State, autoscale.Observation) {
	count := func(label string, most int64) int64 {
		return rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, most)).Draw(t, label)
	}
	past := func(label string) time.Time {
		ago := rapid.Int64Range(-1, 1000).Draw(t, label)
		if ago < 0 {
			return time.Time{}
		}
		return noon.Add(-time.Duration(ago) * time.Second)
	}
	c := autoscale.Config{
		Max: int(count("max", 5000)), Slots: int(count("slots", 64)), FirstWave: int(count("first wave", 100)),
		StartUp: time.Duration(count("start-up", 200)) * time.Second,
	}
	running, pending := int(count("running", 5000)), int(count("pending", 500))
	desired := max(0, running+pending+rapid.IntRange(-3, 3).Draw(t, "desired"))
	s := autoscale.State{
		Seq: 1, Wave: count("wave", 12), WaveAt: past("wave at"), Want: desired, QuietSince: past("quiet"),
		EmptySince: past("empty"), Running: int(count("was running", 5000)), ArrivedAt: past("arrived"),
	}
	o := autoscale.Observation{
		Now: noon, Taken: noon, Visible: count("visible", 1e6), InFlight: count("in flight", 120_000), Delayed: count("delayed", 1e6),
		KnownTasks: count("known", 1e9), TasksPerMessage: rapid.Float64Range(0, 10_000).Draw(t, "mean"),
		Counts: counts(desired, running, pending),
		Heard:  rapid.IntRange(0, running).Draw(t, "heard"), Silent: rapid.IntRange(0, 50).Draw(t, "silent"),
	}
	o.Busy = rapid.IntRange(0, o.Heard).Draw(t, "busy")
	o.KnownMessages = rapid.Int64Range(0, o.KnownTasks).Draw(t, "known messages")
	if o.Busy == 0 {
		o.EmptySince = past("idle since")
	}
	o.IdlePolls = rapid.IntRange(0, max(0, o.Heard-o.Busy)).Draw(t, "idle polls")
	return c, s, o
}

func TestDecideKeepsItsLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := draw(t)
		c0, s0, o0 := c, s, o
		s1, d := autoscale.Decide(c, s, o)

		if d.Want > c.Max {
			t.Fatalf("want %d exceeds max %d (%s)", d.Want, c.Max, d.Reason)
		}
		if busy := o.Busy + min(o.Silent, max(0, o.Running-o.Heard)); d.Want < min(busy, o.Desired, c.Max) {
			t.Fatalf("want %d, but %d are busy (%s)", d.Want, busy, d.Reason)
		}
		if o.Visible > 0 && c.Max >= 1 && d.Want < 1 {
			t.Fatalf("%d messages visible and nobody wanted (%s)", o.Visible, d.Reason)
		}
		if d.Want > o.Desired {
			first := max(1, c.FirstWave)
			if d.Want > max(first, 2*o.Desired) {
				t.Fatalf("%d→%d is more than a doubling (%s)", o.Desired, d.Want, d.Reason)
			}
			if o.Visible+o.InFlight+o.KnownTasks == 0 {
				t.Fatalf("raised by delayed messages alone (%s)", d.Reason)
			}
			if slots := max(1, int64(c.Slots)); int64(d.Want) > max(1, (d.Backlog+slots-1)/slots) {
				t.Fatalf("want %d for %d tasks on %d slots (%s)", d.Want, d.Backlog, slots, d.Reason)
			}
			if d.Wave != s1.Wave || !s1.WaveAt.Equal(noon) || (o.Desired > 0 && s1.Wave != s.Wave+1) {
				t.Fatalf("raise not counted as a wave: %+v", s1)
			}
		}
		if d.Want == 0 && s1.Wave != 0 {
			t.Fatalf("at zero, still wave %d", s1.Wave)
		}
		if s1.Want != d.Want || s1.Seq != s.Seq+1 || d.Seq != s1.Seq || d.Reason == "" {
			t.Fatalf("state %+v does not match decision %+v", s1, d)
		}

		s2, again := autoscale.Decide(c0, s0, o0)
		if diff := cmp.Diff(d, again); diff != "" || s1 != s2 {
			t.Fatalf("same input, other output: %s", diff)
		}
		if c != c0 || s != s0 || !cmp.Equal(o, o0) {
			t.Fatal("input changed")
		}
	})
}

func TestMoreWorkNeverMeansFewerWorkers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := draw(t)
		_, less := autoscale.Decide(c, s, o)
		o.Visible += rapid.Int64Range(0, 1e6).Draw(t, "more visible")
		o.KnownTasks += rapid.Int64Range(0, 1e6).Draw(t, "more known")
		o.InFlight += rapid.Int64Range(0, 1e4).Draw(t, "more in flight")
		_, more := autoscale.Decide(c, s, o)
		if more.Want < less.Want {
			t.Fatalf("want fell from %d (%s) to %d (%s)", less.Want, less.Reason, more.Want, more.Reason)
		}
	})
}

func TestAbsurdObservationsChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := draw(t)
		bad := rapid.OneOf(rapid.Int64Range(math.MinInt64, -1), rapid.Int64Range(1e12+1, math.MaxInt64)).Draw(t, "bad")
		rapid.SampledFrom([]func(){
			func() { o.Visible = bad },
			func() { o.InFlight = bad },
			func() { o.Delayed = bad },
			func() { o.KnownTasks = bad },
			func() { o.KnownMessages = bad },
			func() { o.Running = int(bad) },
			func() { o.Pending = int(bad) },
			func() { o.Busy = int(bad) },
			func() { o.Silent = int(bad) },
			func() { o.TasksPerMessage = float64(bad) },
			func() { o.TasksPerMessage = math.NaN() },
			func() { o.TasksPerMessage = math.Inf(1) },
			func() { o.Taken = noon.Add(-time.Hour) },
			func() { s.At = noon.Add(time.Nanosecond) },
		}).Draw(t, "what")()
		s1, d := autoscale.Decide(c, s, o)
		s.Seq++
		if !d.Hold || d.Want != o.Desired || s1 != s {
			t.Fatalf("want hold at %d, got %+v and %s", o.Desired, d,
				cmp.Diff(s, s1, cmpopts.EquateNaNs()))
		}
	})
}

// A fleet that starts its workers within a tick reaches N in ⌈log2 N⌉+1 waves, and goes
// back to zero when the work is gone.
func TestWavesDoubleUpAndTheFleetEndsAtZero(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := autoscale.Config{Max: rapid.IntRange(1, 3000).Draw(t, "max"), StartUp: 10 * time.Second, Policy: autoscale.Policy{LaunchBurst: 3000}}
		var s autoscale.State
		var d autoscale.Decision
		o := autoscale.Observation{Visible: 100_000, KnownTasks: 100_000, KnownMessages: 100_000, Now: noon}
		for d.Want < c.Max {
			o.Taken = o.Now
			s, d = autoscale.Decide(c, s, o)
			o.Counts = counts(d.Want, d.Want, 0)
			o.Now = o.Now.Add(10 * time.Second)
			if s.Wave > 13 {
				t.Fatalf("wave %d and only %d of %d workers", s.Wave, d.Want, c.Max)
			}
		}
		if waves := int64(math.Ceil(math.Log2(float64(c.Max)))) + 1; s.Wave != waves {
			t.Fatalf("%d workers took %d waves, want %d", c.Max, s.Wave, waves)
		}
		o.Visible, o.KnownTasks, o.KnownMessages = 0, 0, 0
		for range 20 {
			o.Taken = o.Now
			s, d = autoscale.Decide(c, s, o)
			o.Counts = counts(d.Want, d.Want, 0)
			o.Now = o.Now.Add(10 * time.Second)
		}
		if d.Want != 0 || s.Wave != 0 {
			t.Fatalf("idle for 200 s and still %d workers: %s", d.Want, d.Reason)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	c := autoscale.Config{Max: 10_000, Slots: 4}
	s := autoscale.State{Wave: 9, WaveAt: before(time.Minute), Want: 512, Running: 500, ArrivedAt: before(time.Minute)}
	o := autoscale.Observation{
		Now: noon, Taken: noon, Visible: 80_000, InFlight: 2_000, KnownTasks: 8_000_000, KnownMessages: 80_000,
		Counts: counts(512, 512, 0), Heard: 512, Busy: 512,
	}
	b.ReportAllocs()
	for b.Loop() {
		autoscale.Decide(c, s, o)
	}
}
