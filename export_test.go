package starburst

import (
	"context"

	"github.com/starburst-go/starburst/store"
)

// EndpointPID is the process id of the laptop session's endpoint.
func (s *Session) EndpointPID() int { return s.inner.Endpoint().PID() }

// Recount counts a job's results exactly.
func (s *Session) Recount(ctx context.Context, id string) (store.Count, error) {
	job, err := s.inner.Attach(ctx, id)
	if err != nil {
		return store.Count{}, err
	}
	return s.inner.Store().Recount(ctx, job)
}
