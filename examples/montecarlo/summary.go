package main

import (
	"fmt"
	"math"

	"github.com/starburst-go/starburst/examples/internal/report"
	"github.com/starburst-go/starburst/examples/internal/stats"
)

// Estimate is a number with its standard error: how far it would typically
// move if the run were repeated with another seed.
type Estimate struct {
	Value float64 `json:"value"`
	SE    float64 `json:"se"`
}

// Summary is what 10,000 outcomes say about the portfolio.
type Summary struct {
	Years        int      `json:"years"`
	MeanFinal    Estimate `json:"mean_final"`
	MedianFinal  Estimate `json:"median_final"`
	LowFinal     Estimate `json:"final_5_percent"`
	HighFinal    Estimate `json:"final_95_percent"`
	SDFinal      float64  `json:"sd_final"`
	MeanReturn   Estimate `json:"mean_return"`
	MedianReturn Estimate `json:"median_return"`
	MeanDrawdown Estimate `json:"mean_drawdown"`
	MeanSharpe   Estimate `json:"mean_sharpe"`
	Loss         Estimate `json:"chance_of_loss"`
	Gain         Estimate `json:"chance_of_gain_over_20_percent"`

	finals []float64 // ascending, for the histogram
}

// exactMeanFinal is what the mean final value tends to: returns are
// independent, so the expectation of the product is the product of the expectations.
var exactMeanFinal = startValue * math.Pow(1+dailyMean, tradingDays)

// summarize reduces the outcomes of a run, at least two.
func summarize(outcomes []Outcome) Summary {
	finals := stats.Sorted(stats.Column(outcomes, func(o Outcome) float64 { return o.Final }))
	returns := stats.Sorted(stats.Column(outcomes, func(o Outcome) float64 { return o.Return }))
	quantile := func(sorted []float64, p float64) Estimate {
		return Estimate{stats.Quantile(sorted, p), stats.QuantileSE(sorted, p)}
	}
	mean := func(x []float64) Estimate { return Estimate{stats.Mean(x), stats.MeanSE(x)} }
	share := func(holds func(final float64) bool) Estimate {
		p := stats.Share(finals, holds)
		return Estimate{p, stats.ShareSE(p, len(finals))}
	}
	return Summary{
		Years:        len(outcomes),
		MeanFinal:    mean(finals),
		MedianFinal:  quantile(finals, 0.50),
		LowFinal:     quantile(finals, 0.05),
		HighFinal:    quantile(finals, 0.95),
		SDFinal:      stats.SD(finals),
		MeanReturn:   mean(returns),
		MedianReturn: quantile(returns, 0.50),
		MeanDrawdown: mean(stats.Column(outcomes, func(o Outcome) float64 { return o.Drawdown })),
		MeanSharpe:   mean(stats.Column(outcomes, func(o Outcome) float64 { return o.Sharpe })),
		Loss:         share(func(final float64) bool { return final < startValue }),
		Gain:         share(func(final float64) bool { return final > 1.2*startValue }),
		finals:       finals,
	}
}

// text lays the summary out for people.
func (s Summary) text(seed uint64, timing report.Timing) string {
	var table report.Table
	money := func(name string, e Estimate) { table.Add(name, report.Number(e.Value, 0), report.Number(e.SE, 0)) }
	percent := func(name string, e Estimate) { table.Add(name, report.Percent(e.Value, 2), report.Percent(e.SE, 2)) }
	table.Add("", "estimate", "± 1 s.e.")
	money("final value, mean", s.MeanFinal)
	money("final value, median", s.MedianFinal)
	money("final value, 5 % of years below", s.LowFinal)
	money("final value, 5 % of years above", s.HighFinal)
	percent("return, mean", s.MeanReturn)
	percent("return, median", s.MedianReturn)
	percent("deepest fall from a peak, mean", s.MeanDrawdown)
	table.Add("Sharpe ratio, mean", report.Number(s.MeanSharpe.Value, 4), report.Number(s.MeanSharpe.SE, 4))
	percent("chance of a loss", s.Loss)
	percent("chance to gain more than 20 %", s.Gain)

	return fmt.Sprintf(`MONTE CARLO: one year of a portfolio, %s times (seed %d)
%s invested; daily returns normal, mean %s, sd %s, %d days

%s
Check: the exact mean is %s · %g^%d = %s;
this run's mean is %.1f standard errors away (below 3 in 997 of 1,000 runs).

Final values (light: years that lost money)
%s
%s`,
		report.Count(s.Years), seed,
		report.Count(startValue), report.Percent(dailyMean, 2), report.Percent(dailySD, 0), tradingDays,
		table.String(),
		report.Count(startValue), 1+dailyMean, tradingDays, report.Number(exactMeanFinal, 0),
		math.Abs(s.MeanFinal.Value-exactMeanFinal)/s.MeanFinal.SE,
		report.Histogram(stats.Histogram(s.finals, 16), 0, func(b stats.Bin) bool { return b.High <= startValue }),
		timing.String())
}
