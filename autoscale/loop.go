package autoscale

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Defaults of LoopConfig.
const (
	DefaultInterval    = 10 * time.Second
	DefaultRecordEvery = 30 * time.Second
	DefaultMaxBackoff  = time.Minute
)

// LoopConfig configures a Loop.
type LoopConfig struct {
	// Policy of the decisions; Policy.Max is required.
	Policy Config
	// Interval between ticks, at most; a decision may ask to look again sooner. Default: 10 s; a laptop, whose workers start in 100 ms, uses 200 ms.
	Interval time.Duration
	// RecordEvery is how often a decision is recorded that changes nothing. Each record is a
	// few writes; the time series of the plots has this resolution. Default: 30 s.
	RecordEvery time.Duration
	// MaxBackoff bounds the wait after errors, which doubles from Interval. Default: 1 min.
	MaxBackoff time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Decided is told of each decision before it is applied. It must not block. Default: nobody is told.
	Decided func(Decision)
	// Log receives a line for each change and each error. Default: none.
	Log *slog.Logger
}

func (c LoopConfig) withDefaults() LoopConfig {
	c.Interval = cmp.Or(c.Interval, DefaultInterval)
	c.Policy.Tick = cmp.Or(c.Policy.Tick, c.Interval)
	c.RecordEvery = cmp.Or(c.RecordEvery, DefaultRecordEvery)
	c.MaxBackoff = max(cmp.Or(c.MaxBackoff, DefaultMaxBackoff), c.Interval)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

func (c LoopConfig) validate() error {
	if c.Interval < 0 || c.RecordEvery < 0 || c.MaxBackoff < 0 {
		return errors.New("autoscale: Interval, RecordEvery and MaxBackoff must not be negative")
	}
	return c.Policy.Validate()
}

// Parts are what a loop works with. All are required.
type Parts struct {
	Observer Observer
	Fleet    Fleet
	Journal  Journal
	Lease    Lease
}

// Loop sizes one fleet: observe, decide, apply, record, again. Its methods may be called concurrently.
type Loop struct {
	config LoopConfig
	parts  Parts
	nudge  chan struct{} // holds at most one: nudges in a row are one

	tick       sync.Mutex // serialises ticks; protects config.Policy and all below
	state      State
	leading    bool
	last       Decision // the last one made while leading
	recorded   Decision // the last one that was stored
	recordedAt time.Time

	stopMu sync.Mutex // protects stop, which Drain must be able to set during a tick
	stop   string
}

// New returns a loop that has not started. It fails when the configuration makes no sense or a part is missing.
func New(c LoopConfig, p Parts) (*Loop, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if p.Observer == nil || p.Fleet == nil || p.Journal == nil || p.Lease == nil {
		return nil, errors.New("autoscale: Observer, Fleet, Journal and Lease are all required")
	}
	return &Loop{config: c.withDefaults(), parts: p, nudge: make(chan struct{}, 1)}, nil
}

// Nudge asks for a tick now instead of at the next interval, for example after a
// submit. It does not wait. Nudges in quick succession cause one tick.
func (l *Loop) Nudge() {
	select {
	case l.nudge <- struct{}{}:
	default:
	}
}

// SetMax changes the largest number of workers, and ticks. Values below 1 are ignored. A
// fleet that is larger already is cut down at once: ECS chooses which workers end, and
// those finish what they run within their grace.
func (l *Loop) SetMax(n int) {
	if n < 1 {
		return
	}
	l.tick.Lock()
	l.config.Policy.Max = n
	l.tick.Unlock()
	l.Nudge()
}

// Adjust changes the policy between two ticks, for what turns out to be otherwise than it was when the loop was made, such as a worker's
// price. A change that makes no sense is undone and returned.
func (l *Loop) Adjust(change func(*Config)) error {
	l.tick.Lock()
	defer l.tick.Unlock()
	was := l.config.Policy
	change(&l.config.Policy)
	if err := l.config.Policy.Validate(); err != nil {
		l.config.Policy = was
		return err
	}
	return nil
}

// Run ticks, the first time at once, until ctx ends; then it gives up the lease and
// returns nil. It leaves the fleet as it is (see Drain). Errors are logged and followed by
// growing waits, never returned.
func (l *Loop) Run(ctx context.Context) error {
	defer l.release(ctx)
	failures, standby := 0, false
	for ctx.Err() == nil {
		begin := time.Now()
		d, err := l.Once(ctx)
		if is := errors.Is(err, ErrStandby); is != standby {
			standby = is
			if standby {
				l.config.Log.Info("standing by: another autoscaler leads this fleet")
			}
		}
		switch {
		case err == nil || standby:
			failures = 0
		case ctx.Err() == nil:
			failures++
			l.config.Log.Warn("autoscaler tick failed", "error", err, "failures", failures, "retry_in", l.backoff(failures))
		}
		pause := l.backoff(failures)
		if err == nil && d.Next > 0 {
			pause = min(pause, d.Next)
		}
		l.wait(ctx, pause-time.Since(begin))
	}
	return nil
}

// backoff is the wait after so many failures in a row.
func (l *Loop) backoff(failures int) time.Duration {
	wait := l.config.Interval
	for i := 1; i < failures && wait < l.config.MaxBackoff; i++ {
		wait *= 2
	}
	return min(wait, l.config.MaxBackoff)
}

// wait ends after d, or when ctx ends, or on a nudge, but there is always a gap: neither a producer that
// nudges after every batch nor ticks that take longer than the interval may make the loop a busy one.
func (l *Loop) wait(ctx context.Context, d time.Duration) {
	least := l.config.Interval / 20
	timer := time.NewTimer(max(d, least))
	defer timer.Stop()
	gap := time.NewTimer(least)
	defer gap.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.nudge:
		select {
		case <-ctx.Done():
		case <-gap.C:
		}
	}
}

func (l *Loop) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	l.tick.Lock()
	defer l.tick.Unlock()
	l.leading = false
	if err := l.parts.Lease.Release(ctx); err != nil {
		l.config.Log.Warn("release the autoscaler's lease; a successor waits for its end", "error", err)
	}
}

// Once makes one tick: observe, decide, apply, record. It returns ErrStandby when
// another loop leads. After an error in applying, the state is as before, so the same decision
// is made again, but it has been recorded; an error in recording is returned with the decision, which has been applied.
func (l *Loop) Once(ctx context.Context) (Decision, error) {
	l.tick.Lock()
	defer l.tick.Unlock()
	until, err := l.lead(ctx)
	if err != nil {
		return Decision{}, err
	}
	o, err := l.observe(ctx)
	if err != nil {
		return Decision{}, fmt.Errorf("observe: %w", err)
	}
	state, d := Decide(l.config.Policy, l.state, o)
	if l.config.Decided != nil {
		l.config.Decided(d)
	}
	if err := l.apply(ctx, d, until); err != nil {
		err = fmt.Errorf("apply decision %d (%s): %w", d.Seq, d.Reason, err)
		if l.leading { // workers must hear of a living leader, and of the end of the money, whatever ails ECS
			err = errors.Join(err, l.recordErr(ctx, d, l.state))
		}
		return Decision{}, err
	}
	l.state, l.last = state, d
	return d, l.recordErr(ctx, d, state)
}

// lead makes sure of the lease. A loop that has just become the leader takes over the count of the waves.
func (l *Loop) lead(ctx context.Context) (until time.Time, err error) {
	now := l.config.Now()
	until, held, err := l.parts.Lease.Hold(ctx, now)
	if err != nil {
		return until, fmt.Errorf("hold the lease: %w", err)
	}
	if !held {
		l.leading = false
		return until, ErrStandby
	}
	if l.leading {
		return until, nil
	}
	last, state, found, err := l.parts.Journal.Last(ctx, now)
	if err != nil {
		return until, fmt.Errorf("read the last decision: %w", err)
	}
	l.state, l.recorded, l.recordedAt, l.last = State{}, Decision{}, time.Time{}, Decision{}
	switch {
	case found && state.Seq > 0:
		l.state = state.asOf(now)
	case found && last.Want > 0:
		// Its time stands in for the last wave's, so the next comes at worst half a start-up late.
		l.state = State{Wave: last.Wave, WaveAt: last.At, Want: last.Want}
	}
	l.leading = true
	l.config.Log.Info("leading the fleet", "wave", l.state.Wave)
	return until, nil
}

// observe asks the services and then the others, since what a quota has left depends on how many workers there are.
func (l *Loop) observe(ctx context.Context) (Observation, error) {
	start, stop := l.config.Now(), l.stopReason()
	standing, err := l.parts.Fleet.Counts(ctx)
	if err != nil {
		return Observation{}, err
	}
	o, err := l.parts.Observer.Observe(ctx, start, standing)
	if err != nil && stop != "" && ctx.Err() == nil {
		// A stop needs no figures, and a queue that is gone must not keep paid workers up.
		l.config.Log.Warn("observe; stopping all the same", "error", err)
		err = nil
	}
	if err != nil {
		return o, err
	}
	o.Now, o.Counts, o.OnDemand, o.Trouble, o.Stop = l.config.Now(), standing.Counts, standing.OnDemand, standing.Trouble, stop
	if o.Taken.IsZero() || o.Taken.After(start) {
		o.Taken = start
	}
	return o, nil
}

// apply changes the fleet's size if the decision differs from what was observed, or an earlier order has workers released
// that may be needed again.
func (l *Loop) apply(ctx context.Context, d Decision, until time.Time) error {
	o := &d.Observation
	if d.Hold || d.Want == o.Desired && d.OnDemand == o.OnDemand.Desired && o.Released == 0 {
		l.config.Log.Debug("autoscaler", "want", d.Want, "reason", d.Reason)
		return nil
	}
	// Observing may have taken so long that somebody else leads by now.
	left := until.Sub(l.config.Now())
	if left <= 0 {
		l.leading = false
		return errors.New("the lease ran out while observing")
	}
	ctx, cancel := context.WithTimeout(ctx, left) // nor may an order outlive the lease: its end would cross the successor's
	defer cancel()
	order := Order{Workers: d.Want, OnDemand: d.OnDemand, Now: d.StopAll || d.Binding == BindStop}
	if err := l.parts.Fleet.Order(ctx, order); err != nil {
		return err
	}
	if d.Want != d.From || d.OnDemand != o.OnDemand.Desired {
		l.config.Log.Info("autoscaler", "decision", d.Seq, "want", d.Want, "was", d.From, "reason", d.Reason)
	}
	return nil
}

// recordErr is record with the decision in its error.
func (l *Loop) recordErr(ctx context.Context, d Decision, after State) error {
	if err := l.record(ctx, d, after); err != nil {
		return fmt.Errorf("record decision %d (%s): %w", d.Seq, d.Reason, err)
	}
	return nil
}

// record stores the decision if it differs from the last one stored, or that one is old.
func (l *Loop) record(ctx context.Context, d Decision, after State) error {
	last := l.recorded
	same := !l.recordedAt.IsZero() && d.Want == last.Want && d.Wave == last.Wave && d.Hold == last.Hold && d.Binding == last.Binding &&
		d.OnDemand == last.OnDemand && d.Drain == last.Drain && d.StopAll == last.StopAll && len(d.Over) == 0
	if same && d.At.Sub(l.recordedAt) < l.config.RecordEvery {
		return nil
	}
	if err := l.parts.Journal.Record(ctx, d, after); err != nil {
		return err
	}
	l.recorded, l.recordedAt = d, d.At
	return nil
}
