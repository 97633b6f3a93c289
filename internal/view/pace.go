package view

import (
	"math"
	"time"

	"github.com/starburst-go/starburst/store"
)

// Pace is how fast a job goes.
type Pace struct {
	// PerSecond is settled tasks a second; 0 when it is not known.
	PerSecond float64 `json:"tasks_per_second"`
	// Over is the time over which it was measured; 0 when it is what the busy slots should do at the mean duration so far,
	// or, of a job that is over, over its whole life.
	Over time.Duration `json:"over_ns"`
	// ETA is how long the rest will take at this rate; nil when that cannot be said, or nothing is left.
	ETA *ETA `json:"eta,omitempty"`
}

// ETA is the time that is left, with its uncertainty: two standard errors to either side. A High of 0 means that
// nothing bounds it yet: too little was seen.
type ETA struct {
	Low    time.Duration `json:"low_ns"`
	Likely time.Duration `json:"likely_ns"`
	High   time.Duration `json:"high_ns,omitempty"`
}

// Window is how far back looks count for the rate. Workers write their ledgers every 30 s: a shorter window would
// see some of them only.
const Window = 60 * time.Second

// settle is the least time that a rate is measured over; before, the busy slots are asked.
const settle = 5 * time.Second

func paceOf(in Input, s State, fleet []store.Ledger) Pace {
	if s.Over() {
		if d := s.Ended.Sub(s.Created).Seconds(); d > 0 {
			return Pace{PerSecond: float64(s.Tasks.Done()) / d, Over: s.Ended.Sub(s.Created)}
		}
		return Pace{}
	}
	done := s.Tasks.Done()
	p, n := measured(in, done)
	slots := busySlots(in, fleet)
	if p.PerSecond == 0 && slots > 0 && s.Tails.Mean > 0 {
		p = Pace{PerSecond: float64(slots) / s.Tails.Mean.Seconds()}
		n = int(s.Tails.Count)
	}
	if p.PerSecond > 0 && s.Tasks.Left > 0 {
		p.ETA = etaOf(p.PerSecond, n, s, slots, in.Job.Plan)
	}
	return p
}

// measured is the rate over the window, and the number of tasks that it was measured with.
func measured(in Input, done int) (Pace, int) {
	past, ok := before(in, done)
	if !ok {
		return Pace{}, 0
	}
	n, age := done-past.Done, in.Now.Sub(past.At)
	return Pace{PerSecond: float64(n) / age.Seconds(), Over: age}, n
}

// before is the oldest look of the window, if it is old enough and saw fewer tasks settled.
func before(in Input, done int) (past Point, ok bool) {
	for _, past := range in.History {
		if age := in.Now.Sub(past.At); age <= Window {
			return past, age >= settle && past.Done < done
		}
	}
	return Point{}, false
}

// busySlots is how many handlers run now, by what living workers said last.
func busySlots(in Input, fleet []store.Ledger) (slots int) {
	for _, l := range fleet {
		if alive(l, in.Now) {
			slots += max(0, l.Busy)
		}
	}
	return slots
}

// etaOf divides what is left by the rate. Results come a message at a time, so that the messages are what was
// counted, not the tasks; as many as independent events are, they are off by the square root of their number. The tasks
// that are left differ among themselves as those before did. Once there are fewer of them than slots, the last one
// decides: it takes a task's time however many workers there are.
func etaOf(rate float64, measured int, s State, slots int, plan store.Plan) *ETA {
	left := float64(s.Tasks.Left)
	messages := max(1, float64(measured)/perMessage(s.Tasks.Total, plan))
	spread := 2 * math.Sqrt(1/messages+s.Tails.cv*s.Tails.cv/left)
	likely := left / rate
	e := &ETA{Low: seconds(likely / (1 + spread)), Likely: seconds(likely)}
	if spread < 1 {
		e.High = seconds(likely / (1 - spread))
	}
	if slots > 0 && s.Tasks.Left <= slots {
		e.Likely, e.High = max(e.Likely, s.Tails.Mean), max(e.High, s.Tails.P99, s.Tails.Mean)
	}
	return e
}

func seconds(s float64) time.Duration {
	const most = 1e9 // 31 years
	return time.Duration(min(s, most) * float64(time.Second))
}

// perMessage is the mean number of tasks in a message.
func perMessage(tasks int, p store.Plan) float64 {
	if n := len(p.Sizes); n > 0 {
		return max(1, float64(tasks)/float64(n))
	}
	return max(1, float64(p.Chunk))
}
