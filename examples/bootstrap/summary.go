package main

import (
	"fmt"
	"math"

	"github.com/starburst-go/starburst/examples/internal/report"
	"github.com/starburst-go/starburst/examples/internal/stats"
)

// Group describes the observed outcomes of one group.
type Group struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// Interval is an estimate from the data with its 95 % bootstrap interval:
// the 2.5 % and 97.5 % quantiles of the same statistic over the resamples.
type Interval struct {
	Observed float64 `json:"observed"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}

// Summary is what the resamples say about the experiment.
type Summary struct {
	Resamples int   `json:"resamples"`
	Control   Group `json:"control"`
	Treatment Group `json:"treatment"`
	// Difference and D have intervals of their own definition. (The R original
	// printed d over the standard deviation of all outcomes beside the interval
	// of d over the pooled one; a report with both can contradict itself.)
	Difference Interval `json:"difference"`
	D          Interval `json:"cohens_d"`
	// Mean and SE are the mean and the standard deviation of the resampled
	// differences; SE estimates the standard error of the observed difference.
	Mean float64 `json:"bootstrap_mean"`
	SE   float64 `json:"bootstrap_se"`
	// TheorySE is √(s²/n + s²/n) of the two groups: what SE tends to.
	TheorySE float64 `json:"theory_se"`
	// NotPositive is the share of resamples with no or a negative effect.
	NotPositive float64 `json:"share_not_positive"`
	// P is the two-sided p-value: twice the smaller tail beyond zero.
	P float64 `json:"p_two_sided"`

	differences []float64 // ascending, for the histogram
}

// summarize reduces the effects of a run, at least two, over experiment e.
func summarize(e Experiment, effects []Effect) Summary {
	control, treatment := e[:controls], e[controls:]
	observed := effect(control, treatment)
	differences := stats.Sorted(stats.Column(effects, func(e Effect) float64 { return e.Difference }))
	interval := func(observed float64, sorted []float64) Interval {
		return Interval{observed, stats.Quantile(sorted, 0.025), stats.Quantile(sorted, 0.975)}
	}
	group := func(x []float64) Group { return Group{len(x), stats.Mean(x), stats.SD(x)} }
	s := Summary{
		Resamples:   len(effects),
		Control:     group(control),
		Treatment:   group(treatment),
		Difference:  interval(observed.Difference, differences),
		D:           interval(observed.D, stats.Sorted(stats.Column(effects, func(e Effect) float64 { return e.D }))),
		Mean:        stats.Mean(differences),
		SE:          stats.SD(differences),
		NotPositive: stats.Share(differences, func(d float64) bool { return d <= 0 }),
		differences: differences,
	}
	s.TheorySE = math.Hypot(s.Control.SD/math.Sqrt(float64(s.Control.N)), s.Treatment.SD/math.Sqrt(float64(s.Treatment.N)))
	s.P = pValue(s.NotPositive, len(effects))
	return s
}

// pValue turns the share of resamples at or below zero into a two-sided
// p-value. One is added to the count and to the number, since a p-value of
// exactly 0 cannot come from finitely many resamples (Davison and Hinkley 1997, §4.2).
func pValue(notPositive float64, n int) float64 {
	tail := min(notPositive, 1-notPositive)
	return min(1, 2*(tail*float64(n)+1)/float64(n+1))
}

// text lays the summary out for people.
func (s Summary) text(seed uint64, timing report.Timing) string {
	var groups, effects report.Table
	groups.Add("", "n", "mean", "sd")
	for _, g := range []struct {
		name string
		Group
	}{{"control", s.Control}, {"treatment", s.Treatment}} {
		groups.Add(g.name, report.Count(g.N), report.Number(g.Mean, 2), report.Number(g.SD, 2))
	}
	effects.Add("", "observed", "95 % interval")
	for _, i := range []struct {
		name string
		Interval
	}{{"difference of means", s.Difference}, {"Cohen's d", s.D}} {
		effects.Add(i.name, report.Number(i.Observed, 3), report.Number(i.Low, 3)+" to "+report.Number(i.High, 3))
	}
	theoryLow, theoryHigh := s.Difference.Observed-1.96*s.TheorySE, s.Difference.Observed+1.96*s.TheorySE
	return fmt.Sprintf(`BOOTSTRAP: does the treatment work? (%s resamples, seed %d)
synthetic data with a true difference of %d, resampled from both groups pooled

%s
%s
%s
Standard error of the difference: %s; two-sided p: %s
(%s of the resamples show no effect or a harmful one).

Check: normal theory gives a standard error of %s and an interval of
%s to %s, for differences of two means a good approximation.

Differences over the resamples (light: outside the 95 %% interval)
%s
%s`,
		report.Count(s.Resamples), seed, treatedMean-controlMean,
		groups.String(), effects.String(), s.verdict(),
		report.Number(s.SE, 4), report.Number(s.P, 4), report.Percent(s.NotPositive, 2),
		report.Number(s.TheorySE, 4), report.Number(theoryLow, 3), report.Number(theoryHigh, 3),
		report.Histogram(stats.Histogram(s.differences, 16), 1, func(b stats.Bin) bool {
			return b.High <= s.Difference.Low || b.Low >= s.Difference.High
		}),
		timing.String())
}

// verdict says in words what the interval means; it follows the interval, so
// that the sentence and the numbers cannot disagree.
func (s Summary) verdict() string {
	switch {
	case s.Difference.Low > 0:
		return "The interval lies above 0: the treatment raises the outcome."
	case s.Difference.High < 0:
		return "The interval lies below 0: the treatment lowers the outcome."
	}
	return "The interval includes 0: these data do not show an effect."
}
