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

// processAll processes the first n chunks in a plain loop.
func processAll(seed uint64, n int) []Features {
	var parts []Features
	for _, c := range chunks(seed, n) {
		parts = append(parts, process(c))
	}
	return parts
}

// Targets are population values of the distributions, sigma the standard error
// of a million rows.
func TestNumbersMatchTheory(t *testing.T) {
	t.Parallel()
	s := summarize(processAll(42, 100))
	type check struct {
		name               string
		got, target, sigma float64
	}
	checks := []check{
		{"rows", float64(s.All.Rows), 1_000_000, 0.1},
		{"likely purchasers", float64(s.All.Likely), 131_376, 338},
		{"mean engagement", s.All.Engagement.Mean, 197.146, 0.060},
		{"sd of engagement", s.All.Engagement.SD(), 60.0, 0.1},
		{"median income", s.MedianIncome, 36_315.50, 46},
		{"mean age", s.All.Age.Mean, 49, 0.018},
	}
	for i, sigma := range []float64{0.17, 0.12, 0.11, 0.11} {
		checks = append(checks, check{"engagement at age " + ageNames[i], s.All.ByAge[i].Mean, 197.146, sigma})
		share := []float64{8, 15, 20, 20}[i] / 63
		checks = append(checks, check{"share of age " + ageNames[i], float64(s.All.ByAge[i].N) / 1e6, share, stats.ShareSE(share, 1e6)})
	}
	low := 0.0
	for i, high := range incomeBounds {
		share, mean, sd := truncatedLognormal(low, high)
		checks = append(checks,
			check{"share of income " + incomeNames[i], float64(s.All.ByIncome[i].Income.N) / 1e6, share, stats.ShareSE(share, 1e6)},
			check{"mean income " + incomeNames[i], s.All.ByIncome[i].Income.Mean, mean, sd / math.Sqrt(share*1e6)})
		low = high
	}
	for _, c := range checks {
		if distance := math.Abs(c.got-c.target) / c.sigma; distance > 4 {
			t.Errorf("%s = %v, target %v: %.1f σ away", c.name, c.got, c.target, distance)
		}
	}
}

// The theory used above, against an independent simulation.
func TestTruncatedLognormal(t *testing.T) {
	t.Parallel()
	low := 0.0
	for i, want := range []struct{ share, mean float64 }{{0.4057, 18_427}, {0.3289, 42_851}, {0.1625, 76_340}, {0.1029, 156_074}} {
		share, mean, _ := truncatedLognormal(low, incomeBounds[i])
		if math.Abs(share-want.share) > 0.0005 || math.Abs(mean/want.mean-1) > 0.0003 {
			t.Errorf("bracket %s: share %.4f, mean %.0f, simulated %v", incomeNames[i], share, mean, want)
		}
		low = incomeBounds[i]
	}
}

// Merged chunks must describe all rows exactly, not nearly as a mean of means does.
func TestMergingIsExact(t *testing.T) {
	t.Parallel()
	parts := processAll(42, 3)
	parts[2] = newFeatures() // a chunk without rows changes nothing
	rng := func(i uint64) *rand.Rand { return rand.New(rand.NewPCG(42, i)) }
	whole := newFeatures()
	for i := range uint64(2) {
		r := rng(i)
		for range chunkRows {
			c := draw(r)
			whole.add(c, score(c)+0.5*r.NormFloat64() > likelyScore)
		}
	}
	got := summarize(parts).All
	if diff := cmp.Diff(whole, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(a) })); diff != "" {
		t.Errorf("merged (+got) and at once (-want) differ:\n%s", diff)
	}
	likely := 0
	for _, group := range got.ByIncome {
		likely += group.Likely
	}
	if likely != got.Likely {
		t.Errorf("%d likely purchasers in the brackets, %d in all", likely, got.Likely)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	want := processAll(42, 20)
	tasks := chunks(42, len(want))
	got := make([]Features, len(tasks))
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(tasks)) { // as workers would: in any order
		got[i] = process(tasks[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results depend on the order (-want +got):\n%s", diff)
	}
}

func TestGroupBoundsAreInclusiveAbove(t *testing.T) {
	t.Parallel()
	for age, group := range map[int]int{18: 0, 25: 0, 26: 1, 40: 1, 41: 2, 60: 2, 61: 3, 80: 3} {
		f := newFeatures()
		f.add(Customer{Age: age, LogIncome: 10}, false)
		if f.ByAge[group].N != 1 {
			t.Errorf("age %d is not in group %s", age, ageNames[group])
		}
	}
	for income, group := range map[float64]int{1: 0, 29_999: 0, 30_001: 1, 59_999: 1, 60_001: 2, 99_999: 2, 100_001: 3, 1e9: 3} {
		f := newFeatures()
		f.add(Customer{Age: 30, LogIncome: math.Log(income)}, false)
		if f.ByIncome[group].Income.N != 1 {
			t.Errorf("income %v is not in bracket %s", income, incomeNames[group])
		}
	}
}

func TestPoisson(t *testing.T) {
	t.Parallel()
	// Cumulative probabilities of a Poisson of mean 3: 0.0498, 0.1991, 0.4232, …
	for u, want := range map[float64]int{0: 0, 0.049: 0, 0.05: 1, 0.199: 1, 0.2: 2, 0.423: 2, 0.424: 3, math.Nextafter(1, 0): 21} {
		if got := poisson3(u); want == 21 && got < 15 || want != 21 && got != want {
			t.Errorf("poisson3(%v) = %d, want %d", u, got, want)
		}
	}
}

func TestIncomeQuantiles(t *testing.T) {
	t.Parallel()
	counts := make(incomeCounts, incomeBins)
	if got := counts.quantile(0.5); !math.IsNaN(got) {
		t.Errorf("the median of no incomes is %v, want NaN", got)
	}
	var incomes []float64
	rng := rand.New(rand.NewPCG(3, 3))
	for range 20_000 {
		x := 10.5 + 0.8*rng.NormFloat64()
		incomes = append(incomes, math.Exp(x))
		counts.add(x)
	}
	incomes = stats.Sorted(incomes)
	for _, p := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
		got, want, se := counts.quantile(p), stats.Quantile(incomes, p), stats.QuantileSE(incomes, p)
		if math.Abs(got-want) > se/4 {
			t.Errorf("quantile(%v) = %.0f, exactly %.0f, which is more than a quarter of the standard error %.0f away", p, got, want, se)
		}
		if ratio := counts.quantileSE(p) / se; ratio < 0.8 || ratio > 1.25 {
			t.Errorf("quantileSE(%v) is %.2f times the one from the rows", p, ratio)
		}
	}
	counts.add(-5)
	counts.add(50) // far outside: counted at the ends, no panic
	if counts[0] != 1 || counts[incomeBins-1] != 1 {
		t.Error("incomes outside the bins are not counted at the ends")
	}
}

// What travels must arrive as it was sent, and be small: the queue is paid by the 64 KiB.
func TestTaskAndResultOnTheWire(t *testing.T) {
	t.Parallel()
	onTheWire(t, Chunk{Seed: 42, Index: 99}, 30)
	onTheWire(t, process(Chunk{Seed: 42, Index: 1}), 2000)
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
	timing := report.Timing{Tasks: 100, Elapsed: 800 * time.Millisecond, OneCore: 200 * time.Millisecond}
	got := summarize(processAll(42, 100)).text(42, timing)
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

func BenchmarkProcess(b *testing.B) {
	for i := range b.N {
		process(Chunk{Seed: 42, Index: uint64(i)})
	}
	b.ReportMetric(float64(chunkRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// truncatedLognormal returns the share of incomes in (low, high], and their mean and sd.
func truncatedLognormal(low, high float64) (share, mean, sd float64) {
	const mu, sigma = 10.5, 0.8
	moment := func(k float64) float64 {
		below := func(x float64) float64 { return 0.5 * math.Erfc(-(math.Log(x)-mu-k*sigma*sigma)/sigma/math.Sqrt2) }
		return math.Exp(k*mu+k*k*sigma*sigma/2) * (below(high) - below(low))
	}
	share = moment(0)
	mean = moment(1) / share
	return share, mean, math.Sqrt(moment(2)/share - mean*mean)
}
