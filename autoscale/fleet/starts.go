package fleet

import (
	"context"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

const (
	// recentStarts is how far back starts are counted to tell a crash loop.
	recentStarts = 2 * time.Minute
	// measuredStarts bounds the starts that the mean is taken over: more would say the same.
	measuredStarts = 200
	// longestStart is beyond any start: a laptop's clock that was set says nothing about it.
	longestStart = time.Hour
	// asksEvery is how often ECS is asked when new workers' tasks were created.
	asksEvery = 10 * time.Second
)

// Codes of ECS for tasks that nobody stopped (ECS API reference, Task.stopCode).
const (
	codeFailedToStart = "TaskFailedToStart"
	codeExited        = "EssentialContainerExited"
	codeSpot          = "SpotInterruption"
	codeNotice        = "TerminationNotice"
)

// starts adds how long workers take to start and how many fail to, from ledgers and, for the time before the pull, from ECS.
func (c *crew) starts(o *autoscale.Observation, ledgers []store.Ledger, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var billed, before time.Duration
	asked := 0
	for i := range ledgers {
		l := &ledgers[i]
		if l.Seq == 0 { // it never spoke
			failed := l.End.Code == codeFailedToStart || l.End.Code == codeExited
			if failed && now.Sub(l.End.Stopped) < recentStarts {
				o.FailedStarts++
			}
			continue
		}
		if now.Sub(l.Cost.Ready) < recentStarts {
			o.RecentStarts++
		}
		start := l.Cost.Ready.Sub(l.Cost.Launched)
		if o.Starts >= measuredStarts || l.Cost.Launched.IsZero() || start <= 0 || start > longestStart {
			continue
		}
		o.Starts++
		billed += start
		if f := c.facts[l.Worker]; !f.created.IsZero() && !l.Cost.Launched.Before(f.created) {
			before += min(longestStart, l.Cost.Launched.Sub(f.created))
			asked++
		}
	}
	if o.Starts == 0 {
		return
	}
	o.Billed = billed / time.Duration(o.Starts)
	o.StartUp = o.Billed
	if asked > 0 {
		o.StartUp += before / time.Duration(asked)
	}
}

// ask learns from ECS when workers were created that have started lately; no news is no harm.
func (c *crew) ask(ctx context.Context, now time.Time) error {
	c.mu.Lock()
	due := now.Sub(c.askedAt) >= asksEvery
	if due {
		c.askedAt = now
	}
	c.mu.Unlock()
	if !due {
		return nil
	}
	return c.learn(ctx, describeAtOnce, func(w *worker) bool { return now.Sub(w.started) < remembered })
}

// interruptions is how often Spot takes a worker away, per worker and hour of the last day. Less than an hour counts as one:
// the first interruption of a young fleet is no rate.
func interruptions(ledgers []store.Ledger, now time.Time) float64 {
	taken, hours := 0.0, 0.0
	for i := range ledgers {
		l := &ledgers[i]
		if now.Sub(l.Updated) > 24*time.Hour || l.End.Provider != "" && l.End.Provider != cost.FargateSpot {
			continue
		}
		if l.End.Code == codeSpot || l.End.Code == codeNotice {
			taken++
		}
		if life := l.Updated.Sub(l.Cost.Launched); !l.Cost.Launched.IsZero() && life > 0 {
			hours += life.Hours()
		}
	}
	return taken / max(1, hours)
}

// unbilled is what of the workers' minimum bills is charged and has not been lived yet, in worker-seconds.
func unbilled(ledgers []store.Ledger, minBilled time.Duration, now time.Time) (left time.Duration) {
	for i := range ledgers {
		l := &ledgers[i]
		if l.Final || !l.End.IsZero() || l.Cost.Launched.IsZero() || now.Sub(l.Updated) > silentFor {
			continue
		}
		if rest := minBilled - max(0, now.Sub(l.Cost.Launched)); rest > 0 {
			left += rest
		}
	}
	return left
}
