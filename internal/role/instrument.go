package role

import (
	"cmp"
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/observe"
	"github.com/starburst-go/starburst/internal/stack"
)

// Instrument observes a worker: it changes the configuration before the worker is made. What it returns, if anything, is
// called when the worker has stopped, to write what is still to be written.
type Instrument func(ctx context.Context, cfg *consumer.Config, s stack.Stack) (end func(context.Context) error, err error)

// EnvEMF says whether a worker writes metrics for CloudWatch to its standard output: on, off or auto. Default: auto, which
// is on in an ECS task on AWS.
const EnvEMF = "STARBURST_EMF"

// detachTimeout bounds what instruments still do when the worker has stopped, within what ECS leaves it.
const detachTimeout = 3 * time.Second

// attach lets the instruments, and those of the environment, observe the worker.
func attach(ctx context.Context, cfg *consumer.Config, s stack.Stack, instruments []Instrument) (detach func(), err error) {
	observe.LogTasks(ctx, cfg)
	var ends []func(context.Context) error
	for _, i := range append([]Instrument{emf}, instruments...) {
		end, err := i(ctx, cfg, s)
		if err != nil {
			return nil, err
		}
		if end != nil {
			ends = append(ends, end)
		}
	}
	log := cfg.Log
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachTimeout)
		defer cancel()
		var errs []error
		for _, end := range ends {
			errs = append(errs, end(ctx))
		}
		if err := errors.Join(errs...); err != nil {
			log.WarnContext(ctx, "the last of what was observed could not be written", "err", err)
		}
	}, nil
}

// emf writes metrics for CloudWatch, where the environment wants them.
func emf(ctx context.Context, cfg *consumer.Config, s stack.Stack) (func(context.Context) error, error) {
	switch v := os.Getenv(EnvEMF); v {
	case "off":
		return nil, nil
	case "", "auto":
		if cfg.Guard == nil || s.Endpoint != "" { // no ECS task, or one of the laptop's
			return nil, nil
		}
	case "on":
	default:
		return nil, exit.Errorf(exit.Usage, "%s is %q; known are on, off and auto", EnvEMF, v)
	}
	m := &observe.EMF{Out: os.Stdout, Stack: stackName(s), Worker: cfg.Name}
	observe.Worker(cfg, m.Tell)
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	var err error
	running.Go(func() { err = m.Run(ctx) })
	return func(context.Context) error {
		stop()
		running.Wait()
		return err
	}, nil
}

// envStack names the deployment (internal/deploy), where more than one shares an account.
const envStack = "STARBURST_STACK"

func stackName(s stack.Stack) string { return cmp.Or(os.Getenv(envStack), s.Service, s.Fleet) }
