package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/oplog"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
)

// shift is how long an invocation works: the next one begins a minute after it.
const shift = 55 * time.Second

// describeEvery is how often ECS is asked anew what a worker is, which a deployment can change.
const describeEvery = 10 * time.Minute

// envLog is the older name of oplog.EnvLevel, which stacks may set.
const envLog = "STARBURST_LOG"

func main() {
	log := oplog.New(os.Stderr, oplog.Options{Component: "autoscaler", JSON: true, Getenv: func(name string) string {
		if name == oplog.EnvLevel {
			return cmp.Or(os.Getenv(name), os.Getenv(envLog))
		}
		return os.Getenv(name)
	}})
	f := function{log: log, now: time.Now, open: func(ctx context.Context) (worker, error) {
		settings, err := scaling.FromEnv(os.Getenv)
		if err != nil {
			return nil, err
		}
		home, err := scaling.Open(ctx, scaling.Config{Stack: stack.FromEnv(), Settings: settings, Log: log})
		if err != nil {
			return nil, err
		}
		return home.Loop, nil
	}}
	lambda.Start(f.handle)
}

// worker is an autoscaler that works in shifts; *autoscale.Loop is one.
type worker interface {
	Shift(ctx context.Context, length time.Duration) (autoscale.Decision, error)
}

// function is what is kept between invocations of one instance, which Lambda calls one at a time.
type function struct {
	open func(context.Context) (worker, error)
	now  func() time.Time
	log  *slog.Logger

	loop     worker
	openedAt time.Time
}

// answer is what an invocation tells whoever made it by hand; the schedule ignores it.
type answer struct {
	Leading bool   `json:"leading"`
	Want    int    `json:"want"`
	Reason  string `json:"reason"`
}

// handle works for a shift. Its error is in the function's metrics, and the next minute repairs what it left undone.
func (f *function) handle(ctx context.Context) (answer, error) {
	if f.loop == nil || f.now().Sub(f.openedAt) >= describeEvery {
		loop, err := f.open(ctx)
		if err != nil && f.loop == nil {
			return answer{}, fmt.Errorf("start the autoscaler: %w", err)
		}
		if err != nil {
			f.log.Warn("the workers' description is not renewed", "error", err)
		} else {
			f.loop, f.openedAt = loop, f.now()
		}
	}
	d, err := f.loop.Shift(ctx, f.length(ctx))
	if errors.Is(err, autoscale.ErrStandby) {
		return answer{Reason: err.Error()}, nil
	}
	return answer{Leading: true, Want: d.Want, Reason: d.Reason}, err
}

// length is a shift's, or what the function's time-out leaves of it.
func (f *function) length(ctx context.Context) time.Duration {
	if deadline, set := ctx.Deadline(); set {
		return min(shift, deadline.Sub(f.now())-2*time.Second)
	}
	return shift
}
