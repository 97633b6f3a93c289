package view

import (
	"cmp"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// Workers counts the fleet's workers now. They may serve other jobs, too.
type Workers struct {
	// Desired is what the autoscaler wants; 0 when nobody sizes the fleet.
	Desired int `json:"desired"`
	// Starting are launched, or asked for, and do not take work yet; Busy run a handler; Idle wait for work.
	Starting int `json:"starting"`
	Busy     int `json:"busy"`
	Idle     int `json:"idle"`
	// Gone have ended, or were not heard of for 90 s.
	Gone int `json:"gone"`
	// Silent of them have not said that they end.
	Silent int `json:"silent"`
	// Spans are the lives of those that worked for the job, by the time of their launch; left out of JSON.
	Spans []Span `json:"-"`
}

// Alive is how many could work now.
func (w Workers) Alive() int { return w.Busy + w.Idle }

// settled is how many of the job's tasks the workers have told of.
func (w Workers) settled() (n int64) {
	for _, s := range w.Spans {
		n += s.OK + s.Failed
	}
	return n
}

// Span is a worker's life, as far as it has to do with the job.
type Span struct {
	Worker, Wave, Provider string
	// Launched is when it began to cost, Ready when it took work, End when it ended or was last heard of.
	Launched, Ready, End time.Time
	Slots                int
	// OK and Failed are the job's tasks that it settled.
	OK, Failed int64
	// Busy is its slots' time in the job's handlers, Other in those of other jobs.
	Busy, Other time.Duration
	// Running handlers of all jobs were under way when it was last heard of, those of this one for Elapsed in all; 0 when it is not alive.
	// Short tasks may have ended since: nothing is added for the time after.
	Running int
	Elapsed time.Duration
	// Cost is the job's part of its bill.
	Cost cost.PicoUSD
	// Alive at the time of the look; Lost when it ended without a word.
	Alive, Lost bool
}

// Share is which part of its slots' time since it was ready the worker spent in the job's handlers, 0 to 1.
func (s Span) Share() float64 {
	life := s.End.Sub(s.Ready).Seconds() * float64(max(1, s.Slots))
	if life <= 0 {
		return 0
	}
	return min(1, s.Busy.Seconds()/life)
}

// lives are the newest ledgers of the workers that lived when the job did.
func lives(in Input) []store.Ledger {
	return slices.DeleteFunc(sample.Latest(in.Ledgers), func(l store.Ledger) bool {
		_, worked := l.Jobs[in.Job.ID]
		return !worked && l.Updated.Before(in.Job.Created)
	})
}

// alive reports whether a worker is heard of.
func alive(l store.Ledger, now time.Time) bool {
	return !l.Final && l.End.IsZero() && now.Sub(l.Updated) <= sample.DefaultAliveFor
}

// recent is for how long the autoscaler's last decision says something of now: it is heard of every 30 s.
const recent = 90 * time.Second

func workersOf(in Input, fleet []store.Ledger) Workers {
	var w Workers
	for _, l := range fleet {
		switch {
		case !alive(l, in.Now):
			w.Gone++
			if !l.Final && l.End.IsZero() {
				w.Silent++
			}
		case l.Cost.Ready.IsZero():
			w.Starting++
		case l.Busy > 0:
			w.Busy++
		default:
			w.Idle++
		}
		if _, worked := l.Jobs[in.Job.ID]; worked {
			w.Spans = append(w.Spans, spanOf(l, in))
		}
	}
	if n := len(in.Decisions); n > 0 && in.Now.Sub(in.Decisions[n-1].At) <= recent {
		d := in.Decisions[n-1]
		w.Desired = d.Want
		// Those that were asked for have no ledger yet.
		w.Starting = max(w.Starting, d.Want-w.Alive(), 0)
	}
	priced(w.Spans, in)
	slices.SortFunc(w.Spans, func(a, b Span) int {
		return cmp.Or(a.Launched.Compare(b.Launched), cmp.Compare(a.Worker, b.Worker))
	})
	return w
}

func spanOf(l store.Ledger, in Input) Span {
	c := l.Jobs[in.Job.ID]
	priced := sample.Worker(l, in.Now)
	s := Span{
		Worker: l.Worker, Provider: priced.Provider, Launched: priced.Start, Ready: priced.Ready, End: priced.Stop, Slots: l.Slots,
		OK: c.OK, Failed: max(0, c.Failed), Busy: ms(c.BusyMS), Alive: alive(l, in.Now), Lost: !l.Final && !alive(l, in.Now),
	}
	if s.Alive && l.Busy > 0 && c.RunningMS > 0 {
		s.Running, s.Elapsed = l.Busy, ms(c.RunningMS)
	}
	for job, other := range l.Jobs {
		if job != in.Job.ID {
			s.Other += ms(other.BusyMS)
		}
	}
	if s.Launched.IsZero() {
		s.Launched = s.Ready
	}
	if s.Ready.IsZero() || s.Ready.Before(s.Launched) {
		s.Ready = s.Launched
	}
	if s.End.Before(s.Ready) {
		s.End = s.Ready
	}
	return s
}

// priced puts the bill's figures to the workers.
func priced(spans []Span, in Input) {
	if in.Bill == nil || in.Bill.Statement == nil {
		return
	}
	at := make(map[string]int, len(spans))
	for i, s := range spans {
		at[s.Worker] = i
	}
	for _, w := range in.Bill.Statement.Workers {
		if i, has := at[w.Name]; has {
			spans[i].Wave, spans[i].Cost = w.Wave, w.Cost
		}
	}
}

// ms is a ledger's milliseconds; what is below zero is somebody's mistake.
func ms(n int64) time.Duration {
	const most = 1 << 42 // 139 years
	return time.Duration(min(max(0, n), most)) * time.Millisecond
}
