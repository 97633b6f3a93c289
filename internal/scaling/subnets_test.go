package scaling

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/awscall"
)

// ec2 tells of subnets.
type ec2 struct {
	free  []int
	err   error
	asked int
}

func (e *ec2) Subnets(_ context.Context, ids []string) (all []awscall.Subnet, err error) {
	e.asked++
	for i, n := range e.free {
		all = append(all, awscall.Subnet{ID: ids[min(i, len(ids)-1)], Free: n})
	}
	return all, e.err
}

func TestFreeAddressesAreAddedUpAndKeptForAMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	api := &ec2{free: []int{200, 51}}
	s := &subnets{api: api, ids: []string{"a", "b"}, now: func() time.Time { return now }}
	for range 3 {
		if n, err := s.Free(t.Context()); n != 251 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		now = now.Add(4 * time.Second)
	}
	if api.asked != 1 {
		t.Errorf("EC2 was asked %d times within 12 s", api.asked)
	}
	now = now.Add(addressesEvery)
	api.err = errors.New("denied")
	if _, err := s.Free(t.Context()); !errors.Is(err, api.err) {
		t.Errorf("an old answer is no answer: %v", err)
	}
	for says, free := range map[string][]int{"told of 1 subnets": {3}, "-1 cannot be": {5, -1}, "70000 cannot be": {5, 70_000}} {
		s := &subnets{api: &ec2{free: free}, ids: []string{"a", "b"}, now: time.Now}
		if _, err := s.Free(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}
