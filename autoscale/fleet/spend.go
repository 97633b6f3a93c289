package fleet

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// spend adds what the workers cost to an observation: in all on what is being worked
// on, for each job that has a cap, and, where the fleet has caps, in the last hour and day.
func (o *Observer) spend(obs *autoscale.Observation, ledgers []store.Ledger, jobs []store.Job, now time.Time) error {
	if o.book == nil {
		return nil
	}
	st, err := sample.JobCost(o.book, since(ledgers, oldest(jobs, now), now), now, cost.Options{})
	if err != nil {
		return fmt.Errorf("price the workers of fleet %s: %w", o.fleet, err)
	}
	obs.Spent = st.Total
	spent := make(map[string]cost.PicoUSD, len(st.Jobs))
	for _, j := range st.Jobs {
		spent[j.Job] = j.Total()
	}
	for _, j := range jobs {
		if j.MaxCostPico > 0 {
			obs.Caps = append(obs.Caps, autoscale.JobCap{Job: j.ID, Cap: cost.PicoUSD(j.MaxCostPico), Spent: spent[j.ID], Tasks: obs.Jobs[j.ID]})
		}
	}
	if !o.capped {
		return nil
	}
	if obs.SpentHour, err = o.within(ledgers, time.Hour, now); err != nil {
		return err
	}
	obs.SpentDay, err = o.within(ledgers, 24*time.Hour, now)
	return err
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
