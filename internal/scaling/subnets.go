package scaling

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/awscall"
)

const (
	// addressesEvery is how long an answer is good: launches since are counted by the fleet.
	addressesEvery = 15 * time.Second
	// addressesFor bounds a call, for which the sizing of the fleet waits.
	addressesFor = 5 * time.Second
)

// describer tells of subnets; *awscall.Caller is one.
type describer interface {
	Subnets(ctx context.Context, ids []string) ([]awscall.Subnet, error)
}

// subnets counts the free addresses of a fleet's subnets.
type subnets struct {
	api describer
	ids []string
	now func() time.Time

	mu   sync.Mutex // protects what follows, and is held while EC2 is asked: askers share an answer
	free int
	at   time.Time
}

// Free returns the number of free addresses in all the subnets, as EC2 said within the last seconds.
func (s *subnets) Free(ctx context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := s.now().Sub(s.at); !s.at.IsZero() && age >= 0 && age < addressesEvery {
		return s.free, nil
	}
	ctx, cancel := context.WithTimeout(ctx, addressesFor)
	defer cancel()
	all, err := s.api.Subnets(ctx, s.ids)
	if err != nil {
		return 0, fmt.Errorf("count the free addresses of the subnets: %w", err)
	}
	if len(all) != len(s.ids) {
		return 0, fmt.Errorf("count the free addresses of the subnets: EC2 told of %d subnets, asked for %d", len(all), len(s.ids))
	}
	free := 0
	for _, n := range all {
		if n.Free < 0 || n.Free > maxFree {
			return 0, fmt.Errorf("count the free addresses of subnet %s: %d cannot be", n.ID, n.Free)
		}
		free += n.Free
	}
	s.free, s.at = free, s.now()
	return free, nil
}

// maxFree is beyond the addresses of a /16, the largest subnet there is (VPC user guide).
const maxFree = 1 << 16
