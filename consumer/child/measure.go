package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
)

// Figures are what one warm child does with tasks that do nothing: selftest.echo
// returns its argument of 1 KiB.
type Figures struct {
	// Median and P99 are of a round trip: a frame with one task there, the answer back.
	Median, P99 time.Duration
	// PerSecond is how many tasks it answers a second that come in chunks.
	PerSecond float64
	// Lang is what the child says of its language.
	Lang string
}

// String is a line for people.
func (f Figures) String() string {
	return fmt.Sprintf("round trip %v median, %v p99; in chunks %.0f tasks/s  (%s)", f.Median.Round(100*time.Nanosecond), f.P99.Round(time.Microsecond), f.PerSecond, f.Lang)
}

const (
	measuredTrips  = 3000
	measuredChunks = 60
	measuredArg    = 1 << 10 // bytes
	warmTrips      = 300
)

// Measure starts one child of c and measures it.
func Measure(ctx context.Context, c Config) (Figures, error) {
	c.SelfTest, c.Slots = true, 1
	p, err := Start(ctx, c)
	if err != nil {
		return Figures{}, err
	}
	defer p.Close(ctx)
	arg, err := codec.Marshal(string(bytes.Repeat([]byte("x"), measuredArg)))
	if err != nil {
		return Figures{}, err
	}
	s, err := p.take(ctx)
	if err != nil {
		return Figures{}, err
	}
	defer func() { p.free <- s }()
	f := Figures{Lang: s.proc.hello.lang}
	task := consumer.Task{Job: "bench", Handler: "selftest.echo", Attempt: 1, Arg: arg}
	trips := make([]time.Duration, 0, measuredTrips)
	for i := range warmTrips + measuredTrips {
		took, err := exchange(ctx, s.proc, []consumer.Task{task})
		if err != nil {
			return f, err
		}
		if i >= warmTrips {
			trips = append(trips, took)
		}
	}
	slices.Sort(trips)
	f.Median, f.P99 = trips[len(trips)/2], trips[len(trips)*99/100]
	chunk := slices.Repeat([]consumer.Task{task}, maxChunk)
	var total time.Duration
	for range measuredChunks {
		took, err := exchange(ctx, s.proc, chunk)
		if err != nil {
			return f, err
		}
		total += took
	}
	f.PerSecond = measuredChunks * maxChunk / total.Seconds()
	return f, nil
}

// exchange hands tasks over and waits for all answers.
func exchange(ctx context.Context, p *process, tasks []consumer.Task) (time.Duration, error) {
	began := time.Now()
	if err := p.submit(ctx, tasks); err != nil {
		return 0, err
	}
	for _, t := range tasks {
		select {
		case a := <-p.answers:
			if b, err := judge(t, a); err != nil || !bytes.Equal(b, t.Arg) {
				return 0, errors.Join(errors.New("the child has answered something else than the argument"), err)
			}
		case <-p.gone:
			return 0, p.end
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	return time.Since(began), nil
}
