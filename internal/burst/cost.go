package burst

import (
	"context"
	"encoding/json"
	"runtime"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/prices"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Prices returns the price book in force in the stack's region, and sentences that belong beside it.
func (s *Session) Prices() (*cost.Book, []string, error) {
	s.pricesOnce.Do(func() {
		region := ""
		if s.clients != nil {
			region = s.clients.SQS.Options().Region
		}
		s.book, s.bookNotes, s.bookErr = prices.Open(prices.FromEnv(region))
		if s.bookErr != nil {
			s.bookErr = exit.Errorf(exit.Usage, "prices: %w", s.bookErr)
		}
	})
	return s.book, s.bookNotes, s.bookErr
}

// Bills returns what bills of the stack are made with.
func (s *Session) Bills() (bill.Config, error) {
	book, notes, err := s.Prices()
	return bill.Config{Store: s.store, Book: book, Fleet: s.stack.Fleet, Notes: notes}, err
}

// Expectation is what a forecast needs to know beside the job.
type Expectation struct {
	// TaskTime of one task; unknown means that of the handler's last jobs, if there were any.
	TaskTime time.Duration
	// Network is how the workers reach AWS.
	Network cost.Network
	// Provider, Platform and Size of the workers; see cost.Fleet for the defaults.
	Provider string
	Platform cost.Platform
	Size     cost.Size
}

// Pace of the laptop's workers, whose start nobody pays for.
const (
	laptopTail = laptopIdle
	noPull     = -1
)

// Forecast estimates what a prepared job will cost.
func (s *Session) Forecast(ctx context.Context, pre *producer.Prepared, x Expectation) (bill.Forecast, error) {
	book, _, err := s.Prices()
	if err != nil {
		return bill.Forecast{}, err
	}
	f := bill.Forecast{
		Shape: cost.JobShape{Tasks: pre.N, Messages: pre.Messages, ArgBytes: pre.Bytes, Offloaded: pre.Offloaded, TaskTime: bill.Around(x.TaskTime)},
		Fleet: cost.Fleet{Max: pre.Spec.MaxWorkers, Slots: pre.Spec.Slots, Provider: x.Provider, Platform: x.Platform, Size: x.Size, Network: x.Network},
	}
	if s.stack.Endpoint != "" {
		f.Fleet.Provider, f.Fleet.StartUp, f.Fleet.Pull, f.Fleet.Tail = cost.Local, laptopStartUp, noPull, laptopTail
		if s.loop == nil {
			f.Fleet.Max = min(f.Fleet.Max, runtime.NumCPU()) // what a laptop's fleet has unless it is told otherwise
		}
	}
	if x.TaskTime <= 0 {
		if f.Shape.TaskTime, f.Source, err = bill.TaskTime(ctx, s.store, pre.Spec.Handler, s.stack.Fleet, time.Now()); err != nil {
			return bill.Forecast{}, err
		}
	}
	if f.Estimate, err = cost.EstimateJob(book, f.Shape, f.Fleet); err == nil && s.stack.Endpoint == "" && x.Network == "" {
		f.Estimate.Assumptions = append(f.Estimate.Assumptions, bill.NoNetwork)
	}
	return f, err
}

// keep notes a forecast with its job, and what submitting was billed for, so that the
// bill can be compared with it. A job without a forecast is no worse for it.
func (s *Session) keep(ctx context.Context, job store.Job, f bill.Forecast, before map[string]int64) {
	f.Sent = map[string]int64{}
	for op, n := range s.clients.Meter.Counts() {
		if n -= before[op]; n > 0 {
			f.Sent[op] = n
		}
	}
	raw, err := json.Marshal(f)
	if err == nil {
		err = s.store.PutForecast(ctx, job, raw)
	}
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("the job's forecast was not kept; its bill will have nothing to be compared with", "job", job.ID, "err", err)
	}
}
