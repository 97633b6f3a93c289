package autoscale

import (
	"cmp"
	"fmt"
	"time"
)

// Defaults of Config.
const (
	DefaultSlots            = 1
	DefaultFirstWave        = 1
	DefaultStartUp          = 40 * time.Second
	DefaultIdleBeforeShrink = 20 * time.Second
	DefaultIdleBeforeZero   = time.Minute
	DefaultStrandedAfter    = 4 * time.Minute
	DefaultStaleAfter       = time.Minute
	// DefaultStuckAfter is the least time; with a long start-up it is three times that.
	DefaultStuckAfter = 2 * time.Minute
)

// Config is the policy. The zero value of every field but Max means its default.
type Config struct {
	// Max is the largest number of workers. It has no default; 0 allows none.
	Max int
	// Slots is the number of tasks a worker runs at once. Default: 1.
	Slots int
	// FirstWave is the number of workers that the first wave starts from zero. Default: 1.
	FirstWave int
	// StartUp is how long a worker takes from its launch until it takes work: Fargate 30–100 s, a
	// process on a laptop 100 ms. It paces the waves: the next comes no sooner than half of it after the last,
	// and waits for at most one and a half of it for workers that do not arrive. Default: 40 s.
	StartUp time.Duration
	// IdleBeforeShrink is how long nothing must be waiting or running before the
	// fleet shrinks to one worker. It outlasts a wrong count or two. Default: 20 s.
	IdleBeforeShrink time.Duration
	// IdleBeforeZero is how long the last worker waits for more: SQS counts may need a
	// minute to settle (SQS developer guide). Default: 1 min.
	IdleBeforeZero time.Duration
	// StrandedAfter is how long the queue may be empty while ledgers still name unsettled tasks. A worker
	// that was killed takes its last counts with it, so ledgers can stay above zero for ever. It must be longer than
	// the queue's visibility timeout. Default: 4 min (2 min visibility + 2 min).
	StrandedAfter time.Duration
	// StaleAfter is the age at which an observation is no longer believed. Default: 1 min.
	StaleAfter time.Duration
	// StuckAfter is how long launched workers may fail to arrive before no more are
	// launched. Default: 2 min, or 3 · StartUp if that is longer.
	StuckAfter time.Duration

	// Policy says how the size is chosen. Its zero value is Fast.
	Policy
}

func (c Config) withDefaults() Config {
	c.Slots = cmp.Or(c.Slots, DefaultSlots)
	c.FirstWave = cmp.Or(c.FirstWave, DefaultFirstWave)
	c.StartUp = cmp.Or(c.StartUp, DefaultStartUp)
	c.IdleBeforeShrink = cmp.Or(c.IdleBeforeShrink, DefaultIdleBeforeShrink)
	c.IdleBeforeZero = cmp.Or(c.IdleBeforeZero, DefaultIdleBeforeZero)
	c.StrandedAfter = cmp.Or(c.StrandedAfter, DefaultStrandedAfter)
	c.StaleAfter = cmp.Or(c.StaleAfter, DefaultStaleAfter)
	c.StuckAfter = cmp.Or(c.StuckAfter, max(DefaultStuckAfter, 3*c.StartUp))
	c.Policy = c.Policy.withDefaults()
	return c
}

// Validate reports the first field that makes no sense. New calls it; Decide itself accepts anything.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, n := range []struct {
		name       string
		value, min int
	}{{"Max", c.Max, 1}, {"Slots", c.Slots, 1}, {"FirstWave", c.FirstWave, 1}} {
		if n.value < n.min {
			return fmt.Errorf("autoscale: %s is %d, must be at least %d", n.name, n.value, n.min)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"StartUp", c.StartUp}, {"IdleBeforeShrink", c.IdleBeforeShrink}, {"IdleBeforeZero", c.IdleBeforeZero},
		{"StrandedAfter", c.StrandedAfter}, {"StaleAfter", c.StaleAfter}, {"StuckAfter", c.StuckAfter},
	} {
		if d.value < 0 {
			return fmt.Errorf("autoscale: %s is %s, must not be negative", d.name, d.value)
		}
	}
	return c.Policy.validate()
}
