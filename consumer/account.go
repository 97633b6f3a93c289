package consumer

import (
	"context"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/usage"
	"github.com/starburst-go/starburst/store"
)

// account counts what this worker did. Its snapshots are cumulative, so that a
// lost or repeated write of the ledger item can never count anything twice.
type account struct {
	mu     sync.Mutex // protects everything below
	ledger store.Ledger
	// busyNow is the number of handlers running, busySince when it last changed;
	// slotMS integrates them.
	busyNow   int
	busySince time.Time
	slotBusy  time.Duration
	dirty     bool
	urgent    bool // somebody waits for the next snapshot
	// requests returns the totals of the process's calls to AWS.
	requests func() map[string]int64
	// spent is the handlers' time per job of the ledger, finer than its milliseconds: a
	// thousand small tasks may take less than one.
	spent map[string]handlerTime
	// runs are begun and neither recorded nor given up, with the job they are for.
	runs map[*chunkRun]string
	// edge is signalled when the worker turns busy or idle.
	edge chan struct{}
}

// handlerTime is time spent in handlers, and the parts of it that came to nothing.
type handlerTime struct {
	busy time.Duration
	// failed attempts, runs that did again what was recorded already, and runs that were cut off or not recorded.
	failed, duplicated, interrupted time.Duration
}

func (t handlerTime) plus(o handlerTime) handlerTime {
	return handlerTime{t.busy + o.busy, t.failed + o.failed, t.duplicated + o.duplicated, t.interrupted + o.interrupted}
}

func newAccount(c Config, now time.Time) *account {
	a := &account{edge: make(chan struct{}, 1), busySince: now, requests: c.Requests, spent: map[string]handlerTime{}, runs: map[*chunkRun]string{}}
	a.ledger = store.Ledger{
		Fleet: c.Fleet, Worker: c.Name, Started: now, Slots: c.Slots,
		Jobs: map[string]store.JobCount{}, Hist: map[int]int64{}, Cost: c.Cost,
	}
	if a.ledger.Cost.Launched.IsZero() {
		a.ledger.Cost.Launched = now
	}
	a.ledger.Cost.Ready = now
	a.dirty = true
	return a
}

// HistBucket returns the ledger histogram's bucket for a task of duration d:
// 8 buckets an octave from 1 ms; bucket 0 holds everything up to 1 ms.
func HistBucket(d time.Duration) int {
	if d <= time.Millisecond {
		return 0
	}
	return min(239, 1+int(8*math.Log2(float64(d)/float64(time.Millisecond))))
}

// polled notes the outcome of a long poll.
func (a *account) polled(messages int, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case messages > 0:
		a.ledger.EmptySince = time.Time{}
	case a.ledger.EmptySince.IsZero():
		a.ledger.EmptySince = now
		a.dirty = true
	}
}

// begin and end bracket a slot's work on one message.
func (a *account) begin(r *chunkRun, now time.Time) {
	a.mu.Lock()
	a.runs[r] = r.d.msg.Job
	a.mu.Unlock()
	a.shift(now, +1)
}

func (a *account) end(now time.Time) { a.shift(now, -1) }

func (a *account) shift(now time.Time, by int) {
	a.mu.Lock()
	a.slotBusy += time.Duration(a.busyNow) * now.Sub(a.busySince)
	a.busySince = now
	was := a.busyNow
	a.busyNow += by
	edge := (was == 0) != (a.busyNow == 0)
	a.dirty = true
	a.mu.Unlock()
	if edge {
		a.signal()
	}
}

// signal wakes run; one that is awake already needs no second call.
func (a *account) signal() {
	select {
	case a.edge <- struct{}{}:
	default:
	}
}

// onDuty notes whether the worker is protected, and whether it has answered its release. The leader waits for
// that, so it is written at once.
func (a *account) onDuty(protected, released bool) {
	a.mu.Lock()
	changed := a.ledger.Protected != protected || a.ledger.Released != released
	a.ledger.Protected, a.ledger.Released = protected, released
	a.dirty, a.urgent = a.dirty || changed, a.urgent || changed
	a.mu.Unlock()
	if changed {
		a.signal()
	}
}

func (a *account) isUrgent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.urgent
}

func (a *account) isBusy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.busyNow > 0
}

// settled counts a message whose item this worker's own put wrote.
func (a *account) settled(r *chunkRun, ok, failed int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	job := a.spend(r, r.spent)
	c := a.ledger.Jobs[job]
	c.OK += int64(ok)
	c.Failed += int64(failed)
	a.ledger.Jobs[job] = c
	for b, n := range r.durations {
		a.ledger.Hist[b] += n
	}
}

// duplicated counts a run whose message another delivery had recorded first.
func (a *account) duplicated(r *chunkRun) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := r.spent
	t.duplicated = t.busy - t.failed - t.interrupted
	a.spend(r, t)
}

// interrupted counts a run of which nothing was recorded.
func (a *account) interrupted(r *chunkRun) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := r.spent
	t.interrupted = t.busy - t.failed
	a.spend(r, t)
}

// spend charges a run that is over to its job and returns the ledger's entry for it. Callers hold mu.
func (a *account) spend(r *chunkRun, t handlerTime) (job string) {
	delete(a.runs, r)
	job = a.key(r.d.msg.Job)
	a.spent[job] = a.spent[job].plus(t)
	if _, known := a.ledger.Jobs[job]; !known {
		a.ledger.Jobs[job] = store.JobCount{} // it takes its place among the limited number
	}
	a.dirty = true
	if a.busyNow == 0 {
		a.signal() // the last message is recorded after its slot has turned idle
	}
	return job
}

// jobs returns the counts with the time in handlers up to now. Callers hold mu.
func (a *account) jobs(now time.Time) map[string]store.JobCount {
	running := map[string]time.Duration{}
	for r, job := range a.runs {
		running[a.key(job)] += r.soFar(now)
	}
	counts := maps.Clone(a.ledger.Jobs)
	for job, d := range running {
		c := counts[job]
		c.RunningMS = d.Milliseconds()
		counts[job] = c
	}
	for job, c := range counts {
		t := a.spent[job]
		c.BusyMS = (t.busy + running[job]).Milliseconds()
		c.WastedMS = (t.failed + t.duplicated + t.interrupted).Milliseconds()
		c.FailedMS, c.InterruptedMS = t.failed.Milliseconds(), t.interrupted.Milliseconds()
		counts[job] = c
	}
	return counts
}

// key is the ledger's entry for a job: jobs beyond the item's limit, and tasks
// without a job, share one. Callers hold mu.
func (a *account) key(job string) string {
	if _, known := a.ledger.Jobs[job]; job == "" || !known && len(a.ledger.Jobs) >= store.MaxLedgerJobs {
		return store.OtherJobs
	}
	return job
}

// snapshot returns a copy fit to be written, with a higher sequence.
func (a *account) snapshot(now time.Time, held int, final bool) store.Ledger {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ledger.Seq++
	a.ledger.Updated = now
	a.ledger.Final = final
	a.ledger.Busy = a.busyNow
	a.ledger.Held = held
	busy := a.slotBusy + time.Duration(a.busyNow)*now.Sub(a.busySince)
	total := time.Duration(a.ledger.Slots) * now.Sub(a.ledger.Cost.Ready)
	a.ledger.Cost.IdleMS = max(0, (total - busy).Milliseconds())
	a.ledger.Cost.CPUMS = usage.Own().CPU.Milliseconds()
	a.dirty, a.urgent = false, false
	l := a.ledger
	l.Jobs = a.jobs(now)
	l.Hist = cloneMap(l.Hist)
	l.Cost.Requests = a.requests()
	return l
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m))
	maps.Copy(c, m)
	return c
}

// run writes the ledger item every "every", and on busy/idle edges at most once per
// edgeEvery, until ctx ends. An idle worker writes too, because its snapshot is also its heartbeat.
//
// An edge is a worker that is still busy, or idle, when it may write again. One that goes
// from message to message turns idle and busy with each: writing then would cost 1 % of
// a 1 vCPU worker, and tell nobody anything (design §10: under 0.2 %).
func (a *account) run(ctx context.Context, every, edgeEvery time.Duration, write func(context.Context) error) {
	timer := time.NewTimer(0) // the first snapshot announces the worker
	defer timer.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			if wait := min(time.Until(last.Add(every)), a.steady(edgeEvery/10)); wait > 0 {
				timer.Reset(wait)
				continue
			}
			// A failed write is caught up by the next snapshot, which says all of it again.
			_ = write(ctx)
			last = time.Now()
			timer.Reset(every)
		case <-a.edge:
			if a.isUrgent() {
				timer.Reset(0)
				continue
			}
			timer.Reset(max(0, time.Until(last.Add(edgeEvery))))
		}
	}
}

// steady is how long to wait before a snapshot would say something new: not at all when
// the last one was of an idle worker and this one is busy, and until it has been idle for
// a moment when it has turned idle or has done something since, because between two
// messages it is idle, too. With nothing to say it is for ever.
func (a *account) steady(moment time.Duration) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch wasBusy := a.ledger.Busy > 0; {
	case a.urgent, a.busyNow > 0 && !wasBusy:
		return 0
	case a.busyNow == 0 && (wasBusy || a.dirty):
		return moment - time.Since(a.busySince)
	}
	return math.MaxInt64
}
