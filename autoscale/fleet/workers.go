package fleet

import (
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// silentFor is how long a worker that fell silent without a final ledger is still
// taken into account. What it may be running is in flight on the queue, so the queue
// protects it longer.
const silentFor = 10 * time.Minute

// survey reads from the ledgers what the workers are at, and how many tasks of each job they have settled.
func survey(o *autoscale.Observation, ledgers []store.Ledger, now time.Time) (settled map[string]int64) {
	settled = map[string]int64{}
	var since time.Time
	for _, l := range ledgers {
		for job, c := range l.Jobs {
			settled[job] += c.OK + c.Failed
		}
		age := now.Sub(l.Updated)
		switch {
		case l.Final || age > silentFor:
			continue
		case age > sample.DefaultAliveFor:
			o.Silent++
			continue
		}
		o.Heard++
		if l.Busy > 0 || l.Held > 0 {
			o.Busy++
			continue
		}
		if !l.EmptySince.IsZero() {
			o.IdlePolls++
		}
		if idle := idleSince(l); idle.After(since) {
			since = idle
		}
	}
	if o.Heard > 0 && o.Busy == 0 {
		o.EmptySince = since
	}
	return settled
}

// evidence adds how long tasks have taken, and how long those that run have run so far, as
// far as ledgers tell: those of workers that have lived since the oldest unfinished job was made.
func evidence(o *autoscale.Observation, ledgers []store.Ledger, now time.Time) {
	for _, l := range ledgers {
		for bucket, n := range l.Hist {
			o.Done.AddBucket(bucket, n)
		}
		if l.Final || now.Sub(l.Updated) > sample.DefaultAliveFor || l.Busy == 0 {
			continue
		}
		o.BusySlots += l.Busy
		var running int64
		for _, c := range l.Jobs {
			running += c.RunningMS
		}
		o.Ages.Add(time.Duration(running)*time.Millisecond/time.Duration(l.Busy), int64(l.Busy))
	}
}

// idleSince is since when an idle worker has provably held nothing: since its polls
// came back empty, or at least since it said so; had it received something later, it
// would have written its ledger at that edge.
func idleSince(l store.Ledger) time.Time {
	if l.EmptySince.IsZero() {
		return l.Updated
	}
	return l.EmptySince
}

// outstanding is how many tasks of a job are confirmed and not settled, and how many messages should carry them.
func outstanding(j store.Job, settled int64) (tasks, messages int64) {
	tasks = int64(j.Confirmed) - settled
	if tasks <= 0 {
		return 0, 0
	}
	chunk := max(1, float64(j.N)/float64(max(1, j.Plan.Roots(j.N))))
	return tasks, int64((float64(tasks) + chunk - 1) / chunk)
}
