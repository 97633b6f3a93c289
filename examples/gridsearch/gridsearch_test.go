package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
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

// search runs the whole grid in a plain loop.
func search(t *testing.T, seed uint64, rows int) ([]Fit, []Score) {
	t.Helper()
	fits, fit := grid(seed, rows), newFitter()
	scores := make([]Score, len(fits))
	for i, f := range fits {
		score, err := fit(f)
		if err != nil {
			t.Fatal(err)
		}
		scores[i] = score
	}
	return fits, scores
}

func summaryOf(t *testing.T, seed uint64) Summary {
	t.Helper()
	fits, scores := search(t, seed, 1000)
	return summarize(generate(dataKey{seed, 1000}), fits, scores)
}

// Targets are means and standard deviations over 200 fresh data sets of 1,000 rows.
func TestNumbersMatchTheory(t *testing.T) {
	t.Parallel()
	s := summaryOf(t, 42)
	checks := []struct {
		name               string
		got, target, sigma float64
	}{
		{"share of class 1", float64(s.Ones) / float64(s.Rows), 0.489, 0.016},
		{"best accuracy", s.Best.Accuracy, 0.673, 0.015},
		{"accuracy of the true rule", s.Oracle, 0.673, 0.015},
	}
	for i, target := range []float64{0.656, 0.657, 0.650, 0.671} {
		for _, c := range s.Configs[4*i : 4*i+4] {
			checks = append(checks, struct {
				name               string
				got, target, sigma float64
			}{"accuracy of " + name(c.Features) + ", λ " + lambda(c), c.Accuracy, target, 0.016})
		}
	}
	for _, c := range checks {
		if distance := math.Abs(c.got-c.target) / c.sigma; distance > 4 {
			t.Errorf("%s = %v, target %v: %.1f σ away", c.name, c.got, c.target, distance)
		}
	}
	if s.Best.Accuracy < 0.60 || s.Best.Accuracy > 0.73 {
		t.Errorf("best accuracy %v outside [0.60, 0.73]", s.Best.Accuracy)
	}
}

// Over many data sets, what a feature set is worth must come out: x3 a little,
// x4 nothing, the interaction most.
func TestFeatureSetsOverManyDataSets(t *testing.T) {
	t.Parallel()
	const seeds = 60
	accuracy := make([][]float64, len(featureSets))
	for seed := range uint64(seeds) {
		d := generate(dataKey{seed, 1000})
		for i, features := range featureSets {
			var byFold []float64
			for fold := range folds {
				score, err := Fit{Lambda: 0.01, Features: features, Fold: fold}.run(d)
				if err != nil {
					t.Fatal(err)
				}
				byFold = append(byFold, score.accuracy())
			}
			accuracy[i] = append(accuracy[i], stats.Mean(byFold))
		}
	}
	for i, target := range []float64{0.656, 0.657, 0.650} {
		// 0.016 between data sets, over √60; the target itself has 0.016/√200.
		if got, sigma := stats.Mean(accuracy[i]), 0.016*math.Sqrt(1.0/seeds+1.0/200); math.Abs(got-target) > 4*sigma {
			t.Errorf("%s: mean accuracy %.4f, target %v ± %.4f", name(featureSets[i]), got, target, sigma)
		}
	}
	gain := func(a, b int) (mean, se float64) {
		difference := make([]float64, seeds)
		for i := range difference {
			difference[i] = accuracy[a][i] - accuracy[b][i]
		}
		return stats.Mean(difference), stats.MeanSE(difference)
	}
	if mean, se := gain(0, 2); math.Abs(mean-0.006) > 4*se {
		t.Errorf("all features beat x1 x2 by %.4f ± %.4f, want about 0.006", mean, se)
	}
	if mean, se := gain(3, 1); mean < 2*se {
		t.Errorf("the interaction gains %.4f ± %.4f, want clearly more than nothing", mean, se)
	}
}

// The ceiling in the report: the mean over rows of the larger class probability.
func TestCeiling(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	const rows = 100_000
	certainty := make([]float64, rows)
	for i := range certainty {
		x := [4]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		score := trueScore(x)
		p, total := 0.0, 0.0
		for z := -4.0; z <= 4; z += 0.5 { // average over the normal noise of sd 0.5
			weight := math.Exp(-z * z / 2)
			p += weight * logistic(score+0.5*z)
			total += weight
		}
		certainty[i] = max(p/total, 1-p/total)
	}
	if got, se := stats.Mean(certainty), stats.MeanSE(certainty); math.Abs(got-ceiling) > 4*se+0.0005 {
		t.Errorf("best possible accuracy %.4f ± %.4f, the report says %v", got, se, ceiling)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	fits, want := search(t, 42, 1000)
	got := make([]Score, len(fits))
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(fits)) { // as workers would: in any order, each with its own data
		score, err := newFitter()(fits[i])
		if err != nil {
			t.Fatal(err)
		}
		got[i] = score
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results depend on the order (-want +got):\n%s", diff)
	}
}

func TestGridHasSixteenDifferentConfigurations(t *testing.T) {
	t.Parallel()
	fits := grid(42, 1000)
	seen := make(map[string]int)
	for _, f := range fits {
		features := slices.Sorted(slices.Values(f.Features))
		seen[fmt.Sprint(f.Lambda, features)]++
	}
	if len(fits) != 16*folds || len(seen) != 16 {
		t.Errorf("%d tasks, %d configurations, want 80 and 16", len(fits), len(seen))
	}
	for config, n := range seen {
		if n != folds {
			t.Errorf("configuration %s is tested on %d folds", config, n)
		}
	}
}

// With common folds, the same configuration twice must score the same: what the
// R original's duplicate set did not.
func TestFoldsAreCommon(t *testing.T) {
	t.Parallel()
	d := generate(dataKey{42, 1003})
	size := make([]int, folds)
	for _, fold := range d.Fold {
		size[fold]++
	}
	if slices.Max(size)-slices.Min(size) > 1 {
		t.Errorf("fold sizes %v differ by more than one", size)
	}
	f := Fit{Lambda: 0.1, Features: []string{"x1", "x2"}}
	a, errA := f.run(d)
	b, errB := f.run(generate(dataKey{42, 1003}))
	if diff := cmp.Diff(a, b); diff != "" || errA != nil || errB != nil {
		t.Errorf("the same fit twice: %v, %v, %s", errA, errB, diff)
	}
}

// One descent step from zero can be done by hand: each probability is ½.
func TestDescentMinimises(t *testing.T) {
	t.Parallel()
	d := generate(dataKey{42, 1000})
	loss := func(lambda float64, weights []float64) float64 {
		sum := 0.0
		for i, x := range d.X {
			p := logistic(weights[0] + weights[1]*x[0] + weights[2]*x[1])
			sum -= d.Class[i]*math.Log(p) + (1-d.Class[i])*math.Log(1-p)
		}
		return sum/float64(len(d.X)) + lambda/2*(weights[1]*weights[1]+weights[2]*weights[2])
	}
	var all design
	for i, x := range d.X {
		all.add(3, d.Class[i], func(into []float64) { into[0], into[1], into[2] = 1, x[0], x[1] })
	}
	for _, l := range lambdas {
		weights := all.descend(l, 3)
		if before, after := loss(l, []float64{0, 0, 0}), loss(l, weights); after >= before {
			t.Errorf("λ %v: the loss rises from %v to %v", l, before, after)
		}
		if l == 1 && math.Abs(weights[1]) > math.Abs(all.descend(0.001, 3)[1]) {
			t.Errorf("a strong penalty does not shrink the weights: %v", weights)
		}
	}
}

func TestUnknownFeatureIsRefusedByName(t *testing.T) {
	t.Parallel()
	_, err := newFitter()(Fit{Seed: 1, Rows: 100, Features: []string{"x1", "x9"}})
	if err == nil || !strings.Contains(err.Error(), `"x9"`) || !strings.Contains(err.Error(), "x1*x2") {
		t.Errorf("error = %v, want one that names x9 and the known features", err)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		configs []Config
		want    string
	}{
		{"the others are well behind", []Config{{}, {Behind: 0.02, SE: 0.01}}, "Of the other 1, exactly as good: 0; within one standard error: 0."},
		{"ties and near ties are counted apart", []Config{{}, {}, {Behind: 0.005, SE: 0.01}}, "Of the other 2, exactly as good: 1; within one standard error: 1."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := (Summary{Configs: c.configs}).verdict(); !strings.Contains(got, c.want) {
				t.Errorf("verdict %q lacks %q", got, c.want)
			}
		})
	}
}

// What travels must arrive as it was sent, and be small: the queue is paid by the 64 KiB.
func TestTaskAndResultOnTheWire(t *testing.T) {
	t.Parallel()
	onTheWire(t, grid(42, 1000)[79], 100)
	onTheWire(t, Score{Correct: 131, Tested: 200, Weights: []float64{0.1, 0.2, 0.3}}, 80)
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
	timing := report.Timing{Tasks: 80, Elapsed: 800 * time.Millisecond, OneCore: 150 * time.Millisecond}
	got := summaryOf(t, 42).text(42, timing)
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

func BenchmarkFit(b *testing.B) {
	d := generate(dataKey{42, 1000})
	for i := range b.N {
		if _, err := (Fit{Lambda: 0.1, Features: featureSets[i%4], Fold: i % folds}).run(d); err != nil {
			b.Fatal(err)
		}
	}
}
