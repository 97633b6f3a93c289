package main

import (
	"math"
	"math/rand/v2"

	"github.com/starburst-go/starburst/examples/internal/stats"
)

// The market: daily returns are independent and normal, over one trading year.
const (
	startValue  = 100_000
	tradingDays = 252
	dailyMean   = 0.0003
	dailySD     = 0.02
)

// Path is a task: simulate one year. It says which stream of random numbers to
// use and nothing else, so it costs a few bytes on the queue, and its outcome
// does not depend on which worker runs it, when, or beside which other tasks.
type Path struct {
	Seed  uint64 `json:"seed"`
	Index uint64 `json:"index"`
}

// Outcome is a task's result: how the year went.
type Outcome struct {
	// Final is the portfolio's value at the end, in the currency of startValue.
	Final float64 `json:"final"`
	// Return is the year's total return, 0.05 for 5 %.
	Return float64 `json:"return"`
	// Drawdown is the deepest fall below an earlier day's value, −0.3 for 30 %.
	// The first day's close is the first such value.
	Drawdown float64 `json:"drawdown"`
	// Sharpe is the annualised mean of the daily returns over their standard
	// deviation, without a risk-free rate.
	Sharpe float64 `json:"sharpe"`
}

// paths returns the tasks of a run of n years.
func paths(seed uint64, n int) []Path {
	tasks := make([]Path, n)
	for i := range tasks {
		tasks[i] = Path{Seed: seed, Index: uint64(i)}
	}
	return tasks
}

// walk simulates the year of one path.
func walk(p Path) Outcome {
	rng := rand.New(rand.NewPCG(p.Seed, p.Index))
	var returns [tradingDays]float64
	value, peak, drawdown := float64(startValue), 0.0, 0.0
	for day := range returns {
		returns[day] = dailyMean + dailySD*rng.NormFloat64()
		value *= 1 + returns[day]
		peak = max(peak, value)
		drawdown = min(drawdown, value/peak-1)
	}
	return Outcome{
		Final:    value,
		Return:   value/startValue - 1,
		Drawdown: drawdown,
		Sharpe:   stats.Mean(returns[:]) / stats.SD(returns[:]) * math.Sqrt(tradingDays),
	}
}
