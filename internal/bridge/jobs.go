package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// running is a job that was made of tasks that were put. Fields are guarded by the bridge's mu.
type running struct {
	job  store.Job
	ids  []int64
	done []bool // settled, or cancelled by the caller
	left int
	end  context.CancelFunc // of its follower
}

// sendLoop turns what has gathered into jobs.
func (b *bridge) sendLoop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := time.Hour
		b.mu.Lock()
		for len(b.gather.tasks) > 0 && b.sending < atOnce {
			now := time.Now()
			b.pace.tick(len(b.tasks), now)
			if next = b.gather.wait(len(b.tasks), now); next > 0 {
				break
			}
			b.start(ctx, b.gather.take(), b.pace.taskTime())
			next = time.Hour
		}
		b.mu.Unlock()
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		case <-timer.C:
		}
	}
}

// start sends tasks as a job, in the background. The caller holds mu.
func (b *bridge) start(ctx context.Context, tasks []task, taskTime time.Duration) {
	b.sending++
	for _, t := range tasks {
		b.tasks[t.id] = nil
	}
	b.work.Go(func() {
		defer b.nudge()
		job, err := b.submit(ctx, tasks, taskTime)
		b.mu.Lock()
		b.sending--
		b.mu.Unlock()
		if err != nil {
			b.refuse(tasks, err)
			return
		}
		b.follow(ctx, job, tasks)
	})
}

func (b *bridge) submit(ctx context.Context, tasks []task, taskTime time.Duration) (store.Job, error) {
	spec := b.Spec
	spec.Handler, spec.MaxWorkers, spec.Slots, spec.TaskTime = b.Handler, b.Workers, 1, taskTime
	spec.Source = arguments(tasks)
	if spec.MaxCostPico > 0 {
		left, err := b.spend.left(ctx, b.Session)
		if err != nil {
			return store.Job{}, err
		}
		spec.MaxCostPico = left
	}
	return b.Session.Submit(ctx, spec)
}

// arguments makes a source of encoded arguments.
func arguments(tasks []task) producer.Source {
	args := make([]msgpack.RawMessage, len(tasks))
	for i, t := range tasks {
		args[i] = t.arg
	}
	return producer.Slice(args)
}

// refuse tells the tasks' owner why they could not be sent.
func (b *bridge) refuse(tasks []task, err error) {
	why := err.Error()
	if hint := exit.HintOf(err); hint != "" {
		why += "; try: " + hint
	}
	for _, t := range tasks {
		if b.settle(t.id) {
			b.out.outcome(failed(t.id, failSend, why))
		}
	}
}

// settle takes a task off the books; false when its owner has been told already.
func (b *bridge) settle(id int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := b.tasks[id]; !open {
		delete(b.dropped, id)
		return false
	}
	b.pace.tick(len(b.tasks), time.Now())
	b.pace.done(1)
	delete(b.tasks, id)
	return true
}

// How often a job is looked at, and how often it is asked whether that makes sense.
const (
	minPoll    = 2 * time.Millisecond
	maxPoll    = 50 * time.Millisecond // on this machine
	maxPollAWS = time.Second
	checkEvery = 2 * time.Second
	// patience is how long a job is followed that cannot be read.
	patience = 2 * time.Minute
)

// follow passes on a job's outcomes as they come, in any order.
func (b *bridge) follow(whole context.Context, job store.Job, tasks []task) {
	ctx, cancel := context.WithCancel(whole)
	defer cancel()
	r := &running{job: job, done: make([]bool, len(tasks)), left: len(tasks), end: cancel}
	for _, t := range tasks {
		r.ids = append(r.ids, t.id)
	}
	b.adopt(whole, r)
	err := b.pollAll(ctx, r)
	b.mu.Lock()
	finished := r.left == 0
	delete(b.jobs, job.ID)
	b.mu.Unlock()
	b.nudge()
	if finished {
		b.spend.over(job.ID)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	for _, id := range r.ids {
		if b.settle(id) {
			b.out.outcome(failed(id, failSend, err.Error()))
		}
	}
}

// adopt enters the job into the books; tasks that were cancelled meanwhile are taken out.
func (b *bridge) adopt(ctx context.Context, r *running) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jobs[r.job.ID] = r
	for i, id := range r.ids {
		if b.dropped[id] {
			delete(b.dropped, id)
			r.drop(i)
			continue
		}
		b.tasks[id] = r
	}
	b.cancelIdle(ctx, r)
}

func (r *running) drop(i int) {
	if !r.done[i] {
		r.done[i] = true
		r.left--
	}
}

func (b *bridge) pollAll(ctx context.Context, r *running) error {
	top := maxPoll
	if b.Session.Stack().Endpoint == "" {
		top = maxPollAWS
	}
	wait, checked, read := minPoll, time.Now(), time.Now()
	for {
		n, all, err := b.poll(ctx, r)
		now := time.Now()
		switch {
		case all:
			b.Session.MarkDone(ctx, r.job)
			return nil
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end itself
		case err == nil:
			read = now
		case now.Sub(read) > patience:
			return err
		}
		if now.Sub(checked) > checkEvery {
			checked = now
			if err := b.hopeless(ctx, r.job); err != nil {
				return err
			}
		}
		if wait = min(wait*3/2, top); n > 0 {
			wait = minPoll
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// poll reads what is there and returns how many outcomes were new, and whether all are there.
func (b *bridge) poll(ctx context.Context, r *running) (n int, all bool, err error) {
	b.mu.Lock()
	from := 0
	for from < len(r.done) && r.done[from] {
		from++
	}
	b.mu.Unlock()
	if from == len(r.done) {
		return 0, true, nil
	}
	for s, err := range b.Session.Store().Results(ctx, r.job, store.ReadOptions{From: from}) {
		if err != nil {
			return n, false, err
		}
		b.mu.Lock()
		isNew := !r.done[s.Index]
		r.drop(s.Index)
		all = r.left == 0
		b.mu.Unlock()
		if isNew {
			n++
			if id := r.ids[s.Index]; b.settle(id) {
				b.out.outcome(outcome{id: id, value: append([]byte(nil), s.Value...), failure: s.Failure})
			}
		}
	}
	if n > 0 {
		b.nudge()
	}
	return n, all, nil
}

// hopeless says why there will be no more outcomes of the job; nil when there is hope.
func (b *bridge) hopeless(ctx context.Context, job store.Job) error {
	if err := b.Session.Crashed(ctx); err != nil {
		return err
	}
	j, err := b.Session.Store().Job(ctx, job.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return err
	case err == nil && j.State == store.Cancelled && j.Why != "":
		return errors.New("the fleet stopped: " + j.Why)
	case err == nil && j.State == store.Cancelled:
		return errors.New("it was cancelled by somebody else")
	}
	return nil
}
