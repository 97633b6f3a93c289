package simulate

import (
	"context"
	"fmt"
)

// Rooms simulates the job in mode balanced with room for each of so many workers instead of Job.Workers, and returns the medians:
// what a larger quota would buy.
func Rooms(ctx context.Context, j Job, workers []int, procs int) ([]Remedy, error) {
	all := make([]Remedy, 0, len(workers))
	for _, n := range workers {
		k := j
		k.Workers = n
		if err := k.validate(); err != nil {
			return nil, err
		}
		results, err := k.runs(ctx, nil, func(*Ours) {}, procs)
		if err != nil {
			return nil, err
		}
		l := k.line("balanced", results)
		all = append(all, Remedy{Limit: fmt.Sprintf("room for %d workers", n), Workers: n, Seconds: l.Seconds[1], Dollars: l.Dollars[1]})
	}
	return all, nil
}
