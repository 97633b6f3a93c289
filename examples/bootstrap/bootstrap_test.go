package main

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/examples/internal/report"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write testdata/report.txt anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drawAll draws n resamples in a plain loop.
func drawAll(seed uint64, n int) (Experiment, []Effect) {
	e := generate(seed)
	var effects []Effect
	for _, r := range resamples(seed, n) {
		effects = append(effects, r.draw(e))
	}
	return e, effects
}

// Two kinds of targets: what the data should be (population, 4σ of the sampling
// distribution) and what the bootstrap should say about these data (theory given the data).
func TestNumbersMatchTheory(t *testing.T) {
	t.Parallel()
	s := summarize(drawAll(42, 10_000))
	for _, c := range []struct {
		name               string
		got, target, sigma float64
	}{
		{"control mean", s.Control.Mean, 50, 10 / math.Sqrt(100)},
		{"control sd", s.Control.SD, 10, 10 / math.Sqrt(2*100)},
		{"treatment mean", s.Treatment.Mean, 55, 12 / math.Sqrt(120)},
		{"treatment sd", s.Treatment.SD, 12, 12 / math.Sqrt(2*120)},
		{"observed difference", s.Difference.Observed, 5, 1.4832},
		{"width of the interval", s.Difference.High - s.Difference.Low, 5.75, 0.34},
		{"Cohen's d", s.D.Observed, 0.4527, 0.14},
		{"bootstrap mean", s.Mean, s.Difference.Observed, s.TheorySE / math.Sqrt(10_000)},
		{"bootstrap standard error", s.SE, s.TheorySE, 0.0125 * s.TheorySE}, // a 4σ band of 5 %
		{"lower end of the interval", s.Difference.Low, s.Difference.Observed - 1.96*s.TheorySE, 0.05},
		{"upper end of the interval", s.Difference.High, s.Difference.Observed + 1.96*s.TheorySE, 0.05},
		{"share of resamples without effect", s.NotPositive, 0.5 * math.Erfc(s.Difference.Observed/s.TheorySE/math.Sqrt2), 0.002},
	} {
		if distance := math.Abs(c.got-c.target) / c.sigma; distance > 4 {
			t.Errorf("%s = %v, target %v: %.1f σ away", c.name, c.got, c.target, distance)
		}
	}
}

// Cohen's d and its interval must be the same statistic: the interval holds the
// point, and is centred near it.
func TestCohensDHasItsOwnInterval(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		s := summarize(drawAll(seed, 1_000))
		middle, half := (s.D.Low+s.D.High)/2, (s.D.High-s.D.Low)/2
		if math.Abs(s.D.Observed-middle) > half/4 {
			t.Errorf("seed %d: d = %v is far from the middle of [%v, %v]", seed, s.D.Observed, s.D.Low, s.D.High)
		}
		if sameSign := (s.D.Low > 0) == (s.Difference.Low > 0); !sameSign && math.Abs(s.Difference.Low) > 0.1 {
			t.Errorf("seed %d: the intervals of d and of the difference disagree about 0", seed)
		}
	}
}

// A 95 % interval must hold the truth in about 95 % of experiments (93.7 % for
// this method and size over 300 data sets).
func TestIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	const experiments = 300
	held := 0
	for seed := range uint64(experiments) {
		if s := summarize(drawAll(1000+seed, 1_000)); s.Difference.Low <= 5 && 5 <= s.Difference.High {
			held++
		}
	}
	if share := float64(held) / experiments; share < 0.90 || share > 0.99 {
		t.Errorf("%.1f %% of the intervals hold the true difference", 100*share)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	_, want := drawAll(42, 10_000)
	tasks := resamples(42, len(want))
	got := make([]Effect, len(tasks))
	resample := newResampler()
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(tasks)) { // as workers would: in any order
		got[i] = resample(tasks[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results depend on the order (-want +got):\n%s", diff)
	}
}

// A worker that serves two jobs in turn must not mix up their data.
func TestOneWorkerServesTwoSeeds(t *testing.T) {
	t.Parallel()
	resample := newResampler()
	for i := range uint64(20) {
		for _, seed := range []uint64{1, 2} {
			r := Resample{Seed: seed, Index: i}
			if diff := cmp.Diff(r.draw(generate(seed)), resample(r)); diff != "" {
				t.Errorf("seed %d, resample %d (-want +got):\n%s", seed, i, diff)
			}
		}
	}
}

func TestPValue(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		notPositive float64
		n           int
		want        float64
	}{
		{"no resample at or below zero is small, not zero", 0, 999, 0.002},
		{"all of them is as strong, in the other direction", 1, 999, 0.002},
		{"a tail counts twice", 0.01, 9_999, 2 * (99.99 + 1) / 10_000},
		{"one half is no evidence, and p is at most 1", 0.5, 999, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := pValue(c.notPositive, c.n); math.Abs(got-c.want) > 1e-12 {
				t.Errorf("pValue(%v, %d) = %v, want %v", c.notPositive, c.n, got, c.want)
			}
		})
	}
}

func TestVerdictFollowsTheInterval(t *testing.T) {
	t.Parallel()
	cases := []struct {
		low, high float64
		want      string
	}{{1, 3, "raises"}, {-3, -1, "lowers"}, {-1, 1, "do not show"}, {0, 1, "do not show"}}
	for _, c := range cases {
		if got := (Summary{Difference: Interval{Low: c.low, High: c.high}}).verdict(); !strings.Contains(got, c.want) {
			t.Errorf("interval [%v, %v]: %q, want %q in it", c.low, c.high, got, c.want)
		}
	}
}

// What travels must arrive as it was sent, and be small: the queue is paid by the 64 KiB.
func TestTaskAndResultOnTheWire(t *testing.T) {
	t.Parallel()
	onTheWire(t, Resample{Seed: 42, Index: 9_999}, 30)
	onTheWire(t, Resample{Seed: 42, Index: 1}.draw(generate(42)), 40)
}

func onTheWire[T any](t *testing.T, sent T, maxBytes int) {
	t.Helper()
	raw, err := codec.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var arrived T
	if err := codec.Unmarshal(raw, &arrived); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, arrived); diff != "" {
		t.Errorf("%T changes on the way (-sent +arrived):\n%s", sent, diff)
	}
	if len(raw) > maxBytes {
		t.Errorf("%T takes %d bytes, want at most %d", sent, len(raw), maxBytes)
	}
}

// testdata/report.txt is the documented report; `go test -update` writes it anew.
func TestReport(t *testing.T) {
	t.Parallel()
	timing := report.Timing{Tasks: 10_000, Elapsed: 800 * time.Millisecond, OneCore: 25 * time.Millisecond}
	got := summarize(drawAll(42, 10_000)).text(42, timing)
	if *update {
		if err := os.WriteFile("testdata/report.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/report.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func BenchmarkDraw(b *testing.B) {
	e := generate(42)
	for i := range b.N {
		Resample{Seed: 42, Index: uint64(i)}.draw(e)
	}
}
