package view

import (
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// Series are a job's figures over time, for charts.
type Series struct {
	// From and To bound the time of all of them: from the job's creation to its end, and that of the workers that ended with it.
	From, To time.Time
	// Fleet is what the autoscaler saw and wanted, a point a decision; at most MaxPoints.
	Fleet []FleetPoint
	// Rates are settled tasks a second. A ledger is one sum, so that each worker's tasks are spread evenly over its
	// life: the curve adds up to the job's tasks, and shows no fluctuation shorter than a worker.
	Rates []RatePoint
	// Cost adds up to the bill: a worker's part is spread evenly over its billed life; what no worker stands for comes first.
	Cost []CostPoint
}

// FleetPoint is one decision's view of queue and fleet.
type FleetPoint struct {
	At                         time.Time
	Visible, InFlight, Delayed int64
	Want, Running, Busy        int
}

// RatePoint has the tasks a second from At on, until the next point.
type RatePoint struct {
	At         time.Time
	OK, Failed float64
}

// CostPoint is what was spent until At.
type CostPoint struct {
	At    time.Time
	Spent cost.PicoUSD
}

// Sizes of the series: more would not be seen.
const (
	MaxPoints = 600
	bins      = 120
)

// lingers is how long after the job a worker's end still belongs to it.
const lingers = 3 * time.Minute

// SeriesOf makes the time series of a job that Of has made the state of.
func SeriesOf(in Input, s State) Series {
	out := Series{From: s.Created, To: s.At}
	if s.Over() {
		out.To = s.Ended
	}
	for _, w := range s.Workers.Spans {
		if end := w.End; s.Over() && w.Other == 0 && end.After(out.To) && end.Sub(s.Ended) < lingers {
			out.To = end
		}
	}
	if !out.To.After(out.From) {
		out.To = out.From.Add(time.Second)
	}
	out.Fleet = fleetPoints(in.Decisions, out.From, out.To)
	out.Rates = rates(s.Workers.Spans, out.From, out.To)
	out.Cost = spending(s, out.From, out.To)
	return out
}

// fleetPoints are the decisions of the time, and the last one before it; thinned, but with each raise.
func fleetPoints(all []store.Decision, from, to time.Time) []FleetPoint {
	var during []store.Decision
	for _, d := range all {
		if d.At.After(to) {
			break
		}
		if d.At.Before(from) {
			during = during[:0]
			d.At = from
		}
		during = append(during, d)
	}
	every := (len(during) + MaxPoints - 1) / MaxPoints
	var out []FleetPoint
	for i, d := range during {
		if i%every != 0 && i != len(during)-1 && d.Want == d.Desired {
			continue
		}
		out = append(out, FleetPoint{At: d.At, Visible: max(0, d.Visible), InFlight: max(0, d.InFlight), Delayed: max(0, d.Delayed),
			Want: d.Want, Running: d.Running, Busy: d.Busy})
	}
	return out
}

func rates(spans []Span, from, to time.Time) []RatePoint {
	width := to.Sub(from).Seconds() / bins
	out := make([]RatePoint, bins)
	for i := range out {
		out[i].At = from.Add(to.Sub(from) * time.Duration(i) / bins)
	}
	for _, w := range spans {
		spread(w.Ready.Sub(from).Seconds()/width, w.End.Sub(from).Seconds()/width, func(bin int, part float64) {
			out[bin].OK += float64(max(0, w.OK)) * part / width
			out[bin].Failed += float64(w.Failed) * part / width
		})
	}
	return out
}

func spending(s State, from, to time.Time) []CostPoint {
	if !s.Money.Known {
		return nil
	}
	var each [bins]float64
	width := to.Sub(from).Seconds() / bins
	rest := s.Money.Spent
	for _, w := range s.Workers.Spans {
		rest -= w.Cost
		spread(w.Launched.Sub(from).Seconds()/width, w.End.Sub(from).Seconds()/width, func(bin int, part float64) {
			each[bin] += float64(w.Cost) * part
		})
	}
	out := []CostPoint{{from, max(0, rest)}}
	sum := float64(rest)
	for i := range each {
		sum += each[i]
		out = append(out, CostPoint{from.Add(to.Sub(from) * time.Duration(i+1) / bins), cost.PicoUSD(max(0, sum))})
	}
	out[bins].Spent = s.Money.Spent // without what rounding lost
	return out
}

// spread divides one evenly over the bins from one place to another; what lies outside goes to the first or last bin.
func spread(from, to float64, add func(bin int, part float64)) {
	from, to = min(max(from, 0), bins-1e-9), min(max(to, 0), bins)
	if to-from < 1e-9 {
		add(min(int(from), bins-1), 1)
		return
	}
	for bin := int(from); bin < bins && float64(bin) < to; bin++ {
		if part := (min(to, float64(bin+1)) - max(from, float64(bin))) / (to - from); part > 0 {
			add(bin, part)
		}
	}
}
