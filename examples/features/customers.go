package main

import (
	"math"
	"math/rand/v2"
	"sort"

	"github.com/starburst-go/starburst/examples/internal/stats"
)

// chunkRows is the number of customers in one chunk of the data set.
const chunkRows = 10_000

// Groups that customers are put in. Each bound is the upper, inclusive end of
// its group; the last group is open.
var (
	incomeBounds = []float64{30_000, 60_000, 100_000, math.Inf(1)}
	ageBounds    = []float64{25, 40, 60, math.Inf(1)}
	incomeNames  = []string{"to 30,000", "to 60,000", "to 100,000", "above"}
	ageNames     = []string{"18 to 25", "26 to 40", "41 to 60", "61 to 80"}
)

// likelyScore is the score above which a customer is called a likely
// purchaser: the log odds of a probability of 0.6. Comparing scores with it
// saves the logistic function of each row.
var likelyScore = math.Log(0.6 / 0.4)

// Chunk is a task: make the features of one chunk of the data set and describe
// them. With real data it would hold a file's name and a range of rows.
type Chunk struct {
	Seed  uint64 `json:"seed"`
	Index uint64 `json:"index"`
}

// Customer is one row as it comes in.
type Customer struct {
	Age            int     // 18…80 years, uniform
	LogIncome      float64 // natural logarithm of the yearly income
	Purchases      int     // earlier purchases
	DaysSinceVisit float64 // days since the last purchase
}

// Features is what the chunk's features look like: sums that can be merged with
// other chunks', never rows. A kilobyte stands for 10,000 customers.
type Features struct {
	Rows       int           `json:"rows"`
	Likely     int           `json:"likely"`
	Age        stats.Moments `json:"age"`
	Engagement stats.Moments `json:"engagement"`
	// Incomes counts customers by income, for the median of all chunks together.
	Incomes incomeCounts `json:"-" msgpack:"incomes"`
	// ByIncome and ByAge have one entry per group, in the order of the bounds.
	ByIncome []IncomeGroup   `json:"by_income"`
	ByAge    []stats.Moments `json:"engagement_by_age"`
}

// IncomeGroup describes the customers of one income bracket.
type IncomeGroup struct {
	Income stats.Moments `json:"income"`
	Likely int           `json:"likely"`
}

// chunks returns the tasks of a run over n chunks.
func chunks(seed uint64, n int) []Chunk {
	tasks := make([]Chunk, n)
	for i := range tasks {
		tasks[i] = Chunk{Seed: seed, Index: uint64(i)}
	}
	return tasks
}

// process makes the features of a chunk.
func process(c Chunk) Features {
	rng := rand.New(rand.NewPCG(c.Seed, c.Index))
	f := newFeatures()
	for range chunkRows {
		customer := draw(rng)
		noise := 0.5 * rng.NormFloat64()
		f.add(customer, score(customer)+noise > likelyScore)
	}
	return f
}

// draw makes one synthetic customer.
func draw(rng *rand.Rand) Customer {
	return Customer{
		Age:            18 + rng.IntN(63),
		LogIncome:      10.5 + 0.8*rng.NormFloat64(),
		Purchases:      poisson3(rng.Float64()),
		DaysSinceVisit: 30 * rng.ExpFloat64(),
	}
}

// poisson3 turns a uniform number into a Poisson number of mean 3, by inversion.
func poisson3(u float64) int {
	k, p := 0, math.Exp(-3)
	for sum := p; u > sum && p > 0; sum += p { // p reaches 0 long after sum has reached 1
		k++
		p *= 3 / float64(k)
	}
	return k
}

// score is the log odds that the customer buys, apart from the noise.
func score(c Customer) float64 {
	return -2 + 0.01*float64(c.Age) + 1e-5*math.Exp(c.LogIncome) + 0.3*float64(c.Purchases) - 0.02*c.DaysSinceVisit
}

// engagement is the marketing department's formula.
func engagement(c Customer) float64 {
	return 10*float64(c.Purchases) + 2*max(0, 100-c.DaysSinceVisit) + 0.5*math.Exp(c.LogIncome)/1000
}

func newFeatures() Features {
	return Features{
		Incomes:  make(incomeCounts, incomeBins),
		ByIncome: make([]IncomeGroup, len(incomeBounds)),
		ByAge:    make([]stats.Moments, len(ageBounds)),
	}
}

// add takes in one customer.
func (f *Features) add(c Customer, likely bool) {
	income, engaged := math.Exp(c.LogIncome), engagement(c)
	bracket := &f.ByIncome[sort.SearchFloat64s(incomeBounds, income)]
	f.Rows++
	f.Age.Add(float64(c.Age))
	f.Engagement.Add(engaged)
	f.Incomes.add(c.LogIncome)
	f.ByAge[sort.SearchFloat64s(ageBounds, float64(c.Age))].Add(engaged)
	bracket.Income.Add(income)
	if likely {
		f.Likely++
		bracket.Likely++
	}
}

// merge takes in the customers that o describes.
func (f *Features) merge(o Features) {
	f.Rows += o.Rows
	f.Likely += o.Likely
	f.Age.Merge(o.Age)
	f.Engagement.Merge(o.Engagement)
	f.Incomes.merge(o.Incomes)
	for i := range o.ByIncome {
		f.ByIncome[i].Income.Merge(o.ByIncome[i].Income)
		f.ByIncome[i].Likely += o.ByIncome[i].Likely
	}
	for i := range o.ByAge {
		f.ByAge[i].Merge(o.ByAge[i])
	}
}
