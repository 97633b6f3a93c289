package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// The questions. Each is answered by {t: "answer", id, ok: true, …} or {…, ok: false, error, hint, code}.
//
//	submit    a job of its own: job (its id), label, until_ms (expiry), and the ask's tasks → job, n
//	jobs      those whose id begins with prefix, created since since_ms → jobs
//	count     of job, exactly → ok_count, failed, missing
//	results   of job from index from, as many as fit a frame → o: [[index, …outcome]], next (-1: all there is)
//	stop      job → what it got done
//	extend    job to until_ms; never shorter → expires_ms
//	cost      of job → pico_usd
//	workers   change the most workers
func (b *bridge) answer(ctx context.Context, q request) {
	var a map[string]any
	var err error
	switch q.What {
	case "submit":
		a, err = b.askSubmit(ctx, q)
	case "jobs":
		a, err = b.askJobs(ctx, q)
	case "count":
		a, err = b.askCount(ctx, q)
	case "results":
		a, err = b.askResults(ctx, q)
	case "stop":
		a, err = b.askStop(ctx, q)
	case "extend":
		a, err = b.askExtend(ctx, q)
	case "cost":
		a, err = b.askCost(ctx, q)
	case "workers":
		err = b.askWorkers(q)
	default:
		err = fmt.Errorf("there is no question %q", q.What)
	}
	b.out.send(reply(q.ID, a, err))
}

func reply(id int64, a map[string]any, err error) map[string]any {
	if err != nil {
		return map[string]any{"t": "answer", "id": id, "ok": false, "error": err.Error(), "hint": exit.HintOf(err), "code": int(exit.CodeOf(err))}
	}
	if a == nil {
		a = map[string]any{}
	}
	a["t"], a["id"], a["ok"] = "answer", id, true
	return a
}

// askSubmit makes a job that outlives the caller. Its tasks are confirmed on the queue when it is answered.
func (b *bridge) askSubmit(ctx context.Context, q request) (map[string]any, error) {
	spec := b.Spec
	spec.Job, spec.Handler, spec.MaxWorkers, spec.Slots = q.Job, b.Handler, b.Workers, 1
	if q.Label != "" {
		spec.Label = q.Label
	}
	if q.UntilMS > 0 {
		spec.Keep = max(time.Minute, time.Until(time.UnixMilli(q.UntilMS)))
	}
	if spec.MaxCostPico > 0 {
		left, err := b.spend.left(ctx, b.Session)
		if err != nil {
			return nil, err
		}
		spec.MaxCostPico = left
	}
	tasks := make([]task, len(q.Tasks))
	for i, a := range q.Tasks {
		tasks[i].arg = a
	}
	spec.Source = arguments(tasks)
	job, err := b.Session.Submit(ctx, spec)
	if err != nil {
		return nil, err
	}
	b.spend.over(job.ID)
	return map[string]any{"job": job.ID, "n": job.N}, nil
}

func (b *bridge) askJobs(ctx context.Context, q request) (map[string]any, error) {
	jobs := []map[string]any{}
	for j, err := range b.Session.Store().Jobs(ctx, time.UnixMilli(q.SinceMS)) {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(j.ID, q.Prefix) {
			jobs = append(jobs, map[string]any{
				"job": j.ID, "state": string(j.State), "handler": j.Handler, "tasks": j.N, "label": j.Label, "why": j.Why,
				"created_ms": j.Created.UnixMilli(), "expires_ms": j.Expires.UnixMilli(),
			})
		}
	}
	return map[string]any{"jobs": jobs}, nil
}

func (b *bridge) askCount(ctx context.Context, q request) (map[string]any, error) {
	job, err := b.Session.Attach(ctx, q.Job)
	if err != nil {
		return nil, err
	}
	c, err := b.Session.Store().Recount(ctx, job)
	if err != nil {
		return nil, err
	}
	if c.Complete() && c.Retrying == 0 {
		b.Session.MarkDone(ctx, job)
	}
	running, err := b.busy(ctx, job)
	return map[string]any{
		"job": job.ID, "tasks": job.N, "ok_count": c.OK, "failed": c.Failed, "missing": job.N - c.OK - c.Failed, "running": running,
		"state": string(job.State), "why": job.Why, "expires_ms": job.Expires.UnixMilli(),
	}, err
}

// busy is how many of the job's unsettled tasks may be running: handlers that run, on workers that have worked for it.
func (b *bridge) busy(ctx context.Context, job store.Job) (n int, err error) {
	ledgers, err := b.Session.Store().JobLedgers(ctx, job.ID)
	for _, l := range ledgers {
		if !l.Final {
			n += l.Busy
		}
	}
	return n, err
}

// answerBytes bounds an answer's results.
const answerBytes = 16 << 20

func (b *bridge) askResults(ctx context.Context, q request) (map[string]any, error) {
	job, err := b.Session.Attach(ctx, q.Job)
	if err != nil {
		return nil, err
	}
	list, next, size := []any{}, -1, 0
	for s, err := range b.Session.Store().Results(ctx, job, store.ReadOptions{From: q.From}) {
		if err != nil {
			return nil, err
		}
		list = append(list, outcome{id: int64(s.Index), value: s.Value, failure: s.Failure}.wire())
		if size += len(s.Value) + 64; size > answerBytes {
			next = s.Index + 1
			break
		}
	}
	return map[string]any{"o": list, "next": next, "tasks": job.N, "state": string(job.State), "why": job.Why}, nil
}

func (b *bridge) askStop(ctx context.Context, q request) (map[string]any, error) {
	did, err := b.Session.Cancel(ctx, q.Job)
	if exit.CodeOf(err) == exit.Usage {
		return map[string]any{"done": true}, nil // there was nothing left to stop
	}
	return map[string]any{"ok_count": did.Count.OK, "failed": did.Count.Failed, "unheard": did.Unheard}, err
}

func (b *bridge) askExtend(ctx context.Context, q request) (map[string]any, error) {
	if err := b.Session.Store().ExtendJob(ctx, q.Job, time.UnixMilli(q.UntilMS)); err != nil {
		return nil, err
	}
	job, err := b.Session.Store().Job(ctx, q.Job)
	return map[string]any{"expires_ms": job.Expires.UnixMilli()}, err
}

func (b *bridge) askCost(ctx context.Context, q request) (map[string]any, error) {
	bills, err := b.Session.Bills()
	if err != nil {
		return nil, err
	}
	bill, err := bills.Job(ctx, q.Job)
	if err != nil {
		return nil, err
	}
	return map[string]any{"pico_usd": int64(bill.Statement.Total)}, nil
}

func (b *bridge) askWorkers(q request) error {
	if q.Workers < 1 {
		return errors.New("workers must be at least 1")
	}
	b.mu.Lock()
	b.Workers, b.gather.workers, b.pace.workers = q.Workers, q.Workers, q.Workers
	b.mu.Unlock()
	b.Session.SetWorkers(q.Workers)
	return nil
}
