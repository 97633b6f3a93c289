package autoscale_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

var (
	noon   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	before = func(d time.Duration) time.Time { return noon.Add(-d) }
)

// decideCase is a decision in full: what was remembered and seen, what is decided and
// remembered after. Times are relative to noon, the time of the decision; Now, Taken
// and the bookkeeping (Seq, At) are filled in.
type decideCase struct {
	because string
	config  autoscale.Config
	state   autoscale.State
	seen    autoscale.Observation

	want    int
	wave    int64
	hold    bool
	binding autoscale.Binding
	reason  string
	after   autoscale.State
}

var growing = []decideCase{
	{
		because: "an empty fleet with nothing to do stays at zero",
		config:  autoscale.Config{Max: 10},
		reason:  "nothing queued",
		after:   autoscale.State{QuietSince: noon, EmptySince: noon, ArrivedAt: noon},
	},
	{
		because: "the first wave is one worker, whatever is queued: nobody knows yet how long a task takes",
		config:  autoscale.Config{Max: 1000, Slots: 2},
		seen:    autoscale.Observation{Visible: 100, KnownTasks: 10_000, KnownMessages: 100},
		want:    1, wave: 1, binding: autoscale.BindWave,
		reason: "wave 1: 0→1, doubling; 10000 tasks waiting or running in 100 messages want 100; running 0, pending 0",
		after:  autoscale.State{Want: 1, Wave: 1, WaveAt: noon, ArrivedAt: noon},
	},
	{
		because: "a first wave may be set larger, on a laptop where a start costs nothing",
		config:  autoscale.Config{Max: 4, FirstWave: 4},
		seen:    autoscale.Observation{Visible: 100, KnownTasks: 10_000, KnownMessages: 100},
		want:    4, wave: 1, binding: autoscale.BindMax,
		reason: "wave 1: 0→4, all that is wanted; 10000 tasks waiting or running in 100 messages want 4; running 0, pending 0",
		after:  autoscale.State{Want: 4, Wave: 1, WaveAt: noon, ArrivedAt: noon},
	},
	{
		because: "waves double once the last has arrived",
		config:  autoscale.Config{Max: 1000},
		state:   autoscale.State{Wave: 3, WaveAt: before(25 * time.Second), Want: 4, Running: 2, ArrivedAt: before(10 * time.Second)},
		seen:    autoscale.Observation{Visible: 90, InFlight: 4, KnownTasks: 9_900, KnownMessages: 99, Counts: counts(4, 4, 0), Busy: 4, Heard: 4},
		want:    8, wave: 4, binding: autoscale.BindWave,
		reason: "wave 4: 4→8, doubling; 9900 tasks waiting or running in 99 messages want 99; running 4, pending 0",
		after:  autoscale.State{Want: 8, Wave: 4, WaveAt: noon, Running: 4, ArrivedAt: noon},
	},
	{
		because: "the next wave waits while most of the last is still starting",
		config:  autoscale.Config{Max: 1000},
		state:   autoscale.State{Wave: 3, WaveAt: before(25 * time.Second), Want: 4, Running: 1, ArrivedAt: before(10 * time.Second)},
		seen:    autoscale.Observation{Visible: 90, KnownTasks: 9_900, KnownMessages: 99, Counts: counts(4, 1, 3)},
		want:    4, wave: 3, binding: autoscale.BindWave,
		reason: "keep 4: wave 3 is arriving; 9900 tasks waiting or running in 99 messages want 99; running 1, pending 3",
		after:  autoscale.State{Want: 4, Wave: 3, WaveAt: before(25 * time.Second), Running: 1, ArrivedAt: before(10 * time.Second)},
	},
	{
		because: "but not for ever: after one and a half start-ups a straggler no longer counts",
		config:  autoscale.Config{Max: 1000},
		state:   autoscale.State{Wave: 3, WaveAt: before(61 * time.Second), Want: 4, Running: 1, ArrivedAt: before(50 * time.Second)},
		seen:    autoscale.Observation{Visible: 90, KnownTasks: 9_900, KnownMessages: 99, Counts: counts(4, 1, 3)},
		want:    8, wave: 4, binding: autoscale.BindWave,
		reason: "wave 4: 4→8, doubling; 9900 tasks waiting or running in 99 messages want 99; running 1, pending 3",
		after:  autoscale.State{Want: 8, Wave: 4, WaveAt: noon, Running: 1, ArrivedAt: before(50 * time.Second)},
	},
	{
		because: "workers that do not arrive for two minutes stop further launches, each a paid minute",
		config:  autoscale.Config{Max: 1000},
		state:   autoscale.State{Wave: 3, WaveAt: before(time.Minute), Want: 4, Running: 1, ArrivedAt: before(2 * time.Minute)},
		seen:    autoscale.Observation{Visible: 90, KnownTasks: 9_900, KnownMessages: 99, Counts: counts(4, 1, 3)},
		want:    4, wave: 3, binding: autoscale.BindStuck,
		reason: "keep 4: 3 workers launched but not arrived for 2m0s, see the service's events; 9900 tasks waiting or running in 99 messages want 99; running 1, pending 3",
		after:  autoscale.State{Want: 4, Wave: 3, WaveAt: before(time.Minute), Running: 1, ArrivedAt: before(2 * time.Minute)},
	},
	{
		because: "no more workers than tasks for their slots",
		config:  autoscale.Config{Max: 1000, Slots: 4, FirstWave: 100},
		seen:    autoscale.Observation{Visible: 9, KnownTasks: 9, KnownMessages: 9},
		want:    3, wave: 1, binding: autoscale.BindTasks,
		reason: "wave 1: 0→3, all that is wanted; 9 tasks waiting or running in 9 messages want 3; running 0, pending 0",
		after:  autoscale.State{Want: 3, Wave: 1, WaveAt: noon, ArrivedAt: noon},
	},
	{
		because: "no more workers than messages: a worker takes a message whole",
		config:  autoscale.Config{Max: 1000, FirstWave: 100},
		seen:    autoscale.Observation{Visible: 5, KnownTasks: 5_000, KnownMessages: 5},
		want:    5, wave: 1, binding: autoscale.BindMessages,
		reason: "wave 1: 0→5, all that is wanted; 5000 tasks waiting or running in 5 messages want 5; running 0, pending 0",
		after:  autoscale.State{Want: 5, Wave: 1, WaveAt: noon, ArrivedAt: noon},
	},
	{
		because: "a job whose messages SQS does not count yet gets its worker all the same",
		config:  autoscale.Config{Max: 10},
		seen:    autoscale.Observation{KnownTasks: 100, KnownMessages: 10},
		want:    1, wave: 1, binding: autoscale.BindWave,
		reason: "wave 1: 0→1, doubling; 100 tasks waiting or running in 10 messages want 10; running 0, pending 0",
		after:  autoscale.State{Want: 1, Wave: 1, WaveAt: noon, EmptySince: noon, ArrivedAt: noon},
	},
	{
		because: "messages of programs that bypass our client count with the mean size of a message",
		config:  autoscale.Config{Max: 1000, Slots: 10, FirstWave: 100},
		seen:    autoscale.Observation{Visible: 110, KnownTasks: 1_000, KnownMessages: 10, TasksPerMessage: 2.5},
		want:    100, wave: 1, binding: autoscale.BindWave,
		reason: "wave 1: 0→100, doubling; 1250 tasks waiting or running in 110 messages want 110; running 0, pending 0",
		after:  autoscale.State{Want: 100, Wave: 1, WaveAt: noon, ArrivedAt: noon},
	},
	{
		because: "an idle worker's empty poll disproves a count of visible messages that has not settled yet",
		config:  autoscale.Config{Max: 1000},
		state:   autoscale.State{Wave: 2, WaveAt: before(time.Minute), Want: 2, Running: 2, ArrivedAt: before(time.Minute)},
		seen: autoscale.Observation{Visible: 500, InFlight: 1, KnownTasks: 1, KnownMessages: 1, Counts: counts(2, 2, 0),
			Busy: 1, Heard: 2, IdlePolls: 1},
		want: 2, wave: 2,
		reason: "keep 2: 1 task waiting or running in 501 messages want 1; running 2, pending 0",
		after:  autoscale.State{Want: 2, Wave: 2, WaveAt: before(time.Minute), Running: 2, ArrivedAt: noon},
	},
	{
		because: "delayed messages start nobody: there is nothing to receive",
		config:  autoscale.Config{Max: 10},
		seen:    autoscale.Observation{Delayed: 5, KnownTasks: 5, KnownMessages: 1},
		reason:  "5 messages delayed, none to receive now",
		after:   autoscale.State{QuietSince: noon, ArrivedAt: noon},
	},
	{
		because: "messages in flight with no worker are those of dead workers and will come back",
		config:  autoscale.Config{Max: 10},
		seen:    autoscale.Observation{InFlight: 1},
		want:    1, wave: 1, binding: autoscale.BindTasks,
		reason: "wave 1: 0→1, all that is wanted; 1 task waiting or running in 1 message want 1; running 0, pending 0",
		after:  autoscale.State{Want: 1, Wave: 1, WaveAt: noon, ArrivedAt: noon},
	},
	{
		because: "a fleet that is too large keeps its size while work remains: ECS would choose the victim",
		config:  autoscale.Config{Max: 100},
		state:   autoscale.State{Wave: 6, WaveAt: before(time.Hour), Want: 32, Running: 32, ArrivedAt: before(time.Minute)},
		seen:    autoscale.Observation{InFlight: 3, KnownTasks: 3, KnownMessages: 3, Counts: counts(32, 32, 0), Busy: 3, Heard: 32, IdlePolls: 29},
		want:    32, wave: 6,
		reason: "keep 32: 3 tasks waiting or running in 3 messages want 3; running 32, pending 0",
		after:  autoscale.State{Want: 32, Wave: 6, WaveAt: before(time.Hour), Running: 32, ArrivedAt: noon},
	},
	{
		because: "a maximum lowered by the operator is obeyed even so",
		config:  autoscale.Config{Max: 8},
		state:   autoscale.State{Wave: 6, WaveAt: before(time.Hour), Want: 32, Running: 32, ArrivedAt: before(time.Minute)},
		seen:    autoscale.Observation{Visible: 99, InFlight: 32, Counts: counts(32, 32, 0), Busy: 32, Heard: 32},
		want:    8, wave: 6, binding: autoscale.BindMax,
		reason: "max is 8, the fleet has 32",
		after:  autoscale.State{Want: 8, Wave: 6, WaveAt: before(time.Hour), Running: 32, ArrivedAt: noon},
	},
	{
		because: "a maximum of zero starts nobody",
		config:  autoscale.Config{},
		seen:    autoscale.Observation{Visible: 9},
		binding: autoscale.BindMax,
		reason:  "keep 0: 9 tasks waiting or running in 9 messages want 0; running 0, pending 0",
		after:   autoscale.State{ArrivedAt: noon},
	},
}

var finishing = []decideCase{
	{
		because: "when the last task is settled the fleet waits: counts lag",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 3, WaveAt: before(time.Hour), Want: 4, Running: 4, ArrivedAt: before(time.Minute)},
		seen:    autoscale.Observation{Counts: counts(4, 4, 0), Heard: 4, EmptySince: before(5 * time.Second), IdlePolls: 4},
		want:    4, wave: 3, binding: autoscale.BindIdle,
		reason: "keep 4: nothing waiting or running for 0s, 0 delayed; zero after 1m0s",
		after:  autoscale.State{Want: 4, Wave: 3, WaveAt: before(time.Hour), QuietSince: noon, EmptySince: noon, Running: 4, ArrivedAt: noon},
	},
	{
		because: "after 20 quiet seconds one worker is enough to wait with",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 3, WaveAt: before(time.Hour), Want: 4, Running: 4, QuietSince: before(20 * time.Second), EmptySince: before(20 * time.Second)},
		seen:    autoscale.Observation{Counts: counts(4, 4, 0), Heard: 4, EmptySince: before(25 * time.Second), IdlePolls: 4},
		want:    1, wave: 3, binding: autoscale.BindIdle,
		reason: "4→1: nothing waiting or running for 20s, 0 delayed",
		after: autoscale.State{Want: 1, Wave: 3, WaveAt: before(time.Hour), QuietSince: before(20 * time.Second), EmptySince: before(20 * time.Second),
			Running: 4, ArrivedAt: noon},
	},
	{
		because: "after a minute of empty long polls the last worker goes",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 3, WaveAt: before(time.Hour), Want: 1, Running: 1, QuietSince: before(40 * time.Second), EmptySince: before(40 * time.Second)},
		seen:    autoscale.Observation{Counts: counts(1, 1, 0), Heard: 1, EmptySince: before(time.Minute), IdlePolls: 1},
		want:    0, wave: 0,
		reason: "1→0: nothing queued or running, idle for 1m0s",
		after:  autoscale.State{QuietSince: before(40 * time.Second), EmptySince: before(40 * time.Second), Running: 1, ArrivedAt: noon},
	},
	{
		because: "polls that brought something 30 s ago beat a queue that looks empty for longer",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 1, WaveAt: before(time.Hour), Want: 1, Running: 1, QuietSince: before(2 * time.Minute), EmptySince: before(2 * time.Minute)},
		seen:    autoscale.Observation{Counts: counts(1, 1, 0), Heard: 1, EmptySince: before(30 * time.Second)},
		want:    1, wave: 1, binding: autoscale.BindIdle,
		reason: "keep 1: nothing waiting or running for 2m0s, 0 delayed; zero after 1m0s",
		after: autoscale.State{Want: 1, Wave: 1, WaveAt: before(time.Hour), QuietSince: before(2 * time.Minute), EmptySince: before(2 * time.Minute),
			Running: 1, ArrivedAt: noon},
	},
	{
		because: "without word from the workers a minute of an empty queue must do",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 1, WaveAt: before(time.Hour), Want: 1, Running: 1, QuietSince: before(time.Minute), EmptySince: before(time.Minute)},
		seen:    autoscale.Observation{Counts: counts(1, 1, 0)},
		want:    0,
		reason:  "1→0: nothing queued or running, idle for 1m0s",
		after:   autoscale.State{QuietSince: before(time.Minute), EmptySince: before(time.Minute), Running: 1, ArrivedAt: noon},
	},
	{
		because: "a busy worker keeps the fleet, though ledgers and queue show nothing",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 2, WaveAt: before(time.Hour), Want: 2, Running: 2, QuietSince: before(time.Hour), EmptySince: before(time.Hour)},
		seen:    autoscale.Observation{Counts: counts(2, 2, 0), Heard: 2, Busy: 1},
		want:    2, wave: 2,
		reason: "keep 2: 0 tasks waiting or running in 0 messages want 0; running 2, pending 0",
		after: autoscale.State{Want: 2, Wave: 2, WaveAt: before(time.Hour), QuietSince: before(time.Hour), EmptySince: before(time.Hour),
			Running: 2, ArrivedAt: noon},
	},
	{
		because: "a worker not heard of lately may be busy; a dead one that was replaced is not counted",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 2, WaveAt: before(time.Hour), Want: 2, Running: 2, QuietSince: before(time.Hour), EmptySince: before(time.Hour)},
		seen:    autoscale.Observation{Counts: counts(2, 2, 0), Heard: 1, Silent: 3, EmptySince: before(time.Hour), IdlePolls: 1},
		want:    2, wave: 2,
		reason: "keep 2: 0 tasks waiting or running in 0 messages want 0; running 2, pending 0",
		after: autoscale.State{Want: 2, Wave: 2, WaveAt: before(time.Hour), QuietSince: before(time.Hour), EmptySince: before(time.Hour),
			Running: 2, ArrivedAt: noon},
	},
	{
		because: "a delayed retry keeps one worker, not the whole fleet, and never zero",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 3, WaveAt: before(time.Hour), Want: 4, Running: 4, QuietSince: before(5 * time.Minute)},
		seen:    autoscale.Observation{Delayed: 1, KnownTasks: 1, KnownMessages: 1, Counts: counts(4, 4, 0), Heard: 4, EmptySince: before(5 * time.Minute)},
		want:    1, wave: 3, binding: autoscale.BindIdle,
		reason: "4→1: nothing waiting or running for 5m0s, 1 delayed",
		after:  autoscale.State{Want: 1, Wave: 3, WaveAt: before(time.Hour), QuietSince: before(5 * time.Minute), Running: 4, ArrivedAt: noon},
	},
	{
		because: "a killed worker took its counts along: tasks that no queue holds do not keep a fleet up",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 2, WaveAt: before(time.Hour), Want: 2, Running: 2, EmptySince: before(4 * time.Minute)},
		seen:    autoscale.Observation{KnownTasks: 7, KnownMessages: 1, Counts: counts(2, 2, 0), Heard: 2, EmptySince: before(4 * time.Minute)},
		want:    0, binding: autoscale.BindStranded,
		reason: "stranded: ledgers name 7 tasks unsettled, the queue has been empty for 4m0s; recount",
		after:  autoscale.State{EmptySince: before(4 * time.Minute), Running: 2, ArrivedAt: noon},
	},
	{
		because: "told to stop, the fleet goes to zero with work in its hands",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 2, WaveAt: before(time.Hour), Want: 2, Running: 2},
		seen:    autoscale.Observation{Visible: 50, InFlight: 2, Counts: counts(2, 2, 0), Busy: 2, Heard: 2, Stop: "the caller is done"},
		want:    0, binding: autoscale.BindStop,
		reason: "stop: the caller is done",
		after:  autoscale.State{Running: 2},
	},
}

var holding = []decideCase{
	{
		because: "a negative count is a fault of whoever counted",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 2, Want: 2, Running: 2},
		seen:    autoscale.Observation{Visible: -1, Counts: counts(2, 2, 0)},
		want:    2, wave: 2, hold: true, binding: autoscale.BindHold,
		reason: "hold: -1 visible messages cannot be",
		after:  autoscale.State{Wave: 2, Want: 2, Running: 2},
	},
	{
		because: "not a number",
		config:  autoscale.Config{Max: 10},
		seen:    autoscale.Observation{Visible: 5, TasksPerMessage: math.NaN()},
		hold:    true, binding: autoscale.BindHold,
		reason: "hold: NaN tasks a message cannot be",
	},
	{
		because: "an absurdly large count would start the maximum at once",
		config:  autoscale.Config{Max: 10},
		seen:    autoscale.Observation{KnownTasks: math.MaxInt64},
		hold:    true, binding: autoscale.BindHold,
		reason: "hold: 9223372036854775807 known tasks cannot be",
	},
	{
		because: "an old observation says nothing about now",
		config:  autoscale.Config{Max: 10},
		seen:    autoscale.Observation{Visible: 5, Taken: before(61 * time.Second)},
		hold:    true, binding: autoscale.BindHold,
		reason: "hold: the observation is 1m1s old",
	},
	{
		because: "a clock that went back makes every duration wrong",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{At: noon.Add(time.Second)},
		seen:    autoscale.Observation{Visible: 5},
		hold:    true, binding: autoscale.BindHold,
		reason: "hold: the clock went back by 1s",
		after:  autoscale.State{At: noon.Add(time.Second)},
	},
	{
		because: "told to stop, even an absurd observation does not keep workers up",
		config:  autoscale.Config{Max: 10},
		state:   autoscale.State{Wave: 1, Want: 1, Running: 1},
		seen:    autoscale.Observation{Visible: -1, Counts: counts(1, 1, 0), Stop: "budget"},
		binding: autoscale.BindStop,
		reason:  "stop: budget",
		after:   autoscale.State{Running: 1},
	},
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for name, cases := range map[string][]decideCase{"growing": growing, "finishing": finishing, "holding": holding} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				c.check(t)
			}
		})
	}
}

func (c decideCase) check(t *testing.T) {
	t.Helper()
	c.state.Seq = 6
	c.seen.Now = noon
	if c.seen.Taken.IsZero() {
		c.seen.Taken = noon
	}
	c.after.Seq = 7
	if !c.hold {
		c.after.At = noon
	}
	state, d := autoscale.Decide(c.config, c.state, c.seen)
	if diff := cmp.Diff(c.after, state); diff != "" {
		t.Errorf("%s: state (-want +got):\n%s", c.because, diff)
	}
	want := autoscale.Decision{At: noon, Seq: 7, Wave: c.wave, From: c.seen.Desired, Want: c.want, Hold: c.hold,
		Binding: c.binding, Reason: c.reason, Observation: c.seen}
	if diff := cmp.Diff(want, d, cmpopts.IgnoreFields(autoscale.Decision{}, "Backlog", "Foreign"), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("%s: decision (-want +got):\n%s", c.because, diff)
	}
}

func counts(desired, running, pending int) autoscale.Counts {
	return autoscale.Counts{Desired: desired, Running: running, Pending: pending}
}

func TestCapsHoldWhateverTheMode(t *testing.T) {
	t.Parallel()
	const price = 14_000_000 // pico-dollars for a second of 1 vCPU and 2 GB, about
	at := noon
	for _, mode := range []autoscale.Mode{autoscale.Fast, autoscale.Efficiency} {
		c := autoscale.Config{Max: 100, Policy: autoscale.Policy{Mode: mode, Price: price, Budget: autoscale.Caps{PerHour: 10 * cost.USD}}}
		o := autoscale.Observation{Now: at, Taken: at, Visible: 1000, KnownTasks: 1000, KnownMessages: 1000, Heard: 10, Busy: 10, Counts: autoscale.Counts{Desired: 10, Running: 10}}
		_, free := autoscale.Decide(c, autoscale.State{}, o)
		if free.StopAll || free.Drain || free.Want < 10 {
			t.Errorf("%q with money: want %d, %s", mode, free.Want, free.Reason)
		}
		o.SpentHour = 500 * cost.USD
		if _, d := autoscale.Decide(c, autoscale.State{}, o); !d.StopAll || d.Want != 0 || d.Binding != autoscale.BindBudget {
			t.Errorf("%q far above its cap: want %d, stop all %v, bound by %q", mode, d.Want, d.StopAll, d.Binding)
		}
		// In between, no new task is taken: what is left is for those that run.
		var s autoscale.State
		var d autoscale.Decision
		for left := cost.PicoUSD(500); left > 100 && !d.Drain; left-- {
			o.SpentHour = 10*cost.USD - left*price
			s, d = autoscale.Decide(c, autoscale.State{}, o)
		}
		if !d.Drain || d.StopAll {
			t.Errorf("%q never drains: want %d, %s", mode, d.Want, d.Reason)
		}
		o.Now = at.Add(-time.Second) // the clock goes back
		if _, d := autoscale.Decide(c, s, o); !d.Hold || !d.Drain {
			t.Errorf("%q: a decision that is held lets workers go on: %s", mode, d.Reason)
		}
	}
}
