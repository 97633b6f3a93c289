package autoscale_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

// pico is the price of a worker-second in these tests.
const pico = 14_000_000

var modes = []autoscale.Mode{autoscale.Efficiency, autoscale.Deadline, autoscale.Value, autoscale.Budget}

// drawSized returns any believable situation of a fleet that weighs what a worker costs.
func drawSized(t *rapid.T) (autoscale.Config, autoscale.State, autoscale.Observation) {
	c, s, o := draw(t)
	c.StartUp = time.Duration(rapid.IntRange(1, 200).Draw(t, "start")) * time.Second
	c.Policy = autoscale.Policy{
		Mode: rapid.SampledFrom(modes).Draw(t, "mode"), Efficiency: rapid.Float64Range(.05, .95).Draw(t, "efficiency"),
		Deadline: noon.Add(time.Duration(rapid.IntRange(-10, 7200).Draw(t, "deadline")) * time.Second),
		Value:    cost.USD, Price: pico, Exclusive: rapid.Bool().Draw(t, "exclusive"),
		Services: rapid.IntRange(1, 3).Draw(t, "services"),
	}
	e := &o.Evidence
	for range rapid.IntRange(0, 5).Draw(t, "durations") {
		d := time.Duration(rapid.Float64Range(-4, 4).Draw(t, "log10")*float64(time.Second)) + time.Millisecond
		e.Done.Add(d, rapid.Int64Range(0, 1e5).Draw(t, "done"))
	}
	busySlots := o.Busy * rapid.IntRange(1, max(1, c.Slots)).Draw(t, "slots busy")
	e.Ages.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "age"))*time.Second, int64(busySlots))
	e.BusySlots = busySlots
	e.Prior = autoscale.Prior{Mean: time.Duration(rapid.IntRange(0, 600_000).Draw(t, "prior")) * time.Millisecond}
	e.IdlePaid = rapid.IntRange(0, max(0, o.Heard-o.Busy)).Draw(t, "idle paid")
	if rapid.Bool().Draw(t, "quota?") {
		e.Quota = autoscale.RoomFor(rapid.IntRange(0, 6000).Draw(t, "quota"))
	}
	if rapid.Bool().Draw(t, "addresses?") {
		e.Addresses = autoscale.RoomFor(rapid.IntRange(0, 6000).Draw(t, "addresses"))
	}
	if s.Wave > 0 {
		s.Probe = rapid.IntRange(1, 5000).Draw(t, "probe")
	}
	s.ProgressAt, s.Progress = noon, e.Done.Count()
	return c, s, o
}

// withMoney adds a budget of which some is spent.
func withMoney(t *rapid.T, c *autoscale.Config, o *autoscale.Observation) {
	c.Budget.Total = cost.PicoUSD(rapid.Int64Range(1, 1e8).Draw(t, "budget seconds")) * pico
	o.Spent = cost.PicoUSD(rapid.Int64Range(0, 1e8).Draw(t, "spent seconds")) * pico
	o.Provisioning = rapid.IntRange(0, o.Pending).Draw(t, "provisioning")
}

func TestSizesKeepTheirLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := drawSized(t)
		if c.Mode == autoscale.Budget || rapid.Bool().Draw(t, "money?") {
			withMoney(t, &c, &o)
		}
		c0, s0, o0 := c, s, o
		s1, d := autoscale.Decide(c, s, o)
		if d.Reason == "" || strings.Contains(d.Reason, "\n") || strings.Contains(d.Reason, "NaN") {
			t.Fatalf("reason %q", d.Reason)
		}
		// The limits bind raises, whatever else; what runs is not cut off for a quota that fell.
		top := c.Max
		for _, r := range []autoscale.Room{o.Quota, o.Addresses} {
			if r.Limited {
				top = min(top, o.Desired+r.Left)
			}
		}
		if d.Want > c.Max || d.Want > max(o.Desired, top) {
			t.Fatalf("want %d exceeds a limit: max %d, top %d (%s)", d.Want, c.Max, top, d.Reason)
		}
		busy := o.Busy + min(o.Silent, max(0, o.Running-o.Heard))
		if !d.StopAll && d.Want < min(busy, o.Desired, c.Max) {
			t.Fatalf("want %d, but %d are busy (%s)", d.Want, busy, d.Reason)
		}
		if d.Want > o.Desired && (d.Drain || d.StopAll || d.Wave != s1.Wave) {
			t.Fatalf("raise in a drain, or without a wave: %+v", d)
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

// Whatever is visible gets a worker, when there is room for one and nobody said that it may wait.
func TestVisibleWorkNeverStarves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := drawSized(t)
		c.Exclusive, o.IdlePolls, c.Max = false, 0, max(1, c.Max)
		o.Quota, o.Addresses, o.Visible = autoscale.Room{}, autoscale.Room{}, max(1, o.Visible)
		if c.Mode == autoscale.Budget {
			c.Mode = autoscale.Efficiency
		}
		o.InFlight = 0
		// One count of three may be wrong: it takes two looks to be sure.
		for range 3 {
			s, _ = autoscale.Decide(c, s, o)
			o.Now = o.Now.Add(10 * time.Second)
			o.Taken = o.Now
		}
		if _, d := autoscale.Decide(c, s, o); d.Want < 1 {
			t.Fatalf("%d messages visible and nobody wanted (%s)", o.Visible, d.Reason)
		}
	})
}

func TestMoreWorkNeverMeansASmallerSize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := drawSized(t)
		if c.Mode == autoscale.Budget { // more work leaves less money to start workers with
			c.Mode = autoscale.Efficiency
		}
		_, less := autoscale.Decide(c, s, o)
		o.KnownTasks += rapid.Int64Range(0, 1e6).Draw(t, "more known")
		_, more := autoscale.Decide(c, s, o)
		if more.Want < less.Want {
			t.Fatalf("want fell from %d (%s) to %d (%s)", less.Want, less.Reason, more.Want, more.Reason)
		}
	})
}

// What is delayed starts nobody.
func TestDelayedMessagesRaiseNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := drawSized(t)
		_, without := autoscale.Decide(c, s, o)
		o.Delayed += rapid.Int64Range(1, 1e6).Draw(t, "more delayed")
		_, with := autoscale.Decide(c, s, o)
		if with.Want > without.Want && with.Want > o.Desired {
			t.Fatalf("want rose from %d (%s) to %d (%s)", without.Want, without.Reason, with.Want, with.Reason)
		}
	})
}

// Work that the present workers end before a new one could begin is no reason to start one.
func TestWorkThatIsDoneBeforeAStartRaisesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := drawSized(t)
		c.Mode, c.Exclusive, c.StartUp = autoscale.Efficiency, true, 40*time.Second
		workers := rapid.IntRange(1, 1000).Draw(t, "workers")
		o.Counts, o.Busy, o.BusySlots, o.Heard, o.Silent, o.IdlePolls = counts(workers, workers, 0), 0, 0, workers, 0, 0
		o.Done, o.Ages, o.Prior = autoscale.Histogram{}, autoscale.Histogram{}, autoscale.Prior{Mean: time.Second, CV: .1}
		o.KnownTasks = rapid.Int64Range(0, int64(workers)*40*int64(max(1, c.Slots))).Draw(t, "tasks")
		o.KnownMessages = o.KnownTasks
		if _, d := autoscale.Decide(c, s, o); d.Want > workers {
			t.Fatalf("%d→%d for work of less than a start-up (%s)", workers, d.Want, d.Reason)
		}
	})
}

// With a ledger that names everything, SQS's counts may be as wrong as they like.
func TestNoiseOfTheCountsChangesNothingWithALedger(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := drawSized(t)
		c.Exclusive = true
		o.InFlight = min(o.InFlight, 50_000) // near SQS's limit empty polls prove nothing
		if o.Visible+o.InFlight == 0 {
			o.Visible = 1
		}
		s1, a := autoscale.Decide(c, s, o)
		wrong := func(n int64) int64 { return int64(float64(n)*rapid.Float64Range(.8, 1.2).Draw(t, "noise")) + 1 }
		o.Visible, o.InFlight = wrong(o.Visible), wrong(o.InFlight)
		s2, b := autoscale.Decide(c, s, o)
		if a.Want != b.Want || a.Reason != b.Reason || s1 != s2 {
			t.Fatalf("%s\nbecame %s\n%s", a.Reason, b.Reason, cmp.Diff(s1, s2))
		}
	})
}

func TestTheOrderOfKindsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, s, o := drawSized(t)
		for range rapid.IntRange(2, 6).Draw(t, "kinds") {
			o.Kinds = append(o.Kinds, autoscale.Kind{Tasks: rapid.Int64Range(0, 1000).Draw(t, "tasks"), Done: rapid.Int64Range(0, 1000).Draw(t, "done"),
				DoneTime: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "time"))})
		}
		_, a := autoscale.Decide(c, s, o)
		o.Kinds = slices.Clone(o.Kinds)
		slices.Reverse(o.Kinds)
		if _, b := autoscale.Decide(c, s, o); a.Want != b.Want {
			t.Fatalf("%d became %d", a.Want, b.Want)
		}
	})
}

// Durations that are known get a fleet to its size in few waves.
func TestKnownDurationsNeedFewWaves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 4000).Draw(t, "max")
		c := autoscale.Config{Max: most, Policy: autoscale.Policy{Mode: autoscale.Efficiency, Exclusive: true, LaunchRate: 1000, LaunchBurst: 5000, Services: 120}}
		o := autoscale.Observation{Now: noon, KnownTasks: 1_000_000, KnownMessages: 1_000_000}
		o.Prior = autoscale.Prior{Mean: time.Minute, CV: .3}
		var s autoscale.State
		var d autoscale.Decision
		for d.Want < most {
			o.Taken = o.Now
			s, d = autoscale.Decide(c, s, o)
			o.Counts = counts(d.Want, d.Want, 0)
			o.Heard, o.Busy, o.BusySlots = d.Want, d.Want, d.Want
			o.Now = o.Now.Add(10 * time.Second)
			if allowed := int64(math.Ceil(math.Log2(float64(most)/8))) + 2; s.Wave > max(2, allowed) {
				t.Fatalf("wave %d for %d workers (%s)", s.Wave, most, d.Reason)
			}
		}
	})
}

// Nonsense changes nothing.
func TestAbsurdEvidenceHolds(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*autoscale.Observation){
		"negative durations":    func(o *autoscale.Observation) { o.Done[3] = -1 },
		"negative ages":         func(o *autoscale.Observation) { o.Ages[3] = -1 },
		"busy slots":            func(o *autoscale.Observation) { o.BusySlots = -1 },
		"idle":                  func(o *autoscale.Observation) { o.IdlePaid = -1 },
		"prior deviation":       func(o *autoscale.Observation) { o.Prior.CV = math.NaN() },
		"prior weight":          func(o *autoscale.Observation) { o.Prior.Weight = math.Inf(1) },
		"prior mean":            func(o *autoscale.Observation) { o.Prior.Mean = 1 << 62 },
		"start-up of a century": func(o *autoscale.Observation) { o.StartUp = 1 << 62 },
		"interruptions":         func(o *autoscale.Observation) { o.Interruptions = -1 },
		"prepaid":               func(o *autoscale.Observation) { o.Prepaid = -1 },
		"spending":              func(o *autoscale.Observation) { o.SpentHour = -1 },
		"a kind":                func(o *autoscale.Observation) { o.Kinds = []autoscale.Kind{{Done: -1}} },
		"quota":                 func(o *autoscale.Observation) { o.Quota.Left = -5 },
	} {
		o := autoscale.Observation{Now: noon, Taken: noon, Visible: 5, Counts: counts(3, 3, 0)}
		spoil(&o)
		s := autoscale.State{Wave: 2, Want: 3}
		s1, d := autoscale.Decide(autoscale.Config{Max: 10, Policy: autoscale.Policy{Mode: autoscale.Efficiency}}, s, o)
		s.Seq++
		if !d.Hold || d.Want != 3 || s1 != s {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// A sequence of any bytes is a sequence of observations; whatever they say, the limits hold and nothing panics.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("a sequence of observations, some of them odd"))
	f.Fuzz(func(t *testing.T, data []byte) {
		seed := uint64(len(data))
		for _, b := range data {
			seed = seed*1099511628211 + uint64(b)
		}
		r := rand.New(rand.NewPCG(seed, 1))
		c := autoscale.Config{Max: r.IntN(500), Policy: autoscale.Policy{Mode: modes[r.IntN(len(modes))], Price: pico, Value: cost.USD,
			Budget: autoscale.Caps{Total: cost.PicoUSD(r.IntN(1e6)) * pico}, Deadline: noon.Add(time.Hour)}}
		var s autoscale.State
		o := autoscale.Observation{Now: noon}
		for _, b := range data {
			o.Now = o.Now.Add(time.Duration(b) * time.Second / 8)
			o.Taken, o.Visible, o.InFlight = o.Now, r.Int64N(1e6)-10, r.Int64N(1e4)
			o.Running = r.IntN(max(1, o.Desired+2))
			o.Pending = max(0, o.Desired-o.Running)
			o.Heard = o.Running
			o.Busy = r.IntN(o.Heard + 1)
			o.IdlePaid, o.IdlePolls = r.IntN(o.Heard-o.Busy+1), r.IntN(o.Heard-o.Busy+1)
			o.Done[r.IntN(autoscale.Buckets)] += r.Int64N(100)
			o.Ages = autoscale.Histogram{}
			o.Ages[r.IntN(autoscale.Buckets)] = int64(o.Busy)
			o.Spent += cost.PicoUSD(o.Running) * pico
			var d autoscale.Decision
			s, d = autoscale.Decide(c, s, o)
			if d.Hold {
				continue
			}
			if d.Want < 0 || d.Want > c.Max {
				t.Fatalf("want %d of at most %d (%s)", d.Want, c.Max, d.Reason)
			}
			o.Desired = d.Want
		}
	})
}

// large is a fleet of so many workers in the middle of its growth.
func large(workers int) (autoscale.Config, autoscale.State, autoscale.Observation) {
	c := autoscale.Config{Max: 10 * workers, Slots: 4, Policy: autoscale.Policy{Mode: autoscale.Efficiency, Services: 3}}
	s := autoscale.State{Wave: 9, WaveAt: before(time.Minute), Want: workers, Running: workers, ArrivedAt: before(time.Minute)}
	o := autoscale.Observation{
		Now: noon, Taken: noon, Visible: 80_000, InFlight: 2_000, KnownTasks: 8_000_000, KnownMessages: 80_000,
		Counts: counts(workers, workers, 0), Heard: workers, Busy: workers,
	}
	r := rand.New(rand.NewPCG(1, 1))
	o.Done, o.Ages, _, _ = young(r, workers, 300, func(r *rand.Rand) float64 { return 30 * r.ExpFloat64() })
	return c, s, o
}

// A decision takes less than 50 µs and allocates as much for three hundred workers as for ten thousand. The fastest of some
// counts, as the machine may be busy with others' work.
func TestDecidingIsCheapForAnyFleet(t *testing.T) {
	allocated := map[int]float64{}
	for _, workers := range []int{300, 10_000} {
		c, s, o := large(workers)
		allocated[workers] = testing.AllocsPerRun(100, func() { autoscale.Decide(c, s, o) })
		best := time.Hour
		for range 200 {
			begin := time.Now()
			autoscale.Decide(c, s, o)
			best = min(best, time.Since(begin))
		}
		if best > 50*time.Microsecond && !raced {
			t.Errorf("%d workers: %s", workers, best)
		}
	}
	if allocated[10_000] > allocated[300]+3 { // longer texts, perhaps
		t.Errorf("allocations by workers: %v", allocated)
	}
}

func BenchmarkDecideSized(b *testing.B) {
	c, s, o := large(10_000)
	b.ReportAllocs()
	for b.Loop() {
		autoscale.Decide(c, s, o)
	}
}
