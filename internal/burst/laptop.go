package burst

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// states is how many numbered states are tried when the named one cannot be
// used: "name", "name-2", …
const states = 20

// connectLaptop opens the first of the numbered states that is free. A state is
// not free while another process has it open, nor while it holds the unfinished
// work of an interrupted run: that work waits for its own attach, and must not
// hold up a new run.
func (s *Session) connectLaptop(ctx context.Context) error {
	name := s.cfg.State
	for n := 2; ; n++ {
		free, err := s.openState(ctx, name)
		if free || err != nil {
			return err
		}
		if s.cfg.Autoscale.Manual { // another state has other jobs
			return exit.Errorf(exit.Failed, "the state %s is in use by a process that begins or ends just now", name).WithHint("try again in a moment")
		}
		if n > states {
			return exit.Errorf(exit.Failed, "the states %s to %s are in use or hold unfinished jobs", s.cfg.State, name).
				WithHint("finish one: starburst attach --state %s JOB, or choose another --state", name)
		}
		name = s.cfg.State + "-" + strconv.Itoa(n)
	}
}

// lookTime is how long a command that looks into a state may have it open: a new run waits for that.
const (
	lookTime = 3 * time.Second
	lookWait = 50 * time.Millisecond
)

// startEndpoint serves the state. A state that another run serves is in use; one that a command only looks into will be free.
func (s *Session) startEndpoint(ctx context.Context, name, dir string) error {
	for end := time.Now().Add(lookTime); ; {
		var err error
		s.endpoint, err = laptop.StartEndpoint(ctx, dir, s.cfg.Endpoint, []string{role.Env + "=" + role.Endpoint})
		var inUse *laptop.InUseError
		if !errors.As(err, &inUse) || s.cfg.Autoscale.Manual || time.Now().After(end) {
			return err
		}
		if _, found := laptop.Find(ctx, name); !errors.Is(found, laptop.ErrNotRunning) {
			return err // whoever serves it for long says so
		}
		select {
		case <-time.After(lookWait):
		case <-ctx.Done():
			return err
		}
	}
}

// openState opens the named state, and closes it again if it is not free.
func (s *Session) openState(ctx context.Context, name string) (free bool, err error) {
	dir, err := laptop.Dir(name)
	if err != nil {
		return false, err
	}
	err = s.startEndpoint(ctx, name, dir)
	var inUse *laptop.InUseError
	switch {
	case errors.As(err, &inUse):
		return false, nil
	case err != nil:
		return false, exit.Errorf(exit.Failed, "%w", err)
	}
	if s.clients, err = stack.Open(ctx, stack.Stack{Endpoint: s.endpoint.URL()}); err != nil {
		return false, err
	}
	if s.stack, err = laptop.EnsureStack(ctx, s.clients, s.endpoint.URL()); err != nil {
		return false, err
	}
	other, err := s.unfinished(ctx)
	if err != nil {
		return false, err
	}
	if other == "" {
		s.state = name
		return true, errors.Join(s.staff(ctx), s.beFound(dir))
	}
	s.cfg.notef("note:  job %s of an earlier run is unfinished and kept\n       starburst attach --state %s %s goes on with it\n       starburst cancel --state %s %s drops it", other, name, other, name, other)
	err = s.endpoint.Close(ctx)
	s.endpoint = nil
	return false, err
}

// staff makes the fleet's service. Workers that are sure to be needed start now: a process takes as long to start as a job to be sent.
func (s *Session) staff(ctx context.Context) error {
	return laptop.EnsureService(ctx, s.clients.ECS, s.stack, laptop.Fleet{
		Command: s.cfg.Command,
		Env:     append([]string{role.EnvSlots + "=" + strconv.Itoa(s.cfg.Slots)}, s.cfg.Env...),
		Start:   min(s.cfg.Start, s.cfg.Workers),
	})
}

// beFound tells others on this machine where the state is served, so that they can look at the run while it lasts.
func (s *Session) beFound(dir string) (err error) {
	if s.cfg.Autoscale.Manual {
		return nil // it only looks itself
	}
	s.withdraw, err = laptop.Announce(dir, s.stack)
	return err
}

// unfinished returns a job of the state that is neither done nor cancelled and
// still has messages on the queue; "" when there is none, or when the session
// is for a job of this state.
func (s *Session) unfinished(ctx context.Context) (string, error) {
	if len(s.cfg.Command) == 0 {
		return "", nil // an attach: unfinished work is what it is for
	}
	left, err := laptop.Messages(ctx, s.clients, s.stack)
	if left == 0 || err != nil {
		return "", err
	}
	st := s.stack.Store(s.clients)
	if s.cfg.Job != "" {
		if _, err := st.Job(ctx, s.cfg.Job); !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
	}
	for j, err := range st.Jobs(ctx, time.Now().Add(-producer.DefaultKeep)) {
		if err != nil {
			return "", fmt.Errorf("look for unfinished jobs: %w", err)
		}
		if j.State == store.Open || j.State == store.Sealed {
			return j.ID, nil
		}
	}
	return "", nil
}
