package autoscale_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/starburst-go/starburst/autoscale"
)

// world is a fleet, a queue and a table in memory. Workers start startUp after they
// are asked for and stop at once. Several loops may share one world.
type world struct {
	mu      sync.Mutex
	startUp time.Duration
	seen    autoscale.Observation // what Observe returns

	desired  int
	launched []time.Time // when each worker was asked for
	updates  []int       // the desired counts asked for, in order
	records  []autoscale.Decision
	memory   autoscale.State // as recorded last

	owner   string // who holds the lease
	until   time.Time
	ttl     time.Duration
	observe time.Duration // how long an observation takes

	failObserve, failCounts, failSet, failRecord, failLease error
}

var errBroken = errors.New("broken")

func newWorld(startUp time.Duration) *world { return &world{startUp: startUp, ttl: 20 * time.Second} }

func (w *world) edit(f func(w *world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

// Observe and the rest implement the loop's parts.
func (w *world) Observe(_ context.Context, now time.Time, _ autoscale.Standing) (autoscale.Observation, error) {
	time.Sleep(w.observe)
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.seen
	o.Taken = now
	return o, w.failObserve
}

func (w *world) Counts(context.Context) (autoscale.Standing, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := autoscale.Counts{Desired: w.desired}
	for _, at := range w.launched {
		if time.Since(at) >= w.startUp {
			c.Running++
		} else {
			c.Pending++
		}
	}
	return autoscale.Standing{Counts: c}, w.failCounts
}

func (w *world) Order(_ context.Context, o autoscale.Order) error {
	n := o.Workers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failSet != nil {
		return w.failSet
	}
	w.updates = append(w.updates, n)
	w.desired = n
	for len(w.launched) < n {
		w.launched = append(w.launched, time.Now())
	}
	w.launched = w.launched[:n]
	return nil
}

func (w *world) Record(_ context.Context, d autoscale.Decision, after autoscale.State) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failRecord != nil {
		return w.failRecord
	}
	w.records, w.memory = append(w.records, d), after
	return nil
}

func (w *world) Last(context.Context, time.Time) (autoscale.Decision, autoscale.State, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.records) == 0 {
		return autoscale.Decision{}, autoscale.State{}, false, nil
	}
	return w.records[len(w.records)-1], w.memory, true, nil
}

// lease is one contender for the world's lease.
type lease struct {
	*world
	name string
}

func (l lease) Hold(_ context.Context, now time.Time) (time.Time, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failLease != nil {
		return time.Time{}, false, l.failLease
	}
	if l.owner != l.name && now.Before(l.until) {
		return l.until, false, nil
	}
	l.owner, l.until = l.name, now.Add(l.ttl)
	return l.until, true, nil
}

func (l lease) Release(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner == l.name {
		l.owner, l.until = "", time.Time{}
	}
	return nil
}

// reasons of the decisions recorded so far, in order.
func (w *world) reasons() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, d := range w.records {
		out = append(out, d.Reason)
	}
	return out
}

func (w *world) asked() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]int{}, w.updates...)
}
