package fleet

import (
	"fmt"
	"slices"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// spend adds what the workers cost to an observation: in all on what is being worked
// on (by the workers of recent), for each job that has a cap, and, where the fleet has caps, in the last hour and day.
func (o *Observer) spend(obs *autoscale.Observation, ledgers, recent []store.Ledger, jobs []store.Job, now time.Time) error {
	if o.book == nil {
		return nil
	}
	st, err := sample.JobCost(o.book, recent, now, cost.Options{})
	if err != nil {
		return fmt.Errorf("price the workers of fleet %s: %w", o.fleet, err)
	}
	obs.Spent = st.Total
	obs.Caps = jobCaps(st, recent, jobs, obs.Jobs)
	if !o.capped {
		return nil
	}
	if obs.SpentHour, err = o.within(ledgers, time.Hour, now); err != nil {
		return err
	}
	obs.SpentDay, err = o.within(ledgers, 24*time.Hour, now)
	return err
}

// jobCaps holds what was spent on the jobs against their caps. What cannot be told
// apart counts in full, so that no cap is overrun unseen: what workers did for jobs that their ledgers
// do not name, and, in proportion to what the jobs have waiting, workers that have not done anything yet.
func jobCaps(st *cost.Statement, ledgers []store.Ledger, jobs []store.Job, tasks map[string]int64) (caps []autoscale.JobCap) {
	spent := make(map[string]cost.PicoUSD, len(st.Jobs))
	for _, j := range st.Jobs {
		spent[j.Job] = j.Total()
	}
	var waiting int64
	for _, n := range tasks {
		waiting += n
	}
	for _, j := range jobs {
		if j.MaxCostPico == 0 {
			continue
		}
		c := autoscale.JobCap{Job: j.ID, Cap: cost.PicoUSD(j.MaxCostPico), Spent: spent[j.ID], Tasks: tasks[j.ID]}
		if slices.ContainsFunc(ledgers, func(l store.Ledger) bool { return hides(l, j.ID) }) {
			c.Spent += spent[store.OtherJobs]
		}
		if waiting > 0 {
			c.Spent += cost.PicoUSD(float64(spent[cost.Idle]) * float64(c.Tasks) / float64(waiting))
		}
		caps = append(caps, c)
	}
	return caps
}

// hides reports whether the ledger may count the job among those that it does not name.
func hides(l store.Ledger, job string) bool {
	_, named := l.Jobs[job]
	_, others := l.Jobs[store.OtherJobs]
	return others && !named
}

// oldest is when the oldest unfinished job was created, now without one.
func oldest(jobs []store.Job, now time.Time) time.Time {
	from := now
	for _, j := range jobs {
		if j.Created.Before(from) {
			from = j.Created
		}
	}
	return from
}

// since returns the ledgers of workers that have lived after from.
func since(ledgers []store.Ledger, from, now time.Time) (recent []store.Ledger) {
	for _, l := range ledgers {
		if !l.Updated.Before(from) || !l.Final && now.Sub(l.Updated) <= sample.DefaultAliveFor {
			recent = append(recent, l)
		}
	}
	return recent
}

// within is what the workers themselves cost in the last d: their bills until now
// less their bills until then. Requests are not in it; they have no times.
func (o *Observer) within(ledgers []store.Ledger, d time.Duration, now time.Time) (cost.PicoUSD, error) {
	from := now.Add(-d)
	var until, before []cost.Worker
	for _, l := range sample.Latest(since(ledgers, from, now)) {
		w := sample.Worker(l, now)
		w.Requests = nil
		until = append(until, w)
		if w.Start.Before(from) {
			w.Stop = from
			before = append(before, w)
		}
	}
	var sum cost.PicoUSD
	for _, part := range []struct {
		workers []cost.Worker
		sign    cost.PicoUSD
	}{{until, 1}, {before, -1}} {
		st, err := cost.NewStatement(o.book, part.workers, cost.Options{})
		if err != nil {
			return 0, fmt.Errorf("price the last %v of fleet %s: %w", d, o.fleet, err)
		}
		sum += part.sign * st.Total
	}
	return max(0, sum), nil
}
