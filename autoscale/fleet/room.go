package fleet

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/starburst-go/starburst/autoscale"
)

// remembered is how far back the fleet's own size is known: CloudWatch's usage is minutes late.
const remembered = 20 * time.Minute

// defaultLag is how exactly the time of a usage figure is known.
const defaultLag = time.Minute

// past is how many workers the fleet had.
type past struct {
	mu   sync.Mutex // protects seen
	seen []sighting // in order of time
}

type sighting struct {
	at time.Time
	n  int
}

// note remembers a number of workers; what is older than the last is left out.
func (p *past) note(at time.Time, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := len(p.seen); k > 0 && !at.After(p.seen[k-1].at) {
		return
	}
	p.seen = append(p.seen, sighting{at, n})
	for len(p.seen) > 0 && at.Sub(p.seen[0].at) > remembered {
		p.seen = p.seen[1:]
	}
}

// about is the least number of workers that the fleet had around a time, 0 when nobody knows: who is not known
// to be ours counts as another's.
func (p *past) about(at time.Time, lag time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	least, before := math.MaxInt, 0
	for _, s := range p.seen {
		if s.at.Before(at.Add(-lag)) {
			before = s.n // what was there when the time in question began
			continue
		}
		if s.at.After(at.Add(lag)) {
			break
		}
		least = min(least, s.n)
	}
	return min(least, before)
}

// quotaRoom is how many more workers than the desired ones the quota has room for.
func quotaRoom(ctx context.Context, q Quotas, p *past, vcpu float64, desired int) autoscale.Room {
	if q == nil {
		return autoscale.Room{}
	}
	room := autoscale.UnknownRoom()
	quota, err := q.Read(ctx)
	switch {
	case err != nil:
		room.Note = err.Error()
	case !quota.Known:
		room.Note = quota.Source
	case !(vcpu > 0):
		room.Note = "nobody knows how many vCPUs a worker has"
	case math.IsNaN(quota.Limit+quota.Used) || quota.Limit < 0 || quota.Used < 0:
		room.Note = fmt.Sprintf("%v of %v vCPU used cannot be", quota.Used, quota.Limit)
	default:
		others := quota.Used
		if !quota.UsedAt.IsZero() {
			others = max(0, quota.Used-float64(p.about(quota.UsedAt, cmp.Or(quota.Lag, defaultLag)))*vcpu)
		}
		left := math.Floor((quota.Limit-others-float64(desired)*vcpu)/vcpu + 1e-9)
		room = autoscale.RoomFor(int(min(left, 1e6)))
		room.Note = fmt.Sprintf("%.4g vCPU", quota.Limit)
		if others > 0 {
			room.Note += fmt.Sprintf(", %.4g used by others", others)
		}
		if quota.Source != "" {
			room.Note += ", " + quota.Source
		}
	}
	return room
}

// addressRoom is how many more workers than the desired ones the subnets have addresses for. What has been launched may
// not hold its address yet.
func addressRoom(ctx context.Context, s Subnets, c autoscale.Counts) autoscale.Room {
	if s == nil {
		return autoscale.Room{}
	}
	free, err := s.Free(ctx)
	if err != nil {
		room := autoscale.UnknownRoom()
		room.Note = err.Error()
		return room
	}
	room := autoscale.RoomFor(free - max(0, c.Desired-c.Running))
	room.Note = fmt.Sprintf("%d free in the subnets", free)
	return room
}
