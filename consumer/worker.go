package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/internal/sqsbatch"
	"github.com/starburst-go/starburst/store"
)

// recorders is how many results are written at once, besides slots: enough to hide the table's
// round trip behind the handlers' work.
const recorders = 16

// abandonAfter is how long a handler may ignore its ended context before the
// worker leaves it behind.
const abandonAfter = 2 * time.Second

// Worker takes messages from one queue, runs their tasks and records the
// results. Make one with New; call Run once.
type Worker struct {
	cfg     Config
	leases  *leases
	credits *credits
	account *account
	acks    *acker
	jobs    *jobs
	duty    *duty
	running running
	owed    owed
	depth   depth
	maxBody int           // the queue's; 0 until it has been read
	alone   chan struct{} // held while a message that killed a worker runs

	desk    *desk
	taken   atomic.Int64 // when a hand last took a message, in Unix ms
	ledgers atomic.Int64 // when the ledger was last written, in Unix ms

	stop         chan struct{}   // closed when the worker stops taking work
	base         context.Context //nolint:containedctx // of one Run; ends when Run returns
	handlers     context.Context //nolint:containedctx // of one Run; ends with ErrStopping when the grace period is over
	stopHandlers context.CancelCauseFunc

	mu   sync.Mutex // protects mean and cfg.Rand
	mean time.Duration
}

// New checks the configuration and returns a worker.
func New(c Config) (*Worker, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	now := time.Now()
	w := &Worker{cfg: c, credits: newCredits(c.Slots), account: newAccount(c, now), stop: make(chan struct{}), alone: make(chan struct{}, 1)}
	w.ledgers.Store(now.UnixMilli())
	w.jobs = newJobs(c.Results.Job, c.DeadMan)
	w.duty = newDuty(c, w.account.onDuty, w.inTouch, w.random)
	w.desk = newDesk(c.Slots)
	return w, nil
}

// Run works until ctx ends and then stops in order: no new polls; open polls
// end; what has not started goes back to the queue; handlers finish within
// Config.Grace; results, acks and the ledger are flushed; the rest goes back.
// It returns nil after such a stop, ErrQueueGone when the queue was out of reach
// for Config.GiveUp, and an error when the queue cannot be used at all.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.readQueue(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	w.reportForDuty(ctx)
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	w.base = base
	w.handlers, w.stopHandlers = context.WithCancelCause(base)
	defer w.stopHandlers(nil)

	w.leases = newLeases(w.cfg, w.policy(), w.leaseLost)
	w.acks = newAcker(w.cfg, w.policy(), w.leases)
	var background sync.WaitGroup
	background.Go(func() { w.leases.run(base) })
	background.Go(func() { w.account.run(base, w.cfg.LedgerEvery, w.cfg.LedgerEdge, w.writeLedger) })
	background.Go(func() { w.announce(base) })
	background.Go(func() { w.watchBuffer(base) })
	background.Go(func() { w.readControl(base) })
	background.Go(func() { w.duty.keep(base, w.handsEmpty) })
	hands := w.cfg.Slots + recorders
	w.desk.count(hands)
	for range hands {
		go w.hand()
	}
	polls := make(chan error, 1)
	p := &poller{cfg: w.cfg, credits: w.credits, account: w.account, busy: w.account.isBusy, paused: w.isPaused, duty: w.duty, heard: w.jobs.heard, random: w.random, deliver: w.receive}
	pollCtx, stopPolls := context.WithCancel(ctx)
	defer stopPolls()
	go func() { polls <- p.run(pollCtx) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-polls:
		polls <- nil
	}
	stopPolls()
	close(w.stop)
	w.desk.close()
	grace := w.cfg.Grace
	if err != nil {
		grace = 0
	}
	defer time.AfterFunc(grace, func() { w.stopHandlers(ErrStopping) }).Stop()
	<-polls //nolint:errcheck // it ended as it was told to, or err has its error
	w.releaseUnstarted(atOnce)
	// The grace period, and then a little for handlers whose context has just ended.
	if !w.desk.awaitSlots(grace + 2*abandonAfter) {
		w.cfg.Log.Error("a handler ignores the end of its context; its message goes back to the queue")
	}
	w.desk.awaitHands()
	w.acks.stop()
	w.releaseHeld()
	end()
	background.Wait()
	return errors.Join(err, w.finalLedger(ctx))
}

// Hurry ends a stopping worker's grace period: handlers' contexts end now, and what
// they leave undone goes back to the queue. Before Run has been told to stop it does nothing.
func (w *Worker) Hurry() {
	select {
	case <-w.stop:
		w.stopHandlers(ErrStopping)
	default:
	}
}

// receive takes over a message from the poller, together with its credit.
func (w *Worker) receive(m types.Message, asked time.Time) {
	if m.ReceiptHandle == nil {
		w.credits.give(1)
		return
	}
	w.desk.put(newDelivery(m, w.leases.track(w.base, *m.ReceiptHandle, asked)))
}

// hand works on one message after the other until the worker stops.
func (w *Worker) hand() {
	seat := make(chan *delivery, 1)
	for {
		d := w.desk.next(seat)
		if d == nil {
			w.desk.count(-1)
			return
		}
		now := time.Now()
		w.taken.Store(now.UnixMilli())
		if !w.handle(&turn{d: d, began: now}) {
			return // left behind with a handler; another goroutine is the hand now
		}
	}
}

// turn is a message's time in a slot.
type turn struct {
	d     *delivery
	began time.Time
	alone bool // it holds Worker.alone, and its slot until it is recorded
	over  bool
}

// vacate ends a turn: the slot is the next message's.
func (w *Worker) vacate(t *turn) {
	if t.over {
		return
	}
	t.over = true
	if t.alone {
		<-w.alone
	}
	w.desk.leave()
	w.credits.give(1)
	w.adapt(time.Since(t.began))
}

// handle decides what to do with a message and, as a rule, runs it. It returns false when the calling goroutine was
// left behind with a handler meanwhile; then it must do nothing more.
func (w *Worker) handle(t *turn) (stays bool) {
	d := t.d
	ctx := d.lease.ctx
	if w.begins(ctx, d) {
		if suspect(d) {
			return w.runSuspect(ctx, t)
		}
		return w.run(ctx, t)
	}
	w.vacate(t)
	return true
}

// begins reports whether the message's tasks are to be run. It has dealt with a message whose are not.
func (w *Worker) begins(ctx context.Context, d *delivery) bool {
	if time.Now().After(w.leases.end(d.lease)) {
		w.leases.leave(d.lease) // expired while waiting: another delivery will run it
		return false
	}
	if err := w.open(ctx, d); err != nil {
		if u, ok := errors.AsType[*unusable](err); ok {
			w.reject(ctx, d, u)
			return false
		}
		w.cfg.Log.WarnContext(ctx, "message put back", "message", d.messageID, "err", err)
		w.putBack(d)
		return false
	}
	if w.jobs.isCancelled(d.msg.Job) && w.drop(d) {
		return false
	}
	return !suspect(d) || !w.alreadyRecorded(ctx, d)
}

// drop acks a message of a cancelled job: the only ack without a recorded item. The
// control item and what is remembered of META may be out of date, and the job resumed since, so
// that META is asked first. It reports whether the message was dealt with.
func (w *Worker) drop(d *delivery) bool {
	cancelled, err := w.jobs.confirm(d.lease.ctx, d.msg.Job)
	switch {
	case cancelled:
		w.acks.add(d.lease)
	case err != nil || w.jobs.isCancelled(d.msg.Job):
		w.putBack(d) // until the control item has caught up: it would stop the run
	default:
		return false
	}
	return true
}

// run runs the message's tasks in the turn's slot and records what became of them. See handle for stays.
func (w *Worker) run(ctx context.Context, t *turn) (stays bool) {
	d := t.d
	runCtx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(w.handlers, func() { cancel(context.Cause(w.handlers)) })
	forget := w.running.add(d.msg.Job, cancel)
	handOver := w.handOver
	if !mayHaveChildren(d.msg) {
		handOver = nil
	}
	r := newChunkRun(d, handOver)
	w.account.begin(r, r.began)
	end := func(abandoned bool) {
		if abandoned {
			w.cfg.Log.ErrorContext(ctx, "a handler ignores the end of its context; it was left behind", "handler", d.msg.Handler, "job", d.msg.Job, "cause", context.Cause(runCtx))
		}
		w.account.end(time.Now())
		r.group.close()
		forget()
		unhook()
		cancel(nil)
		w.complete(t, r)
	}
	return r.run(runCtx, end, w.hand)
}

// complete records a run, after it has left its slot to the next message as a rule.
func (w *Worker) complete(t *turn, r *chunkRun) {
	if !t.alone {
		w.vacate(t)
	}
	w.record(r)
	w.vacate(t)
}

// alreadyRecorded settles a redelivered message whose item exists, and reports
// whether there is nothing left to run.
func (w *Worker) alreadyRecorded(ctx context.Context, d *delivery) bool {
	res, found, err := w.recorded(ctx, d, d.msg.Self())
	switch {
	case err != nil:
		w.cfg.Log.WarnContext(ctx, "result of a redelivered message not read", "message", d.msg.Self(), "err", err)
		w.putBack(d)
		return true
	case found:
		w.finish(d, res)
		return true
	}
	return false
}

// adapt sets the allowance of messages beyond the free slots by the time that
// messages have lately taken.
func (w *Worker) adapt(took time.Duration) {
	w.mu.Lock()
	if w.mean == 0 {
		w.mean = took
	} else {
		w.mean += (took - w.mean) / 8
	}
	mean := max(w.mean, time.Microsecond)
	w.mu.Unlock()
	w.credits.setPrefetch(min(w.cfg.MaxPrefetch, w.cfg.Slots*int(w.cfg.PrefetchWork/mean)))
}

func (w *Worker) leaseLost(le *lease) {
	w.cfg.Log.Warn("lease lost; the message's tasks are cancelled here", "held", time.Since(le.received).Round(time.Second))
}

func (w *Worker) random(n int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cfg.Rand.Int64N(n)
}

// isPaused reports whether to take no new work: the leader says so, or what is done cannot be acked.
func (w *Worker) isPaused() bool { return w.jobs.isPaused() || w.acks.isDenied() }

// policy is how batches are tried again: with the worker's own jitter.
func (w *Worker) policy() sqsbatch.Policy { return sqsbatch.Policy{Rand: w.random} }

func (w *Worker) writeLedger(ctx context.Context) error {
	err := w.cfg.Results.PutLedger(ctx, w.account.snapshot(time.Now(), w.leases.count(), false))
	switch {
	case err == nil:
		w.ledgers.Store(time.Now().UnixMilli())
	case ctx.Err() == nil:
		w.cfg.Log.WarnContext(ctx, "ledger not written; the next snapshot says it again", "err", err)
	}
	return err
}

// finalLedger writes the last snapshot. Without it the job's exact recount still
// holds; only the worker's last seconds of cost would be missing.
func (w *Worker) finalLedger(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.cfg.Results.PutLedger(ctx, w.account.snapshot(time.Now(), w.leases.count(), true)); err != nil {
		return fmt.Errorf("write the last ledger snapshot: %w", err)
	}
	return nil
}

// announce names the handlers this worker knows, so that submit can refuse others.
func (w *Worker) announce(ctx context.Context) {
	for _, name := range w.cfg.Handlers.Names() {
		err := w.cfg.Results.PutHandler(ctx, w.cfg.Fleet, store.HandlerInfo{Name: name, Seen: time.Now(), Language: "go", Build: w.cfg.Build})
		if err != nil && ctx.Err() == nil {
			w.cfg.Log.WarnContext(ctx, "handler not announced", "handler", name, "err", err)
		}
	}
}

// firstControl bounds the look at the control item before the first poll.
const firstControl = 2 * time.Second

// reportForDuty is what precedes the first poll: a worker that replaces another must not take work that nobody pays
// for, and one that polls should be protected.
func (w *Worker) reportForDuty(ctx context.Context) {
	lookCtx, looked := context.WithTimeout(ctx, firstControl)
	w.lookAtControl(lookCtx)
	looked()
	w.duty.begin(ctx)
}

// readControl keeps up with what the leader says.
func (w *Worker) readControl(ctx context.Context) {
	for sleep(ctx, w.cfg.ControlEvery) {
		w.lookAtControl(ctx)
		w.takeBackOwed(ctx)
	}
}

// lookAtControl reads the control item. When it cannot be read, the last known one
// stays in force.
func (w *Worker) lookAtControl(ctx context.Context) {
	c, err := w.cfg.Results.Control(ctx, w.cfg.Fleet)
	if err != nil {
		return
	}
	w.jobs.control(c)
	w.duty.told(c, w.cfg.Name)
	w.running.cancel(w.jobs.isCancelled)
}
