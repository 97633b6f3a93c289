package ecs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

// maxBody bounds a request in bytes; the largest, a task definition, may have
// 64 KiB (service quotas).
const maxBody = 1 << 20

// Service is the local ECS. It is an http.Handler for the API's requests and
// for the paths under AgentPath. Its methods may be called from any goroutine.
type Service struct {
	opt   Options
	api   http.Handler
	logs  logs
	store store

	mu    sync.Mutex
	state *state // protected by mu

	wake   chan struct{}   // buffered: something happened, plan again
	quiet  chan struct{}   // closed by the loop when closing and no task is live
	ctx    context.Context //nolint:containedctx // the service's life, ended by Close; no caller's context lives as long
	cancel context.CancelFunc
	wg     sync.WaitGroup // the loop and one watcher per process
}

// New opens the service on the database, adopts the processes that an earlier
// one has left running, and begins to bring the services to their desired
// counts. Close or StopTasks and Close must be called.
func New(d *db.DB, options Options) (*Service, error) {
	opt := options.withDefaults()
	if err := opt.validate(); err != nil {
		return nil, err
	}
	s := &Service{
		opt:   opt,
		logs:  logs{dir: filepath.Join(opt.Dir, "tasks"), limit: opt.LogLimit},
		state: newState(opt),
		wake:  make(chan struct{}, 1),
		quiet: make(chan struct{}),
	}
	api, err := awsjson.NewHandler(awsjson.Config{
		TargetPrefix: TargetPrefix, Version: awsjson.V11, Operations: s.operations(), MaxBody: maxBody,
	})
	if err != nil {
		return nil, err
	}
	s.api = api
	s.store = store{db: d, mu: &s.mu, st: s.state}
	if err := s.store.load(context.Background()); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.restore(); err != nil {
		s.cancel()
		s.wg.Wait()
		return nil, err
	}
	s.wg.Go(s.loop)
	return s, nil
}

// Close stops the service and leaves the tasks running, to be adopted by the
// next one that opens the same database. Call it when requests have stopped
// coming.
func (s *Service) Close() error {
	s.cancel()
	s.wg.Wait()
	return s.store.commit()
}

// StopTasks starts no further task and stops those there are: SIGTERM now,
// SIGKILL after each one's stopTimeout or when ctx ends, whichever is first. It
// returns when no task is left. The desired counts stay as they are, and a later
// New starts from them. Tasks need the endpoint to finish in order, so it
// should be reachable until StopTasks has returned.
func (s *Service) StopTasks(ctx context.Context) error {
	s.mu.Lock()
	s.state.closing = true
	for _, t := range s.state.tasks {
		if t.Last != statusStopped {
			s.state.stop(t, codeScheduler, reasonClosing, time.Now())
		}
	}
	s.mu.Unlock()
	s.plan()
	select {
	case <-s.quiet:
		return nil
	case <-s.ctx.Done():
		return errors.New("ecs: stop tasks: the service is closed")
	case <-ctx.Done():
	}
	// SIGKILL cannot be refused; only a process in an uninterruptible wait is
	// slow to go, and its end is not worth hanging for.
	const settle = 5 * time.Second
	err := s.killAll()
	select {
	case <-s.quiet:
		return err
	case <-time.After(settle):
		return errors.Join(err, fmt.Errorf("ecs: stop tasks: some processes have not ended %v after SIGKILL", settle))
	}
}

func (s *Service) killAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, t := range s.state.tasks {
		if t.proc != nil && t.Last != statusStopped {
			t.killSent = true
			errs = append(errs, t.proc.signal(syscall.SIGKILL))
		}
	}
	return errors.Join(errs...)
}

// plan asks the loop to look at the state.
func (s *Service) plan() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// restore looks for the processes of the tasks that the database has as live.
func (s *Service) restore() error {
	lost := map[string]*task{} // PENDING; may have been started without a record
	for _, t := range s.state.tasks {
		switch {
		case t.Last == statusStopped:
		case t.PID == 0:
			lost[t.ID] = t
		default:
			s.readopt(t, adopt(t.PID, t.Identity))
		}
	}
	if len(lost) > 0 {
		pids, err := findTasks(lost)
		if err != nil {
			return fmt.Errorf("ecs: look for tasks of an earlier endpoint: %w", err)
		}
		for id, t := range lost {
			pid, found := pids[id]
			if !found {
				continue // still PENDING: it is started now
			}
			identity, err := identityOf(pid)
			if err != nil {
				continue // it has just ended
			}
			t.PID, t.Identity = pid, identity
			s.readopt(t, adopt(pid, identity))
		}
	}
	return s.store.commit()
}

func (s *Service) readopt(t *task, p *process) {
	now := time.Now()
	if p == nil {
		s.state.exited(t, nil, "The process ended while the local endpoint was down; its exit code is unknown.", now)
		return
	}
	t.proc = p
	if t.Last == statusPending {
		s.state.began(t, now)
	}
	s.state.touch(t.row())
	s.watch(t.ID, p)
}
