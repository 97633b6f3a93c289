package autoscale_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

// Mistakes that were made on the way to this policy, each once (the seventh, the order of events, is the simulator's).

// sized is a fleet whose ledgers name all work, with known durations.
func sized(mode autoscale.Mode, mean time.Duration) (autoscale.Config, autoscale.Observation) {
	c := autoscale.Config{Max: 1000, Policy: autoscale.Policy{Mode: mode, Exclusive: true, Price: pico}}
	o := autoscale.Observation{Now: noon, Taken: noon}
	o.Prior = autoscale.Prior{Mean: mean, CV: .1}
	return c, o
}

// run makes workers busy for so long with a task each.
func run(o *autoscale.Observation, workers int, age time.Duration) {
	o.Counts, o.Heard, o.Busy, o.BusySlots = counts(workers, workers, 0), workers, workers, workers
	o.Ages = autoscale.Histogram{}
	o.Ages.Add(age, int64(workers))
}

func later(o *autoscale.Observation, d time.Duration) {
	o.Now = o.Now.Add(d)
	o.Taken = o.Now
}

// 1: visible and in-flight counts that are smoothed apart count a message twice as it moves from one to the other: 654 workers for 500 tasks.
func TestMistake1TasksThatMoveAreNotCountedTwice(t *testing.T) {
	t.Parallel()
	c, o := sized(autoscale.Efficiency, 10*time.Minute)
	c.Exclusive = false
	var s autoscale.State
	for i := range 50 {
		busy := min(500, 50*i)
		o.Visible, o.InFlight = int64(500-busy), int64(busy)
		run(&o, busy, time.Minute)
		var d autoscale.Decision
		s, d = autoscale.Decide(c, s, o)
		if d.Want > 500 {
			t.Fatalf("%d workers for 500 tasks (%s)", d.Want, d.Reason)
		}
		later(&o, 10*time.Second)
	}
}

// 2: for constants the exponential's maximum likelihood is without bound until the first ends: 5,800 s for tasks of 300 s.
func TestMistake2ConstantTasksAreNotOverrated(t *testing.T) {
	t.Parallel()
	var done, ages autoscale.Histogram
	ages.Add(299*time.Second, 100)
	done.Add(300*time.Second, 5)
	if mean := autoscale.EstimateMean(&done, &ages, 1500); mean < 270 || mean > 600 {
		t.Errorf("tasks of 300 s are taken to last %.0f s", mean)
	}
}

// 3: workers in the middle of long tasks absorb nothing: without the −1, 17 tasks waited for a round of 600 s.
func TestMistake3LongTasksAbsorbNothing(t *testing.T) {
	t.Parallel()
	c, o := sized(autoscale.Efficiency, 10*time.Minute)
	o.KnownTasks, o.KnownMessages = 500, 500
	run(&o, 483, time.Minute)
	if _, d := autoscale.Decide(c, autoscale.State{Wave: 4, WaveAt: before(time.Hour)}, o); d.Want < 500 {
		t.Errorf("17 tasks of 10 min must wait for others: %s", d.Reason)
	}
}

// 4: what SQS says is in flight is a minute old; heartbeats know who is busy.
func TestMistake4HeartbeatsSayWhatIsInFlight(t *testing.T) {
	t.Parallel()
	c, o := sized(autoscale.Efficiency, 10*time.Minute)
	c.Exclusive = false
	o.InFlight = 400 // long done
	run(&o, 3, time.Minute)
	s := autoscale.State{Wave: 1, WaveAt: before(time.Hour)}
	for range 4 {
		var d autoscale.Decision
		s, d = autoscale.Decide(c, s, o)
		if d.Want > 3 {
			t.Fatalf("%d workers for what nobody holds any more (%s)", d.Want, d.Reason)
		}
		later(&o, 10*time.Second)
	}
}

// 5: the last task may be the longest seen, not twice the mean: deadlines were missed by 15 % with heavy tails.
func TestMistake5DeadlinesLeaveRoomForTheLongestTask(t *testing.T) {
	t.Parallel()
	c, o := sized(autoscale.Deadline, 20*time.Second)
	c.Deadline = noon.Add(40 * time.Minute)
	o.KnownTasks, o.KnownMessages = 10_000, 10_000
	run(&o, 50, 10*time.Second)
	o.Done.Add(10*time.Second, 990)
	_, without := autoscale.Decide(c, autoscale.State{}, o)
	o.Done.Add(30*time.Minute, 1)
	_, with := autoscale.Decide(c, autoscale.State{}, o)
	if with.Want < 2*without.Want {
		t.Errorf("a task of 30 min leaves 10 min for the rest, yet want went from %d to %d (%s)", without.Want, with.Want, with.Reason)
	}
}

// 6: the dead band must not hold back the workers for the last tasks.
func TestMistake6TheDeadBandLetsTheLastWorkersStart(t *testing.T) {
	t.Parallel()
	c, o := sized(autoscale.Efficiency, 10*time.Minute)
	o.KnownTasks, o.KnownMessages = 500, 500
	run(&o, 495, time.Second)
	if _, d := autoscale.Decide(c, autoscale.State{Wave: 9, WaveAt: before(time.Hour)}, o); d.Want != 500 {
		t.Errorf("5 of 500 tasks wait for want of a worker: %s", d.Reason)
	}
}

// spending is a fleet in a budget of which little is left.
func spending(t *testing.T, leftSeconds int64) (autoscale.Config, autoscale.State, autoscale.Observation) {
	t.Helper()
	c, o := sized(autoscale.Budget, time.Minute)
	c.Budget.Total = 100_000 * pico
	o.Spent = cost.PicoUSD(100_000-leftSeconds) * pico
	o.KnownTasks, o.KnownMessages = 5000, 5000
	run(&o, 20, 5*time.Second)
	s, d := autoscale.Decide(c, autoscale.State{}, o)
	if !d.Drain {
		t.Fatalf("%d s left for 20 workers with 55 s each to go, and no drain: %s", leftSeconds, d.Reason)
	}
	return c, s, o
}

// 8: workers that drain are idle because they may not poll; that proves nothing about the queue.
func TestMistake8IdleWorkersInADrainProveNothing(t *testing.T) {
	t.Parallel()
	c, s, o := spending(t, 1200)
	later(&o, 10*time.Second)
	o.Busy, o.BusySlots, o.IdlePolls = 10, 10, 10
	if _, d := autoscale.Decide(c, s, o); !d.Drain {
		t.Errorf("the drain ended: %s", d.Reason)
	}
}

// 9: a drain that an estimate of a moment began must end when the estimate does: a run ended at 56 % of its budget.
func TestMistake9ADrainCanEnd(t *testing.T) {
	t.Parallel()
	c, s, o := spending(t, 1200)
	later(&o, 10*time.Second)
	run(&o, 20, time.Second)
	o.Done.Add(time.Second, 10_000) // the tasks are short after all
	if _, d := autoscale.Decide(c, s, o); d.Drain || d.StopAll {
		t.Errorf("1,200 s are left for tasks of a second, and still: %s", d.Reason)
	}
}

// Half a day of random load: a fleet with noise in its counts does not flap.
func TestCountsThatJumpDoNotMakeTheFleetFlap(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	c, o := sized(autoscale.Efficiency, 30*time.Second)
	c.Exclusive = false
	var s autoscale.State
	changes := 0
	for range 200 {
		o.Visible, o.InFlight = 8000+r.Int64N(4000), 800+r.Int64N(400)
		var d autoscale.Decision
		s, d = autoscale.Decide(c, s, o)
		if d.Want < o.Desired {
			t.Fatalf("shrunk with 8,000 tasks waiting: %s", d.Reason)
		}
		if d.Want != o.Desired {
			changes++
		}
		run(&o, d.Want, 15*time.Second)
		later(&o, 10*time.Second)
	}
	if changes > 9 {
		t.Errorf("%d changes for a load that does not change", changes)
	}
}

// A job is found some ticks after its messages are seen: they must not count as a stranger's and as the job's.
func TestAJobThatIsFoundLateIsNotCountedTwice(t *testing.T) {
	t.Parallel()
	c := autoscale.Config{Max: 100_000, Policy: autoscale.Policy{Mode: autoscale.Efficiency}}
	var s autoscale.State
	want := 0
	for tick := range 4 {
		o := autoscale.Observation{Now: noon.Add(time.Duration(tick) * 30 * time.Second), Visible: 400, Counts: counts(want, want, 0)}
		o.Taken, o.Prior.Mean, o.Prior.Weight = o.Now, time.Minute, 1e6
		if tick > 0 {
			o.KnownTasks, o.KnownMessages = 400, 400
		}
		var d autoscale.Decision
		s, d = autoscale.Decide(c, s, o)
		if tick > 0 && d.Want > want {
			t.Errorf("tick %d: %s", tick, d.Reason)
		}
		want = d.Want
	}
}
