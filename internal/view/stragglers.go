package view

import (
	"cmp"
	"slices"
	"time"
)

// Straggler is a worker whose tasks under way take longer than nearly all before them.
type Straggler struct {
	Worker string `json:"worker"`
	// Running handlers were under way when it was last heard of; For is how long on average by then, at least.
	Running int           `json:"running"`
	For     time.Duration `json:"for_ns"`
	// Times is how many times the median of the settled tasks that is.
	Times float64 `json:"times_the_median"`
}

// StragglersOf finds the workers whose tasks under way have taken longer than 95 % of those that are settled, the longest
// first, at most so many. There are none before anything is settled: nobody knows what is long.
func StragglersOf(s State, most int) []Straggler {
	out := []Straggler{}
	if s.Tails.P95 <= 0 || s.Over() {
		return out
	}
	for _, w := range s.Workers.Spans {
		if w.Running == 0 {
			continue
		}
		if each := w.Elapsed / time.Duration(w.Running); each > s.Tails.P95 {
			out = append(out, Straggler{Worker: w.Worker, Running: w.Running, For: each, Times: each.Seconds() / s.Tails.P50.Seconds()})
		}
	}
	slices.SortFunc(out, func(a, b Straggler) int { return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Worker, b.Worker)) })
	return out[:min(len(out), most)]
}
