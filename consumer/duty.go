package consumer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/starburst-go/starburst/store"
)

// Guard keeps the platform from stopping this worker when the fleet shrinks or a new version is deployed: ECS task
// protection. *ecsagent.Agent has it.
type Guard interface {
	// Protect protects the worker for so long from now on. It must give up within seconds. An error with
	// a method "Final() bool" that returns true says that asking again is of no use.
	Protect(ctx context.Context, lasting time.Duration) error
	// Unprotect lets the platform stop the worker.
	Unprotect(ctx context.Context) error
}

const (
	// releaseCheck is how often a released worker looks whether it still holds anything.
	releaseCheck = 100 * time.Millisecond
	// returnPatience is how long a worker that is called back tries to be protected before it polls without: the
	// platform refuses when it is about to stop it.
	returnPatience = 10 * time.Second
	// guardBackoff is the first pause after a failed call of the guard; it doubles up to guardBackoffMax. The rate of the calls is
	// limited by account, and thousands of workers may fail at once.
	guardBackoff    = 2 * time.Second
	guardBackoffMax = 5 * time.Minute
)

// duty is whether this worker polls. It does while nobody has released it by name, and it is protected while it does:
//
//	released:    no new poll → open polls end → what has not started goes back → what runs ends → unprotect → say so
//	called back: protect → poll
//
// The order closes a gap: a worker that gave its protection up with a poll open could be stopped with what that poll brings.
// Work never waits for protection, but for returnPatience: without it, stopping is merely dearer.
//
// keep alone changes what is not under the mutex.
type duty struct {
	guard   Guard // nil: nothing protects this worker
	lasting time.Duration
	touch   time.Duration // how often to look whether the leader can reach this worker
	inTouch func() bool   // whether it can
	report  func(protected, released bool)
	warn    func(msg string, err error)
	random  func(int64) int64

	until    time.Time // the end of the protection, zero without
	final    bool      // the guard said that asking again is of no use
	failures int       // of the guard, in a row
	retryAt  time.Time // when to ask it again
	since    time.Time // when the worker was called back; zero when it was not
	answered bool      // the release has been answered

	wake chan struct{} // buffered: what the leader says has changed

	mu       sync.Mutex // protects the fields below
	released bool       // by name, as the leader last said
	off      bool       // no new poll
	open     int        // polls
}

func newDuty(c Config, report func(protected, released bool), inTouch func() bool, random func(int64) int64) *duty {
	return &duty{
		guard: c.Guard, lasting: c.ProtectFor, touch: c.OutOfTouch / 4, inTouch: inTouch, report: report, random: random, wake: make(chan struct{}, 1),
		warn: func(msg string, err error) { c.Log.Warn(msg, "err", err) },
	}
}

// enter asks for leave to open a poll; exit must follow its end.
func (d *duty) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return false
	}
	d.open++
	return true
}

func (d *duty) exit() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
}

func (d *duty) isOff() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// told takes over whether the leader names this worker among the released.
func (d *duty) told(c store.Control, name string) {
	_, released := slices.BinarySearch(c.Released, name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.released == released {
		return
	}
	d.released = released
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// begin is called before the first poll.
func (d *duty) begin(ctx context.Context) {
	d.mu.Lock()
	d.off = d.released
	off := d.off
	d.mu.Unlock()
	if !off {
		d.protect(ctx)
	}
}

// keep follows the leader's word until ctx ends. idle gives back what has not started and tells whether nothing is held any more.
func (d *duty) keep(ctx context.Context, idle func() bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-timer.C:
		}
		if wait := d.step(ctx, idle); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// step does what is due and returns when to look again, 0 when only the leader's word changes anything.
func (d *duty) step(ctx context.Context, idle func() bool) time.Duration {
	d.mu.Lock()
	released := d.released
	if released {
		d.off = true
		d.since = time.Time{}
	}
	off, open := d.off, d.open
	d.mu.Unlock()
	switch {
	case !released && off:
		return d.comeBack(ctx)
	case !released:
		return d.hold(ctx)
	case d.answered:
		return 0
	case open > 0 || !idle():
		return releaseCheck
	}
	return d.unprotect(ctx)
}

// hold keeps the protection up while the leader can reach this worker. A worker that it can neither hear nor be heard by
// could never be released by name, so that its fleet would not end.
func (d *duty) hold(ctx context.Context) time.Duration {
	if d.guard == nil || d.final {
		return 0
	}
	if d.inTouch() {
		return min(d.renew(ctx), d.touch)
	}
	if time.Now().Before(d.until) && (d.failures == 0 || !time.Now().Before(d.retryAt)) {
		if err := d.guard.Unprotect(ctx); err != nil {
			d.failed(ctx, "this worker is out of its leader's reach and still protected: the fleet cannot shrink by it", err)
		} else {
			d.until, d.failures = time.Time{}, 0
			d.report(false, false)
		}
	}
	return d.touch
}

// renew asks for protection when it is missing or half over.
func (d *duty) renew(ctx context.Context) time.Duration {
	if due := d.due(); due > 0 {
		return due
	}
	d.protect(ctx)
	return max(d.due(), time.Second)
}

// due is when the guard must be asked next.
func (d *duty) due() time.Duration {
	if d.failures > 0 {
		return time.Until(d.retryAt)
	}
	return time.Until(d.until.Add(-d.lasting / 2))
}

// comeBack protects the worker and lets it poll again.
func (d *duty) comeBack(ctx context.Context) time.Duration {
	if d.since.IsZero() {
		d.since = time.Now()
		d.failures, d.final = 0, false // a stopping task is refused like one of no service
	}
	if d.guard != nil && !d.protect(ctx) && time.Since(d.since) < returnPatience {
		return max(min(time.Until(d.retryAt), returnPatience), releaseCheck)
	}
	d.since, d.answered = time.Time{}, false
	d.report(!d.until.IsZero(), false)
	d.mu.Lock()
	d.off = false
	d.mu.Unlock()
	return d.hold(ctx)
}

// protect asks once, and reports whether the worker is protected.
func (d *duty) protect(ctx context.Context) bool {
	if d.guard == nil {
		return false
	}
	asked := time.Now()
	err := d.guard.Protect(ctx, d.lasting)
	if err == nil {
		d.failures, d.until = 0, asked.Add(d.lasting) // by our own clock: the platform's may go otherwise
		d.report(true, false)
		return true
	}
	if d.until.Before(time.Now()) {
		d.until = time.Time{}
		if !d.isOff() { // the answer to a release stands until the worker polls again
			d.report(false, false)
		}
	}
	d.failed(ctx, "this worker is not protected: ECS may stop it at work when the fleet shrinks", err)
	return false
}

// unprotect gives the protection up and answers the release.
func (d *duty) unprotect(ctx context.Context) time.Duration {
	if d.guard != nil && time.Now().Before(d.until) {
		if wait := time.Until(d.retryAt); d.failures > 0 && wait > 0 {
			return wait
		}
		if err := d.guard.Unprotect(ctx); err != nil {
			d.failed(ctx, "this worker is released and still protected: the fleet cannot shrink by it yet", err)
			return max(time.Until(d.retryAt), releaseCheck)
		}
	}
	d.until, d.failures, d.answered = time.Time{}, 0, true
	d.report(false, true)
	return 0
}

// failed notes a failed call of the guard and sets when to ask again.
func (d *duty) failed(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	if final, ok := errors.AsType[interface {
		error
		Final() bool
	}](err); ok {
		d.final = final.Final()
	}
	pause := min(guardBackoffMax, guardBackoff<<min(d.failures, 10))
	d.retryAt = time.Now().Add(pause/2 + time.Duration(d.random(int64(pause/2))))
	d.failures++
	if d.failures == 1 || d.failures%10 == 0 {
		d.warn(what, err)
	}
}
