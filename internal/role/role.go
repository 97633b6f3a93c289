// Package role decides what a process of a Starburst program is: the caller
// that the user started, or one of the processes that the caller starts from the
// same binary (workers, the local endpoint).
package role

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/oplog"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// Env names the variable that says which role a process has; unset is the caller.
const Env = "STARBURST_ROLE"

// The roles besides the caller.
const (
	// Worker runs tasks until it is told to stop. An image on AWS sets it.
	Worker = "worker"
	// Endpoint serves the laptop mode's state.
	Endpoint = "endpoint"
	// Handlers prints the names of the program's handlers as a JSON array, for
	// deployments that announce them before the first worker runs.
	Handlers = "handlers"
)

// Variables that tune a worker; the laptop mode sets them for its own.
const (
	EnvSlots  = "STARBURST_SLOTS"
	EnvWorker = "STARBURST_WORKER" // the worker's name; by default one is made up
)

// Run runs the process's role, if it has one. handled is false for the caller.
func Run(ctx context.Context, handlers consumer.Registry, instruments ...Instrument) (handled bool, err error) {
	switch r := os.Getenv(Env); r {
	case "":
		return false, nil
	case Worker:
		return true, RunWorker(ctx, handlers, instruments...)
	case Endpoint:
		return true, laptop.Serve(ctx, os.Getenv(laptop.EnvDir), os.Getenv(laptop.EnvAddr), os.Stdin, os.Stdout)
	case Handlers:
		return true, printHandlers(os.Stdout, handlers)
	default:
		return true, exit.Errorf(exit.Usage, "%s is %q; known are %q, %q and %q", Env, r, Worker, Endpoint, Handlers)
	}
}

func printHandlers(w io.Writer, handlers consumer.Registry) error {
	if err := json.NewEncoder(w).Encode(handlers.Names()); err != nil {
		return fmt.Errorf("print the handlers: %w", err)
	}
	return nil
}

// RunWorker runs a worker on the stack that the environment describes, until
// SIGTERM or SIGINT. A second signal ends its grace period, a third the process.
func RunWorker(ctx context.Context, handlers consumer.Registry, instruments ...Instrument) error {
	s := stack.FromEnv()
	if err := s.Validate(); err != nil {
		return err
	}
	clients, err := stack.Open(ctx, s)
	if err != nil {
		return err
	}
	cfg, err := workerConfig(ctx, s, clients, handlers)
	if err != nil {
		return err
	}
	detach, err := attach(ctx, &cfg, s, instruments)
	if err != nil {
		return err
	}
	defer detach()
	w, err := consumer.New(cfg)
	if err != nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	defer keepFloor()()
	ctx, done := stopOnSignals(ctx, w.Hurry)
	defer done()
	cfg.Log.Info("worker started", "queue", cfg.QueueURL, "slots", cfg.Slots, "handlers", handlers.Names())
	err = w.Run(ctx)
	if errors.Is(err, consumer.ErrQueueGone) {
		return exit.Errorf(exit.Failed, "%w", err).WithHint("the endpoint of this worker is gone; nothing is lost, its messages come back")
	}
	return err
}

// stopOnSignals ends the context at the first SIGTERM or SIGINT and calls hurry at
// the second; from then on the default action applies, which ends the process.
func stopOnSignals(ctx context.Context, hurry func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	over := make(chan struct{})
	go func() {
		defer signal.Stop(signals)
		for _, act := range []func(){cancel, hurry} {
			select {
			case <-signals:
				act()
			case <-over:
				return
			}
		}
	}()
	return ctx, func() { cancel(); close(over) }
}

// localIdleWait is the long poll of a laptop's worker without work: receives are free there, and a fleet that is to shrink
// waits for its workers' open polls. On AWS it is the consumer's 20 s, three receives a minute.
const localIdleWait = 2 * time.Second

// localPrefetchWork keeps a laptop's worker busy over a round trip of a millisecond. With 100 ms of work one worker would take all
// messages of a small job before the next has started.
const localPrefetchWork = 10 * time.Millisecond

// localGiveUp ends a laptop's worker whose endpoint is gone.
const localGiveUp = 60 * time.Second

func workerConfig(ctx context.Context, s stack.Stack, c *stack.Clients, handlers consumer.Registry) (consumer.Config, error) {
	cfg := consumer.Config{
		Queue: c.SQS, QueueURL: s.QueueURL, Results: s.Store(c), Blobs: s.Blobs(c), Handlers: withHello(handlers),
		Fleet: s.Fleet, Name: os.Getenv(EnvWorker), Build: Build(),
		Log:      oplog.New(os.Stderr, oplog.Options{Component: "worker", Local: s.Endpoint != ""}),
		Cost:     store.CostSample{Provider: "FARGATE", Arch: arch(runtime.GOARCH), Launched: time.Now()},
		Requests: c.Meter.Counts,
	}
	if err := describe(ctx, &cfg); err != nil {
		cfg.Log.Warn("this worker's size and start are not known; its cost is estimated", "err", err)
	}
	if cfg.Name == "" {
		cfg.Name = "w-" + uuid.Must(uuid.NewV7()).String()
	}
	cfg.Log = cfg.Log.With("worker", cfg.Name)
	if v := os.Getenv(EnvSlots); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return cfg, exit.Errorf(exit.Usage, "%s is %q, not a number", EnvSlots, v)
		}
		cfg.Slots = n
	}
	if s.Endpoint != "" {
		// Writes are free here, and a person is looking at the progress.
		cfg.LedgerEvery, cfg.LedgerEdge, cfg.ControlEvery = 500*time.Millisecond, 100*time.Millisecond, time.Second
		cfg.GiveUp, cfg.IdleWait, cfg.Cost.Provider = localGiveUp, localIdleWait, "LOCAL"
		cfg.DeadMan = 0 // a laptop that slept has had no leader meanwhile, and costs nothing
		cfg.RetryBase = time.Second
		cfg.PrefetchWork = localPrefetchWork
	}
	return cfg, nil
}
