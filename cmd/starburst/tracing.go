package main

import (
	"context"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/otelstarburst"
)

// tracer traces what a session sends, where the environment wants it; nil elsewhere.
func tracer(ctx context.Context) (burst.Tracer, error) {
	t, err := otelstarburst.FromEnv(ctx)
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "%w", err)
	}
	if t == nil {
		return nil, nil
	}
	return t, nil
}

// traceWorker traces a worker, where the environment wants it.
func traceWorker(ctx context.Context, cfg *consumer.Config, _ stack.Stack) (func(context.Context) error, error) {
	t, err := otelstarburst.FromEnv(ctx)
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "%w", err)
	}
	if t == nil {
		return nil, nil
	}
	t.Worker(cfg)
	return t.Shutdown, nil
}
