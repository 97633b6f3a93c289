package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/view"
)

// DefaultEvery is the time between two looks at what somebody watches.
const DefaultEvery = 2 * time.Second

// MaxStreams is how many pages may be live at once: each holds a connection.
const MaxStreams = 64

// DeadLetters is a dead-letter queue; *dlq.Queue has it.
type DeadLetters interface {
	Count(ctx context.Context) (int, error)
	List(ctx context.Context, most int) ([]dlq.Message, error)
	Redrive(ctx context.Context, perSecond int, moved func(total int)) (int, error)
}

// Config says what a page is about and what may be done from it.
type Config struct {
	// Store is required.
	Store Store
	// Bills prices jobs; with a nil Book there is no money on the page.
	Bills bill.Config
	// Dead opens the dead-letter queue; nil when there is none to look at.
	Dead func(ctx context.Context) (DeadLetters, error)
	// Retry runs a job's failed tasks again, Cancel stops a job; each returns a sentence that says what it did. Nil: it cannot be done from here.
	Retry, Cancel func(ctx context.Context, job string) (string, error)
	// ReadOnly refuses all actions.
	ReadOnly bool
	// Where is what the stack is called.
	Where string
	// Start is a command that starts a job, for who has none yet.
	Start string
	// Every is the time between two looks. Default: 2 s.
	Every time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log gets what went wrong. Default: none.
	Log *slog.Logger
}

// Server serves the page.
type Server struct {
	cfg       Config
	ln        net.Listener
	home      *home
	stop      context.CancelFunc
	guard     *guard
	looks     *looks
	list      *shared[[]view.JobRow]
	dead      *shared[[]deadRow]
	count     *shared[int]
	deeds     deeds
	streams   chan struct{}
	templates *template.Template
}

// Listen opens the address, which must be on the loopback interface, as 127.0.0.1:0 is. The error of another one has exit code 2.
func Listen(ctx context.Context, addr string, c Config) (*Server, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "the address %q: %w", addr, err).WithHint("--addr 127.0.0.1:0 takes a free port")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, exit.Errorf(exit.Usage, "the page is for this machine alone, and %q is not its loopback interface", host).
			WithHint("--addr 127.0.0.1:0; from elsewhere, forward the port: ssh -L 8080:127.0.0.1:8080 HOST")
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "open the page's address: %w", err).WithHint("--addr 127.0.0.1:0 takes a free port")
	}
	s, err := newServer(c, ln)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return s, nil
}

func newServer(c Config, ln net.Listener) (*Server, error) {
	c.Every = cmp.Or(c.Every, DefaultEvery)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ReadOnly {
		c.Retry, c.Cancel = nil, nil
	}
	templates, err := parse()
	if err != nil {
		return nil, err
	}
	g, err := newGuard(ln.Addr(), c.ReadOnly)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &home{ctx: ctx, now: c.Now}
	s := &Server{
		cfg: c, ln: ln, home: h, stop: stop, guard: g, templates: templates, streams: make(chan struct{}, MaxStreams),
		looks: &looks{store: c.Store, bills: c.Bills, home: h, jobs: map[string]*shared[look]{}},
		deeds: deeds{home: h, all: map[string]*deed{}},
	}
	s.list = &shared[[]view.JobRow]{home: h, read: s.readJobs}
	s.dead = &shared[[]deadRow]{home: h, read: s.readDead}
	s.count = &shared[int]{home: h, read: s.countDead}
	return s, nil
}

// URL is the page's address with the token that opens it.
func (s *Server) URL() string { return s.guard.url() }

// Timeouts of requests; streams have none of their own, but each write to them has.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	shutdown      = 3 * time.Second
	maxHeader     = 16 << 10
	maxBody       = 64 << 10
)

// Serve serves until ctx ends. What was begun from the page, such as a redrive, is stopped with it.
func (s *Server) Serve(ctx context.Context) error {
	ends, cancel := context.WithCancel(s.home.ctx)
	defer cancel()
	srv := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return ends },
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.ln) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		cancel() // ends the streams, which Shutdown waits for
		ending, done := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		err = srv.Shutdown(ending)
		done()
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close()
		}
		if e := <-served; err == nil {
			err = e
		}
	}
	s.Close()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	return nil
}

// Close ends what goes on and waits for it. Serve calls it; who never serves does.
func (s *Server) Close() {
	s.stop()
	_ = s.ln.Close() // mostly closed already
	s.home.wg.Wait()
}
