package autoscale

import (
	"cmp"
	"math"
	"slices"
)

// Claim is what one of several fleets, or kinds of jobs, wants of something they share: a quota, a launch rate, a budget.
type Claim struct {
	// Want is how much it could use.
	Want int
	// Weight is its share when there is not enough for all. 0 means 1.
	Weight float64
}

// Share divides total among the claims by weighted max–min fairness: nobody gets more than it wants, and what one
// does not want goes to the others in proportion to their weights. Whole numbers are rounded by largest remainder, earlier
// claims first among equals. The sum is the lesser of total and all that is wanted.
func Share(total int, claims []Claim) []int {
	granted := make([]int, len(claims))
	exact := make([]float64, len(claims))
	open := make([]int, 0, len(claims))
	for i, c := range claims {
		if c.Want > 0 {
			open = append(open, i)
		}
	}
	left := float64(max(0, total))
	for len(open) > 0 && left > 0 {
		weights := 0.0
		for _, i := range open {
			weights += claims[i].weight()
		}
		still := open[:0:0]
		used := 0.0
		for _, i := range open { // those that want less than their share get what they want
			if want := float64(claims[i].Want); want <= left*claims[i].weight()/weights {
				exact[i] = want
				used += want
			} else {
				still = append(still, i)
			}
		}
		if len(still) == len(open) {
			for _, i := range open {
				exact[i] = left * claims[i].weight() / weights
			}
			break
		}
		open, left = still, left-used
	}
	round(granted, exact, claims, total)
	return granted
}

func (c Claim) weight() float64 {
	if !(c.Weight > 0) || math.IsInf(c.Weight, 1) {
		return 1
	}
	return c.Weight
}

// round fills granted with whole numbers.
func round(granted []int, exact []float64, claims []Claim, total int) {
	wanted, sum := 0, 0
	order := make([]int, len(claims))
	for i, x := range exact {
		granted[i] = int(x + 1e-9)
		sum += granted[i]
		wanted += max(0, claims[i].Want)
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(exact[b]-float64(granted[b]), exact[a]-float64(granted[a]))
	})
	for rest := min(max(0, total), wanted) - sum; rest > 0; {
		for _, i := range order {
			if rest > 0 && granted[i] < claims[i].Want {
				granted[i]++
				rest--
			}
		}
	}
}

// Services is how many ECS services a fleet of so many workers is worth: each holds at most 5,000 tasks, and launches only 500 a
// minute where the account allows 1,200.
func Services(workers int) int {
	return max(1, (workers+ServiceTasks-1)/ServiceTasks, min(3, (workers+ServiceLaunchesPerMinute-1)/ServiceLaunchesPerMinute))
}

// Spread divides a desired count over the services that now have the given ones. What is added goes to the services in turn, so
// that each launches its part; what is taken away comes from the last services first, so that they empty.
func Spread(want int, now []int) []int {
	out := slices.Clone(now)
	sum := 0
	for _, n := range out {
		sum += n
	}
	for more := want - sum; more > 0 && len(out) > 0; more-- {
		least := 0
		for i, n := range out {
			if n < out[least] {
				least = i
			}
		}
		if out[least] >= ServiceTasks {
			break
		}
		out[least]++
	}
	for i := len(out) - 1; i >= 0 && sum > want; i-- {
		n := min(out[i], sum-max(0, want))
		out[i] -= n
		sum -= n
	}
	return out
}
