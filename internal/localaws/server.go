package localaws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/cloudwatch"
	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb"
	"github.com/starburst-go/starburst/internal/localaws/ecs"
	"github.com/starburst-go/starburst/internal/localaws/s3"
	"github.com/starburst-go/starburst/internal/localaws/servicequotas"
	"github.com/starburst-go/starburst/internal/localaws/sqs"
)

// Server is a running endpoint.
type Server struct {
	fresh freshConns
	url   string
	lock  *dirLock
	db    *db.DB
	sqs   *sqs.Service
	ddb   *dynamodb.Service
	ecs   *ecs.Service
	s3    *s3.Service
	quota *servicequotas.Service
	watch *cloudwatch.Service
	http  http.Server
	stats *stats

	served    chan struct{} // closed when the HTTP server has ended
	closeOnce sync.Once
	closeErr  error
}

// PortInUseError says that another program listens on the address.
type PortInUseError struct {
	// Addr is the address that was asked for.
	Addr string
	err  error
}

// Error names the address and what to do.
func (e *PortInUseError) Error() string {
	return fmt.Sprintf("local endpoint: another program listens on %s: end it or choose another port", e.Addr)
}

// Unwrap returns the system's error.
func (e *PortInUseError) Unwrap() error { return e.err }

// Start locks the directory, opens the services on its state and listens. ctx
// bounds the start only; Close ends the server. The error is an *InUseError when
// another process serves the directory and a *PortInUseError when the port is
// taken.
func Start(ctx context.Context, c Config) (*Server, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("local endpoint: create the state directory: %w", err)
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{lock: lock, stats: newStats(), served: make(chan struct{})}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = &PortInUseError{Addr: c.Addr, err: err}
	}
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s.url = "http://" + listener.Addr().String()
	if err := errors.Join(lock.announce(s.url), s.open(c)); err != nil {
		return nil, errors.Join(err, listener.Close(), s.release())
	}
	s.http = http.Server{
		Handler: s.handler(),
		// No ReadTimeout and no WriteTimeout: they would count the 20 s of a
		// long poll, and clients are on this machine.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
		ConnState:         s.fresh.track,
		ConnContext:       withConn,
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(watchedListener{listener}); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("the local endpoint stopped serving", "err", err)
		}
	}()
	return s, nil
}

// open opens the services, SQS before ECS: stopping tasks hurry its polls.
func (s *Server) open(c Config) (err error) {
	report := func(err error) { c.Log.Error("local endpoint", "err", err) }
	if s.db, err = db.Open(filepath.Join(c.Dir, "state.db"), db.OnError(report)); err != nil {
		return err
	}
	if s.sqs, err = sqs.New(s.db, sqs.Options{Region: c.Region, Account: c.Account, Log: c.Log, OnRequests: s.stats.sqs}); err != nil {
		return err
	}
	if s.ddb, err = dynamodb.New(s.db, dynamodb.Options{Region: c.Region, Account: c.Account, OnError: report, OnUnits: s.stats.units}); err != nil {
		return err
	}
	if s.s3, err = s3.New(s.db, filepath.Join(c.Dir, "s3"), s3.Options{Log: c.Log}); err != nil {
		return err
	}
	tasks := c.ECS
	tasks.Region, tasks.Account, tasks.BaseURL, tasks.Dir, tasks.Log = c.Region, c.Account, s.url, c.Dir, c.Log
	tasks.VCPUQuota, tasks.OnStopping = c.VCPUQuota, s.sqs.Hurry
	if s.ecs, err = ecs.New(s.db, tasks); err != nil {
		return err
	}
	if s.quota, err = servicequotas.New(s.db, servicequotas.Options{Region: c.Region, Account: c.Account, VCPU: c.VCPUQuota}); err != nil {
		return err
	}
	s.watch, err = cloudwatch.New(cloudwatch.Options{Used: s.ecs.UsedVCPU})
	return err
}

// URL is where the endpoint listens, such as "http://127.0.0.1:4566".
func (s *Server) URL() string { return s.url }

// Close stops the tasks while the endpoint still answers them, lets requests end
// and closes the state. When ctx ends first, tasks are killed and connections
// cut; the state is whole in any case. Desired counts stay, so that a later Start
// continues where this one ended. Calling it again returns the first result.
func (s *Server) Close(ctx context.Context) error {
	s.closeOnce.Do(func() {
		err := s.ecs.StopTasks(ctx)
		s.sqs.Close() // ends open long polls
		s.fresh.close()
		if e := s.http.Shutdown(ctx); e != nil {
			err = errors.Join(err, s.http.Close())
		}
		<-s.served
		s.closeErr = errors.Join(err, s.release())
	})
	return s.closeErr
}

// release closes what open has opened, and the lock.
func (s *Server) release() error {
	var errs []error
	if s.ecs != nil {
		errs = append(errs, s.ecs.Close())
	}
	if s.ddb != nil {
		errs = append(errs, s.ddb.Close())
	}
	if s.sqs != nil {
		s.sqs.Close()
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(append(errs, s.lock.release())...)
}
