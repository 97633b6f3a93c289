// Package burst is the session behind the front door and the command line: it
// opens a stack (on the laptop, one it brings up itself), keeps its fleet sized,
// submits jobs and follows their results.
package burst

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// Config of a session.
type Config struct {
	// Stack to use; the zero stack means the laptop mode.
	Stack stack.Stack
	// State names the laptop mode's state directory.
	State string
	// Job is the job that the session is for, when that is known: its state is used
	// even though it holds unfinished work.
	Job string
	// Workers is the most workers of the fleet, Slots the tasks each runs at once; both ≥ 1.
	Workers, Slots int
	// Start is how many workers the laptop's fleet has from the beginning, at most Workers: for whoever is about to submit tasks and
	// need not wait until the autoscaler has seen them. Default: 0.
	Start int
	// Handlers the workers know; announced before the first job.
	Handlers []string
	// Command and Env start a worker in the laptop mode; Endpoint starts its endpoint.
	// A laptop session without Command keeps the command of the state's last session.
	Command, Env, Endpoint []string
	// Display shows jobs while they are sent or followed, and what a user should know; nil means neither.
	Display *view.Display
	// LastLine leaves a line on the display about each job that was followed to its end.
	LastLine bool
	// Log receives what an operator should know. Default: discarded.
	Log *slog.Logger
	// Tracer is told of submissions. Default: nobody is.
	Tracer Tracer
	// Autoscale changes how the stack's service is sized.
	Autoscale Autoscale
}

// Session is an open stack. It is safe for concurrent use.
type Session struct {
	cfg      Config
	stack    stack.Stack
	clients  *stack.Clients
	store    *store.Store
	endpoint *laptop.Endpoint // nil on AWS
	state    string           // of the laptop; "" on AWS
	opened   time.Time
	loop     *autoscale.Loop // nil when another process sizes the fleet
	fleet    *fleet.Fleet    // what the loop sizes
	begun    begun
	reports  reports

	withdraw func() error // takes back that the laptop's state is served; nil when nobody was told

	stopLoop context.CancelFunc
	loopDone sync.WaitGroup
	watchJob func(job string) // tells the loop of a job

	pricesOnce sync.Once // makes the three below
	book       *cost.Book
	bookNotes  []string
	bookErr    error
}

// Open brings up what the session needs.
func Open(ctx context.Context, c Config) (*Session, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Session{cfg: c, stack: c.Stack, opened: time.Now()}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	s.store = s.stack.Store(s.clients)
	if err := s.announce(ctx); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	if s.stack.Service != "" {
		if err := s.prepareLoop(ctx); err != nil {
			return nil, errors.Join(err, s.Close(ctx))
		}
	}
	return s, nil
}

func (s *Session) connect(ctx context.Context) (err error) {
	if s.cfg.Stack.IsZero() {
		return s.connectLaptop(ctx)
	}
	if err := s.stack.Validate(); err != nil {
		return err
	}
	s.clients, err = stack.Open(ctx, s.stack)
	return err
}

// announce names the session's handlers, so that submitting does not have to
// wait for a first worker. Not on a local endpoint that somebody else serves: its workers
// are another program, and tasks for handlers that they do not have would wait for ever.
func (s *Session) announce(ctx context.Context) error {
	if s.clients.Local && s.stack.Endpoint == "" {
		return nil
	}
	for _, name := range s.cfg.Handlers {
		if err := s.store.PutHandler(ctx, s.stack.Fleet, store.HandlerInfo{Name: name, Seen: time.Now(), Language: "go", Build: role.Build()}); err != nil {
			return fmt.Errorf("announce handler %s: %w", name, err)
		}
	}
	return nil
}

// State returns the name of the laptop's state, which differs from Config's when
// that was not free; "" on AWS.
func (s *Session) State() string { return s.state }

// Stack returns what the session works on.
func (s *Session) Stack() stack.Stack { return s.stack }

// Clients returns the session's SDK clients.
func (s *Session) Clients() *stack.Clients { return s.clients }

// Store returns the session's table.
func (s *Session) Store() *store.Store { return s.store }

// Display returns what the session shows jobs on; nil for none.
func (s *Session) Display() *view.Display { return s.cfg.Display }

// Endpoint returns the laptop mode's endpoint process, nil on AWS.
func (s *Session) Endpoint() *laptop.Endpoint { return s.endpoint }

// drainTimeout bounds the polite end of the fleet; what is left is ended with the endpoint.
const drainTimeout = 10 * time.Second

// Close brings a laptop's fleet that it sized to zero and ends its endpoint; the state stays.
// On AWS it only stops the session's own part in sizing the fleet.
func (s *Session) Close(ctx context.Context) error {
	var err error
	if s.loop != nil {
		if s.stack.Endpoint != "" && !s.cfg.Autoscale.Manual {
			drain, cancel := context.WithTimeout(ctx, drainTimeout)
			if e := s.loop.Drain(drain, "the session ends", s.nothingHeld); e != nil && drain.Err() == nil {
				err = fmt.Errorf("bring the fleet to zero: %w", e)
			}
			cancel()
		}
		s.stopLoop()
		s.loopDone.Wait()
		s.loop = nil
	}
	err = errors.Join(err, s.reports.writing.Wait())
	if s.withdraw != nil {
		err = errors.Join(err, s.withdraw())
		s.withdraw = nil
	}
	if s.endpoint != nil {
		err = errors.Join(err, s.endpoint.Close(ctx))
		s.endpoint = nil
	}
	if t := s.cfg.Tracer; t != nil {
		s.cfg.Tracer = nil
		if e := t.Shutdown(ctx); e != nil { // no reason to fail what went well
			s.cfg.notef("note:  the last spans could not be sent: %v", e)
		}
	}
	return err
}
