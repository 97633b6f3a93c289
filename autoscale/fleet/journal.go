package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// Decisions is the part of the store that keeps what the autoscaler decided and
// what workers are told; *store.Store has it.
type Decisions interface {
	PutDecision(ctx context.Context, d store.Decision) error
	Decisions(ctx context.Context, fleet string, from, to time.Time) iter.Seq2[store.Decision, error]
	UpdateControl(ctx context.Context, fleet string, change func(*store.Control)) error
	StopJob(ctx context.Context, id, why string, capPico int64, at time.Time) (cancelled bool, err error)
}

const (
	// beatEvery is how often workers are told that a leader is alive. They wait 15
	// minutes before they believe that there is none, and each beat is some twenty writes.
	beatEvery = 30 * time.Second
	// recent is how old a decision may be for a new leader to go on from it. A
	// living leader records one every 30 s.
	recent = 10 * time.Minute
)

// Journal keeps decisions in the store.
type Journal struct {
	store Decisions
	fleet string
	past  *past // learns from the decisions of an earlier leader

	mu       sync.Mutex // protects what workers were last told
	beatAt   time.Time
	untold   []string // stopped jobs that they were not told of yet
	draining bool
}

var _ autoscale.Journal = (*Journal)(nil)

// Record stores d and tells the workers what they need to know of it: that a leader
// is alive, whether to take no new task because the money ends, and which jobs have reached their cost caps.
func (j *Journal) Record(ctx context.Context, d autoscale.Decision, after autoscale.State) error {
	record := stored(d, j.fleet)
	if memory, err := json.Marshal(after); err == nil { // a number that JSON has no words for is not worth a decision
		record.Memory = memory
	}
	if err := j.store.PutDecision(ctx, record); err != nil {
		return err
	}
	stopErr := j.stop(ctx, d) // some may have been stopped nevertheless
	j.mu.Lock()
	defer j.mu.Unlock()
	drain := d.Drain || d.StopAll
	if len(j.untold) == 0 && drain == j.draining && d.At.Sub(j.beatAt) < beatEvery && !j.beatAt.IsZero() {
		return stopErr
	}
	err := j.store.UpdateControl(ctx, j.fleet, func(c *store.Control) {
		if d.At.After(c.LeaderAt) { // not by a leader that slept while another took over
			c.LeaderAt, c.Draining = d.At, drain
		}
		for _, job := range j.untold {
			if !slices.Contains(c.Cancelled, job) {
				c.Cancelled = append(c.Cancelled, job)
			}
		}
	})
	if err != nil {
		return errors.Join(stopErr, err)
	}
	j.beatAt, j.draining, j.untold = d.At, drain, nil
	return stopErr
}

// stop cancels the jobs that have reached their caps.
func (j *Journal) stop(ctx context.Context, d autoscale.Decision) (failed error) {
	for _, c := range d.Observation.Caps {
		if !slices.Contains(d.Over, c.Job) {
			continue
		}
		why := fmt.Sprintf("%s of its cap of %s were spent", c.Spent.Short(), c.Cap.Short())
		cancelled, err := j.store.StopJob(ctx, c.Job, why, int64(c.Cap), d.At)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
		j.mu.Lock()
		if cancelled && !slices.Contains(j.untold, c.Job) {
			j.untold = append(j.untold, c.Job)
		}
		j.mu.Unlock()
	}
	return failed
}

// Last returns the newest decision of the last ten minutes, and what was remembered after it.
func (j *Journal) Last(ctx context.Context, now time.Time) (d autoscale.Decision, after autoscale.State, found bool, err error) {
	var last store.Decision
	for d, err := range j.store.Decisions(ctx, j.fleet, now.Add(-recent), now.Add(time.Second)) {
		if err != nil {
			return autoscale.Decision{}, after, false, err
		}
		j.past.note(d.At, d.Running+d.Pending)
		last, found = d, true
	}
	if json.Unmarshal(last.Memory, &after) != nil {
		after = autoscale.State{} // of another version: only its wave is gone on from
	}
	return restored(last), after, found, nil
}

// stored and restored translate between the decision and its record.
func stored(d autoscale.Decision, fleet string) store.Decision {
	o := d.Observation
	return store.Decision{
		Fleet: fleet, At: d.At, Seq: d.Seq, Wave: d.Wave,
		Visible: o.Visible, InFlight: o.InFlight, Delayed: o.Delayed, Backlog: d.Backlog,
		Running: o.Running, Pending: o.Pending, Desired: o.Desired, Busy: o.Busy, SpentPico: int64(o.Spent),
		Want: d.Want, OnDemand: d.OnDemand, Jobs: causes(d), Binding: string(d.Binding), Reason: d.Reason,
	}
}

// causes are the jobs for which a decision launches workers, the largest by name and the rest as one.
func causes(d autoscale.Decision) map[string]int64 {
	if d.Hold || d.Want <= d.Observation.Desired || len(d.Observation.Jobs) == 0 {
		return nil
	}
	jobs := d.Observation.Jobs
	names := slices.SortedFunc(maps.Keys(jobs), func(a, b string) int {
		return cmp.Or(cmp.Compare(jobs[b], jobs[a]), cmp.Compare(a, b))
	})
	out := make(map[string]int64, min(len(names), store.MaxLedgerJobs+1))
	for i, name := range names {
		if i < store.MaxLedgerJobs {
			out[name] = jobs[name]
		} else {
			out[store.OtherJobs] += jobs[name]
		}
	}
	return out
}

func restored(d store.Decision) autoscale.Decision {
	return autoscale.Decision{
		At: d.At, Seq: d.Seq, Wave: d.Wave, Backlog: d.Backlog, From: d.Desired, Want: d.Want, OnDemand: d.OnDemand,
		Hold: d.Binding == string(autoscale.BindHold), Binding: autoscale.Binding(d.Binding), Reason: d.Reason,
		Observation: autoscale.Observation{
			Now: d.At, Visible: d.Visible, InFlight: d.InFlight, Delayed: d.Delayed, Busy: d.Busy, Spent: cost.PicoUSD(d.SpentPico),
			Counts: autoscale.Counts{Desired: d.Desired, Running: d.Running, Pending: d.Pending},
		},
	}
}
