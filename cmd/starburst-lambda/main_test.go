package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/autoscale"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("broken")

// shifts is a worker that notes its shifts.
type shifts struct {
	lengths []time.Duration
	d       autoscale.Decision
	err     error
}

func (s *shifts) Shift(_ context.Context, length time.Duration) (autoscale.Decision, error) {
	s.lengths = append(s.lengths, length)
	return s.d, s.err
}

func TestAnInvocationIsAShift(t *testing.T) {
	t.Parallel()
	noon := time.Date(2100, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		because string
		d       autoscale.Decision
		err     error
		left    time.Duration // until the function's time-out
		want    answer
		wantErr error
		length  time.Duration
	}{
		{"there is work", autoscale.Decision{Want: 4, Reason: "wave 1: 0→4"}, nil, 2 * time.Minute, answer{true, 4, "wave 1: 0→4"}, nil, 55 * time.Second},
		{"the function's time-out is short", autoscale.Decision{}, nil, 30 * time.Second, answer{Leading: true}, nil, 28 * time.Second},
		{"another leads, which is no failure", autoscale.Decision{}, autoscale.ErrStandby, 2 * time.Minute, answer{Reason: autoscale.ErrStandby.Error()}, nil, 55 * time.Second},
		{"the last tick failed, which the metrics should show", autoscale.Decision{}, errBroken, 2 * time.Minute, answer{Leading: true}, errBroken, 55 * time.Second},
	} {
		s := &shifts{d: c.d, err: c.err}
		f := function{now: func() time.Time { return noon }, open: func(context.Context) (worker, error) { return s, nil }}
		ctx, cancel := context.WithDeadline(t.Context(), noon.Add(c.left))
		got, err := f.handle(ctx)
		cancel()
		if got != c.want || !errors.Is(err, c.wantErr) || !cmp.Equal(s.lengths, []time.Duration{c.length}) {
			t.Errorf("%s: %+v, %v, shifts of %v", c.because, got, err, s.lengths)
		}
	}
}

func TestAnInstanceKeepsItsAutoscaler(t *testing.T) {
	t.Parallel()
	now := time.Date(2100, 1, 1, 12, 0, 0, 0, time.UTC)
	opened, fails := 0, false
	f := function{log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, open: func(context.Context) (worker, error) {
		opened++
		if fails {
			return nil, errBroken
		}
		return &shifts{}, nil
	}}
	invoke := func(after time.Duration) error {
		now = now.Add(after)
		_, err := f.handle(t.Context())
		return err
	}
	fails = true
	if err := invoke(0); !errors.Is(err, errBroken) {
		t.Errorf("the first one, with ECS out of order: %v", err)
	}
	fails = false
	for range 10 { // what is remembered in memory outlives an invocation
		if err := invoke(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if opened != 2 {
		t.Errorf("opened %d times in ten minutes, want once and the failure", opened)
	}
	fails = true
	if err := invoke(time.Minute); err != nil || opened != 3 {
		t.Errorf("a description that cannot be renewed ends the sizing: %v, opened %d times", err, opened)
	}
}
