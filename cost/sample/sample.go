// Package sample turns the ledgers that workers write into what package cost
// prices, so that cost itself stays free of the store and of the AWS SDK.
//
//	st, err := sample.JobCost(book, ledgers, now, cost.Options{})
//	fmt.Println(st.Total.Short(), st.Assumptions)
//
// Ledgers are cumulative snapshots with one writer each. A lost snapshot makes a
// bill lag, a repeated one changes nothing, and of two snapshots of one worker the
// one with the higher sequence counts.
package sample

import (
	"cmp"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// DefaultAliveFor is how long after its last snapshot a worker is still taken to be
// running, and billed until now. Workers write every 30 s at least; three missed ones
// mean that it died without a final snapshot, and its bill ends at the last one.
const DefaultAliveFor = 90 * time.Second

// JobCost prices the workers behind ledgers as of now and divides the bill among
// their jobs. It fails only with a *cost.NoPriceError.
func JobCost(book *cost.Book, ledgers []store.Ledger, now time.Time, o cost.Options) (*cost.Statement, error) {
	return cost.NewStatement(book, Workers(ledgers, now), o)
}

// Workers translates the newest ledger of each worker, sorted by fleet and worker.
func Workers(ledgers []store.Ledger, now time.Time) []cost.Worker {
	latest := Latest(ledgers)
	workers := make([]cost.Worker, len(latest))
	for i, l := range latest {
		workers[i] = Worker(l, now)
	}
	return workers
}

// Latest returns one ledger a worker, the one with the highest sequence, sorted by fleet and worker.
func Latest(ledgers []store.Ledger) []store.Ledger {
	sorted := slices.Clone(ledgers)
	slices.SortStableFunc(sorted, func(a, b store.Ledger) int {
		return cmp.Or(cmp.Compare(a.Fleet, b.Fleet), cmp.Compare(a.Worker, b.Worker), cmp.Compare(b.Seq, a.Seq))
	})
	return slices.CompactFunc(sorted, func(a, b store.Ledger) bool { return a.Fleet == b.Fleet && a.Worker == b.Worker })
}

// SnapshotEvery is the longest time between two snapshots of a living worker.
const SnapshotEvery = 30 * time.Second

// Worker translates one ledger. The worker is billed until now while it lives, and
// until its last snapshot when that is final. One that fell silent is billed until its next
// snapshot would have come, and marked as estimated, until
// ECS has told its end (store.WorkerEnd).
func Worker(l store.Ledger, now time.Time) cost.Worker {
	stop, estimated := l.Updated, false
	switch silent := now.Sub(l.Updated); {
	case l.Final:
	case silent > DefaultAliveFor:
		stop, estimated = l.Updated.Add(SnapshotEvery), true
	case silent > 0:
		stop = now
	}
	w := cost.Worker{
		Name: l.Worker, Estimated: estimated,
		Provider: cmp.Or(l.Cost.Provider, cost.Local),
		Platform: cost.PlatformOf(l.Cost.Arch),
		Size:     cost.Size{VCPUMilli: l.Cost.VCPUMilli, MemoryMiB: l.Cost.MemoryMiB, DiskGiB: l.Cost.DiskGiB},
		Slots:    l.Slots,
		Start:    l.Cost.Launched,
		Ready:    l.Cost.Ready,
		Stop:     stop,
		Jobs:     make(map[string]cost.JobWork, len(l.Jobs)),
		Requests: l.Cost.Requests,
		CPUMS:    l.Cost.CPUMS,
	}
	for job, c := range l.Jobs {
		jw := cost.JobWork{Tasks: c.OK + c.Failed, BusyMS: c.BusyMS, WastedMS: c.WastedMS, FailedMS: c.FailedMS, InterruptedMS: c.InterruptedMS}
		if estimated || !l.Final && !l.End.IsZero() { // it did not live to record what it was running
			jw.WastedMS += c.RunningMS
			jw.InterruptedMS += c.RunningMS
		}
		w.Jobs[job] = jw
	}
	if !l.End.IsZero() {
		return settle(w, l.End)
	}
	return w
}

// settle replaces what a worker said of itself by what ECS told of its end. What a
// process on the user's machine cost is not for ECS to say.
func settle(w cost.Worker, e store.WorkerEnd) cost.Worker {
	if !e.PullStarted.IsZero() {
		w.Start = e.PullStarted
	}
	w.Stop, w.Estimated = e.Stopped, false
	if w.Size.VCPUMilli == 0 { // its agent did not tell
		w.Size = cost.Size{VCPUMilli: e.VCPUMilli, MemoryMiB: e.MemoryMiB, DiskGiB: e.DiskGiB}
	}
	if w.Provider != cost.Local {
		w.Provider = cmp.Or(e.Provider, w.Provider)
	}
	return w
}
