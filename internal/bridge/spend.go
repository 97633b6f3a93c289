package bridge

import (
	"context"
	"sync"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
)

// spend keeps the jobs of one caller below a cap that they share.
type spend struct {
	limit int64 // pico-dollars; 0 = none
	mu    sync.Mutex
	jobs  []string // that are over and not in spent yet
	spent cost.PicoUSD
}

// over notes a job that has ended.
func (s *spend) over(job string) {
	if s.limit == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = append(s.jobs, job)
}

// left is what is left of the cap, in pico-dollars; an error with exit code 7 when nothing is.
// A job's own late costs (the last snapshot of a ledger) can be missing from it.
func (s *spend) left(ctx context.Context, session *burst.Session) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.jobs) > 0 {
		bills, err := session.Bills()
		if err != nil {
			return 0, err
		}
		b, err := bills.Job(ctx, s.jobs[0])
		if err != nil {
			return 0, err
		}
		s.spent += b.Statement.Total
		s.jobs = s.jobs[1:]
	}
	if left := s.limit - int64(s.spent); left > 0 {
		return left, nil
	}
	return 0, exit.Errorf(exit.Refused, "max_cost of %s is spent: %s so far", cost.PicoUSD(s.limit).Short(), s.spent.Short())
}
