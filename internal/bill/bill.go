package bill

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// Store is the part of the table that a bill is made from; *store.Store has it.
type Store interface {
	Job(ctx context.Context, id string) (store.Job, error)
	Jobs(ctx context.Context, since time.Time) iter.Seq2[store.Job, error]
	Ledgers(ctx context.Context, fleet string) ([]store.Ledger, error)
	Decisions(ctx context.Context, fleet string, from, to time.Time) iter.Seq2[store.Decision, error]
	Forecast(ctx context.Context, job string) ([]byte, error)
}

// Config says what a bill is made from.
type Config struct {
	// Store and Book are required.
	Store Store
	Book  *cost.Book
	// Fleet whose workers are billed. Required for Since; a job names its own.
	Fleet string
	// Now is when the bill is made: what still runs is billed until then. Default: time.Now().
	Now time.Time
	// Network is how the workers reach AWS, ImageBytes what each of them pulls; see cost.Fleet.
	Network    cost.Network
	ImageBytes int64
	// Notes are sentences about the book that belong beside the figures.
	Notes []string
}

// Bill is what a job, or a fleet for a time, has cost.
type Bill struct {
	// Job billed, or "" for the whole fleet since Since.
	Job   string
	Since time.Time
	Fleet string

	Statement *cost.Statement
	// Forecast of the job; nil when none was kept.
	Forecast *Forecast
	// Bound is the least that the work kept can cost; 0 when there was none.
	Bound cost.PicoUSD
	// Alternatives would have been cheaper, the largest saving first.
	Alternatives []cost.Alternative
	// Unsettled is the number of workers whose end nobody has seen yet.
	Unsettled int
	// Notes are sentences that belong beside the figures.
	Notes []string
}

// NoNetwork is said where nobody said how workers reach AWS.
const NoNetwork = "How workers reach AWS is not in it: --network public adds an address each ($0.005 an hour), --network nat a gateway."

// Ratio is how many times the bound the bill is; 0 without a bound.
func (b *Bill) Ratio() float64 {
	if b.Bound <= 0 {
		return 0
	}
	return float64(b.Statement.Total) / float64(b.Bound)
}

// launchLag is how long before its worker began a launch may have been decided.
const launchLag = 30 * time.Minute

// Job bills a job: its part of all workers that it used, or that were launched for it.
func (c Config) Job(ctx context.Context, id string) (*Bill, error) {
	job, err := c.Store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	b := &Bill{Job: job.ID, Since: job.Created, Fleet: job.Fleet}
	workers, err := c.workers(ctx, job.Fleet, job.Created)
	if err != nil {
		return nil, err
	}
	o := cost.Options{Job: job.ID}
	forecast, err := c.forecast(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	if forecast != nil {
		b.Forecast = forecast
		o.Extras = forecast.extras(job.ID)
	}
	c.network(&o, workers)
	return b, c.price(b, workers, o)
}

// Since bills the fleet's workers that have lived since then, and the jobs submitted since.
func (c Config) Since(ctx context.Context, since time.Time) (*Bill, error) {
	b := &Bill{Since: since, Fleet: c.Fleet}
	workers, err := c.workers(ctx, c.Fleet, since)
	if err != nil {
		return nil, err
	}
	var o cost.Options
	for job, err := range c.Store.Jobs(ctx, since) {
		if err != nil {
			return nil, err
		}
		if job.Fleet != c.Fleet {
			continue
		}
		forecast, err := c.forecast(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		if forecast != nil {
			o.Extras = append(o.Extras, forecast.extras(job.ID)...)
		}
	}
	c.network(&o, workers)
	return b, c.price(b, workers, o)
}

func (c Config) now() time.Time {
	if c.Now.IsZero() {
		return time.Now()
	}
	return c.Now
}

// workers are those of the fleet that have lived since then, with the waves that launched them.
func (c Config) workers(ctx context.Context, fleet string, since time.Time) ([]cost.Worker, error) {
	ledgers, err := c.Store.Ledgers(ctx, fleet)
	if err != nil {
		return nil, err
	}
	ledgers = slices.DeleteFunc(ledgers, func(l store.Ledger) bool { return l.Updated.Before(since) })
	workers := sample.Workers(ledgers, c.now())
	earliest := since
	for _, w := range workers {
		if w.Start.Before(earliest) {
			earliest = w.Start
		}
	}
	waves, err := sample.Waves(c.Store.Decisions(ctx, fleet, earliest.Add(-launchLag), c.now().Add(time.Second)))
	if err != nil {
		return nil, err
	}
	sample.Explain(workers, waves)
	return workers, nil
}

// forecast returns nil when none was kept. One that cannot be read is no reason to have no bill.
func (c Config) forecast(ctx context.Context, job string) (*Forecast, error) {
	raw, err := c.Store.Forecast(ctx, job)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := decodeForecast(raw)
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	return &f, nil
}

// network adds what the workers needed to reach AWS. A NAT gateway is paid for by the
// begun hour from the first worker's start to the last one's end; a job's part of it is
// its part of the handlers' time.
func (c Config) network(o *cost.Options, workers []cost.Worker) {
	switch c.Network {
	case cost.NetworkPublic:
		o.PublicIPv4 = true
	case cost.NetworkNAT:
		var begin, end time.Time
		var bytes, mine, all int64
		for _, w := range workers {
			if begin.IsZero() || w.Start.Before(begin) {
				begin = w.Start
			}
			if w.Stop.After(end) {
				end = w.Stop
			}
			bytes += w.Requests["bytes.in"] + w.Requests["bytes.out"] + c.ImageBytes
			for job, j := range w.Jobs {
				all += j.BusyMS
				if job == o.Job {
					mine += j.BusyMS
				}
			}
		}
		seconds := int64((end.Sub(begin)+time.Hour-1)/time.Hour) * 3600
		if o.Job != "" {
			seconds, bytes = share(seconds, mine, all), share(bytes, mine, all)
		}
		o.Extras = append(o.Extras, cost.Extra{Job: o.Job, ID: "nat.hour", Quantity: seconds}, cost.Extra{Job: o.Job, ID: "nat.gb", Quantity: bytes})
	}
}

// share is n·mine/all.
func share(n, mine, all int64) int64 {
	if all <= 0 {
		return 0
	}
	return int64(float64(n) * float64(mine) / float64(all))
}

// price fills in the figures.
func (c Config) price(b *Bill, workers []cost.Worker, o cost.Options) (err error) {
	if b.Statement, err = cost.NewStatement(c.Book, workers, o); err != nil {
		return err
	}
	if b.Alternatives, err = cost.Alternatives(c.Book, workers, o); err != nil {
		return err
	}
	b.Bound = bound(c.Book, workers, b.Job)
	for _, w := range b.Statement.Workers {
		if w.Estimated {
			b.Unsettled++
		}
	}
	b.Notes = slices.Concat(c.Notes, b.Statement.Assumptions)
	if c.Network == "" && slices.ContainsFunc(workers, func(w cost.Worker) bool { return w.Provider != cost.Local }) {
		b.Notes = append(b.Notes, NoNetwork)
	}
	if b.Unsettled > 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("Of %d workers nobody saw the end: they are billed until their next snapshot was due.", b.Unsettled))
	}
	if len(b.Statement.Unpriced) > 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("Without a price: %v.", b.Statement.Unpriced))
	}
	if n := c.stale(b.Statement); n > 0 {
		b.Notes = append(b.Notes, fmt.Sprintf("%d of the prices used are older than %d days: starburst prices refresh.", n, int(cost.DefaultStaleAfter.Hours()/24)))
	}
	return nil
}

// stale counts the old ones among the prices that a statement used.
func (c Config) stale(st *cost.Statement) (n int) {
	for _, old := range c.Book.Stale(c.now(), cost.DefaultStaleAfter) {
		if slices.ContainsFunc(st.Lines, func(l cost.LineCost) bool { return l.ID == old.ID }) {
			n++
		}
	}
	return n
}

// longest bounds what corrupt ledgers may claim, in ms: 139 years.
const longest = 1 << 42

// bound is the least that the kept work can cost on the cheapest kind of worker that was used.
func bound(book *cost.Book, workers []cost.Worker, job string) cost.PicoUSD {
	var kept int64 // ms
	startUp := time.Duration(-1)
	for _, w := range workers {
		for name, j := range w.Jobs {
			if job == "" || name == job {
				kept = min(kept+min(max(0, j.BusyMS-j.WastedMS), longest), longest)
			}
		}
		if up := w.Ready.Sub(w.Start); !w.Ready.IsZero() && up >= 0 && (startUp < 0 || up < startUp) {
			startUp = up
		}
	}
	var least cost.PicoUSD
	for _, w := range workers {
		size := w.Size
		if size.VCPUMilli <= 0 || size.MemoryMiB <= 0 {
			size = cost.LocalSize(w.Slots)
		}
		rate, err := book.Fargate(w.Platform, w.Provider == cost.FargateSpot)
		if err != nil {
			continue // the statement has said so
		}
		if p := cost.Bound(rate, size, w.Slots, time.Duration(kept)*time.Millisecond, startUp); least == 0 || p < least {
			least = p
		}
	}
	return least
}
