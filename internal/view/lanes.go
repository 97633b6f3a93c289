package view

import "time"

// Lane is a row of a drawing of workers' lives: one worker, or several that were launched one after the other. Of several, Worker is
// the first, Launched and End are the earliest and the latest, Ready is as on average, and the counts and the cost are sums.
type Lane struct {
	Span
	Workers, Lost int
	// BusyShare is which part of their slots' time since they were ready they spent in the job's handlers, 0 to 1.
	BusyShare float64
}

// LanesOf makes at most so many rows, and says how many workers each has; the last may have fewer.
func LanesOf(spans []Span, most int) (lanes []Lane, each int) {
	each = max(1, (len(spans)+most-1)/most)
	for len(spans) > 0 {
		n := min(each, len(spans))
		lanes = append(lanes, laneOf(spans[:n]))
		spans = spans[n:]
	}
	return lanes, each
}

func laneOf(spans []Span) Lane {
	b := Lane{Span: spans[0], Workers: len(spans)}
	var start, life, busy time.Duration
	b.OK, b.Failed, b.Cost = 0, 0, 0
	for _, s := range spans {
		if s.Launched.Before(b.Launched) {
			b.Launched = s.Launched
		}
		if s.End.After(b.End) {
			b.End = s.End
		}
		if s.Lost {
			b.Lost++
		}
		start += s.Ready.Sub(s.Launched)
		life += s.End.Sub(s.Ready) * time.Duration(max(1, s.Slots))
		busy += s.Busy
		b.OK, b.Failed, b.Cost = b.OK+s.OK, b.Failed+s.Failed, b.Cost+s.Cost
	}
	b.Ready = b.Launched.Add(start / time.Duration(len(spans)))
	if b.Ready.After(b.End) {
		b.Ready = b.End
	}
	if life > 0 {
		b.BusyShare = min(1, busy.Seconds()/life.Seconds())
	}
	return b
}
