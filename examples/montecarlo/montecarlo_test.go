package main

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/examples/internal/report"
	"github.com/starburst-go/starburst/examples/internal/stats"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write testdata/report.txt anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// simulateAll runs the documented 10,000 years in a plain loop.
func simulateAll(seed uint64) []Outcome {
	var outcomes []Outcome
	for _, p := range paths(seed, 10_000) {
		outcomes = append(outcomes, walk(p))
	}
	return outcomes
}

// The targets are population values: exact for the means, the standard
// deviation of the final value and the Sharpe ratio, from 400,000 simulations for the
// drawdown, by the lognormal limit of the final value for the rest. sigma is the
// Monte Carlo standard error at 10,000 years; a right program is outside 4σ
// once in 16,000.
func TestNumbersMatchTheory(t *testing.T) {
	t.Parallel()
	s := summarize(simulateAll(42))
	for _, c := range []struct {
		name               string
		got, target, sigma float64
	}{
		{"mean final value", s.MeanFinal.Value, 107_851.88, 351},
		{"sd of the final value", s.SDFinal, 35_108.44, 500},
		{"median final value", s.MedianFinal.Value, 102_551, 416},
		{"5 % quantile", s.LowFinal.Value, 60_827, 407},
		{"95 % quantile", s.HighFinal.Value, 172_896, 1_144},
		{"mean return", s.MeanReturn.Value, 0.07852, 0.00351},
		{"median return", s.MedianReturn.Value, 0.0255, 0.00416},
		{"mean drawdown", s.MeanDrawdown.Value, -0.29710, 0.00103},
		{"mean Sharpe ratio", s.MeanSharpe.Value, 0.2388, 0.0101},
		{"chance of a loss", s.Loss.Value, 0.4684, 0.0050},
		{"chance to gain more than 20 %", s.Gain.Value, 0.3104, 0.0046},
	} {
		if distance := math.Abs(c.got-c.target) / c.sigma; distance > 4 {
			t.Errorf("%s = %v, target %v: %.1f σ away", c.name, c.got, c.target, distance)
		}
	}
	for _, c := range []struct {
		name       string
		got, sigma float64
	}{
		{"mean final value", s.MeanFinal.SE, 351},
		{"median final value", s.MedianFinal.SE, 416},
		{"5 % quantile", s.LowFinal.SE, 407},
		{"95 % quantile", s.HighFinal.SE, 1_144},
		{"mean drawdown", s.MeanDrawdown.SE, 0.00103},
		{"mean Sharpe ratio", s.MeanSharpe.SE, 0.0101},
		{"chance of a loss", s.Loss.SE, 0.0050},
	} {
		if ratio := c.got / c.sigma; ratio < 0.75 || ratio > 1.33 {
			t.Errorf("printed standard error of the %s = %v, theory %v", c.name, c.got, c.sigma)
		}
	}
}

// Neighbouring seeds and indices must not give related years.
func TestStreamsAreIndependent(t *testing.T) {
	t.Parallel()
	a, b := simulateAll(42), simulateAll(43)
	column := func(o []Outcome) []float64 { return stats.Column(o, func(o Outcome) float64 { return o.Sharpe }) }
	x, y := column(a), column(b)
	for _, c := range []struct {
		name string
		u, v []float64
	}{
		{"a year and the next of the same seed", x[:len(x)-1], x[1:]},
		{"the same year of neighbouring seeds", x, y},
	} {
		if z := correlation(c.u, c.v) * math.Sqrt(float64(len(c.u))); math.Abs(z) > 4 {
			t.Errorf("%s: correlation %.1f σ from 0", c.name, z)
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	want := simulateAll(42)
	tasks := paths(42, len(want))
	got := make([]Outcome, len(tasks))
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(tasks)) { // as workers would: in any order
		got[i] = walk(tasks[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results depend on the order (-want +got):\n%s", diff)
	}
}

func TestDrawdownOfASingleYear(t *testing.T) {
	t.Parallel()
	for _, p := range paths(7, 200) {
		o := walk(p)
		if o.Drawdown > 0 || o.Drawdown <= -1 {
			t.Fatalf("path %d: drawdown %v outside (−1, 0]", p.Index, o.Drawdown)
		}
		if got := startValue * (1 + o.Return); math.Abs(got-o.Final) > 1e-6 {
			t.Fatalf("path %d: return %v does not belong to final value %v", p.Index, o.Return, o.Final)
		}
	}
}

// What travels must arrive as it was sent, and be small: the queue is paid by the 64 KiB.
func TestTaskAndResultOnTheWire(t *testing.T) {
	t.Parallel()
	onTheWire(t, Path{Seed: 42, Index: 9_999}, 30)
	onTheWire(t, walk(Path{Seed: 42, Index: 1}), 80)
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
	timing := report.Timing{Tasks: 10_000, Elapsed: 800 * time.Millisecond, OneCore: 30 * time.Millisecond}
	got := summarize(simulateAll(42)).text(42, timing)
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

func BenchmarkWalk(b *testing.B) {
	for i := range b.N {
		walk(Path{Seed: 42, Index: uint64(i)})
	}
}

func correlation(x, y []float64) float64 {
	mx, my, sxy := stats.Mean(x), stats.Mean(y), 0.0
	for i := range x {
		sxy += (x[i] - mx) * (y[i] - my)
	}
	return sxy / float64(len(x)-1) / stats.SD(x) / stats.SD(y)
}
