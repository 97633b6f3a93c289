package burst

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// Pace of the looks at a job that somebody waits for.
const (
	firstLook  = 500 * time.Millisecond
	laptopLook = time.Second
	lookEvery  = 2 * time.Second
	// lookShare is the least part of the time that passes between looks, in the time that the last one took: a fleet of
	// thousands of workers is not read without a break.
	lookShare = 10
)

// wait is somebody's wait for a job: it looks at the job for the display, and whether it can still come to an end.
type wait struct {
	s        *Session
	job      store.Job
	look     *view.Looker
	began    time.Time
	sent     atomic.Int64
	ok, fail atomic.Int64
}

// newWait makes the wait for a job. Without a display it does not price, nor read why tasks failed.
func (s *Session) newWait(job store.Job) *wait {
	w := &wait{s: s, job: job, began: time.Now()}
	w.look = &view.Looker{Store: s.store, Job: job.ID, Follower: w.followed}
	if bills, err := s.Bills(); err == nil && s.cfg.Display != nil {
		w.look.Bills = bills
	}
	return w
}

func (w *wait) followed() view.Followed {
	return view.Followed{Sent: int(w.sent.Load()), OK: int(w.ok.Load()), Failed: int(w.fail.Load())}
}

// saw counts a result.
func (w *wait) saw(r store.Settled) {
	if r.Failure != nil {
		w.fail.Add(1)
	} else {
		w.ok.Add(1)
	}
}

// start looks until stop is called, which takes the job off the display. When the job cannot come to an end, fail is told why.
func (w *wait) start(ctx context.Context, fail context.CancelCauseFunc) (stop func()) {
	looks, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run(looks, fail)
	}()
	return func() {
		end()
		<-done
		w.s.cfg.Display.End(w.job.ID, "")
	}
}

// finish ends the wait for a job whose results are all there, marks it done, and returns what is left to say.
func (w *wait) finish(ctx context.Context, stop func()) (line string) {
	stop()
	ctx = context.WithoutCancel(ctx)
	w.s.MarkDone(ctx, w.job)
	w.s.beginReport(ctx, w.job.ID)
	return w.lastLine(ctx)
}

func (w *wait) run(ctx context.Context, fail context.CancelCauseFunc) {
	every := lookEvery
	if w.s.stack.Endpoint != "" {
		every = laptopLook
	}
	next := time.NewTimer(firstLook)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		began := time.Now()
		if err := w.once(ctx, began); err != nil {
			fail(err)
			return
		}
		next.Reset(max(every, lookShare*time.Since(began)))
	}
}

// once looks at the job, and returns why it will not come to an end. Of looks that fail the next ones may do better;
// the results' own reader reports lasting errors.
func (w *wait) once(ctx context.Context, now time.Time) error {
	if w.s.cfg.Display.Due(w.job.ID, w.began, now) {
		if state, err := w.look.Look(ctx, now); err == nil {
			_ = w.s.cfg.Display.Show(state) // whoever cannot be shown it may still wait
		}
	}
	settled := int(w.ok.Load() + w.fail.Load())
	if err := w.s.crashLoop(ctx, w.job, settled); err != nil {
		return err
	}
	err := w.s.cancelled(ctx, w.job.ID, settled)
	if cancelled, is := errors.AsType[*CancelledError](err); is {
		if n, err := w.s.reported(ctx, w.job); err == nil {
			cancelled.Settled = max(settled, n)
		}
	}
	return err
}

// reported is how many tasks have a result by what the workers say.
func (s *Session) reported(ctx context.Context, job store.Job) (n int, err error) {
	ledgers, err := s.store.JobLedgers(ctx, job.ID)
	if err != nil {
		return 0, fmt.Errorf("read the job's progress: %w", err)
	}
	for _, l := range ledgers {
		n += int(l.Jobs[job.ID].OK + l.Jobs[job.ID].Failed)
	}
	return min(n, job.N), nil // a task that was run again is counted twice
}

// lastLine sums up a job that is over, and says where there is more about it.
func (w *wait) lastLine(ctx context.Context) string {
	if w.s.cfg.Display == nil || !w.s.cfg.LastLine {
		return ""
	}
	state, err := w.look.Look(ctx, time.Now())
	if err != nil {
		return ""
	}
	if _, wanted := w.s.reports.file(w.job.ID); wanted {
		return view.Summary(state) // the report has its own line
	}
	where := ""
	if w.s.state != "" {
		where = " --state " + w.s.state
	}
	return view.Summary(state) + "\nmore:  starburst report" + where + " " + w.job.ID
}
