package burst

import (
	"context"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Backlog is the unfinished job that has most left to do.
type Backlog struct {
	Job store.Job
	// Left is how many of its tasks are not settled yet.
	Left int
	// Durations of its tasks so far or, where none has ended, of its handler's last jobs; Seen is 0 when nobody knows.
	Durations bill.Durations
}

// lookedAt bounds how many jobs are looked at for it.
const lookedAt = 100

// Backlog finds the fleet's unfinished job that has most tasks left, false when there is none.
func (s *Session) Backlog(ctx context.Context) (b Backlog, found bool, err error) {
	looked := 0
	for j, err := range s.store.Jobs(ctx, time.Now().Add(-producer.DefaultKeep)) {
		if err != nil {
			return Backlog{}, false, fmt.Errorf("look for unfinished jobs: %w", err)
		}
		if looked++; looked > lookedAt {
			break
		}
		if j.Fleet != s.stack.Fleet || j.State != store.Open && j.State != store.Sealed {
			continue
		}
		done, err := s.reported(ctx, j)
		if err != nil {
			return Backlog{}, false, err
		}
		if left := j.N - done; left > b.Left {
			b, found = Backlog{Job: j, Left: left}, true
		}
	}
	if !found {
		return b, false, nil
	}
	if b.Durations, err = bill.DurationsOf(ctx, s.store, b.Job.ID); err == nil && b.Durations.Seen == 0 {
		b.Durations, err = bill.Remembered(ctx, s.store, b.Job.Handler, s.stack.Fleet, time.Now())
	}
	return b, true, err
}
