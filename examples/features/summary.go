package main

import (
	"fmt"
	"math"

	"github.com/starburst-go/starburst/examples/internal/report"
	"github.com/starburst-go/starburst/examples/internal/stats"
)

// Summary describes all customers: the merged chunks and what follows from them.
type Summary struct {
	Chunks int      `json:"chunks"`
	All    Features `json:"all"`
	// LikelyShare is the share of likely purchasers, MedianIncome the median of
	// all incomes; the SEs are their standard errors.
	LikelyShare    float64 `json:"likely_share"`
	LikelyShareSE  float64 `json:"likely_share_se"`
	MedianIncome   float64 `json:"median_income"`
	MedianIncomeSE float64 `json:"median_income_se"`
}

// summarize merges the chunks of a run, at least one, in the order given.
func summarize(parts []Features) Summary {
	all := newFeatures()
	for _, part := range parts {
		all.merge(part)
	}
	share := float64(all.Likely) / float64(all.Rows)
	return Summary{
		Chunks:         len(parts),
		All:            all,
		LikelyShare:    share,
		LikelyShareSE:  stats.ShareSE(share, all.Rows),
		MedianIncome:   all.Incomes.quantile(0.5),
		MedianIncomeSE: all.Incomes.quantileSE(0.5),
	}
}

// text lays the summary out for people.
func (s Summary) text(seed uint64, timing report.Timing) string {
	rows := float64(s.All.Rows)
	var totals report.Table
	totals.Add("", "estimate", "± 1 s.e.")
	totals.Add("likely purchasers", report.Count(s.All.Likely), report.Number(s.LikelyShareSE*rows, 0))
	totals.Add("  of all customers", report.Percent(s.LikelyShare, 2), report.Percent(s.LikelyShareSE, 2))
	totals.Add("engagement, mean", report.Number(s.All.Engagement.Mean, 2), report.Number(s.All.Engagement.MeanSE(), 2))
	totals.Add("income, median", report.Number(s.MedianIncome, 0), report.Number(s.MedianIncomeSE, 0))
	totals.Add("age, mean", report.Number(s.All.Age.Mean, 2), report.Number(s.All.Age.MeanSE(), 2))

	var byAge report.Table
	byAge.Add("age group", "customers", "engagement", "± 1 s.e.")
	for i, group := range s.All.ByAge {
		byAge.Add(ageNames[i], report.Percent(float64(group.N)/rows, 2), report.Number(group.Mean, 2), report.Number(group.MeanSE(), 2))
	}

	var byIncome report.Table
	byIncome.Add("income bracket", "customers", "mean income", "± 1 s.e.")
	likely := make([]report.Bar, len(s.All.ByIncome))
	for i, group := range s.All.ByIncome {
		byIncome.Add(incomeNames[i], report.Percent(float64(group.Income.N)/rows, 2), report.Number(group.Income.Mean, 0), report.Number(group.Income.MeanSE(), 0))
		share := float64(group.Likely) / math.Max(float64(group.Income.N), 1)
		likely[i] = report.Bar{Label: incomeNames[i], Value: share, Text: report.Percent(share, 1)}
	}

	return fmt.Sprintf(`FEATURES: %s customers in %s of %s (seed %d)
synthetic customers; each chunk returns sums, merged here

%s
%s
%s
Check: engagement does not depend on age, so the four groups should agree
within their standard errors; the exact mean of each is %s.

Likely purchasers by income bracket
%s
%s%s rows/s.
`,
		report.Count(s.All.Rows), report.Plural(s.Chunks, "chunk"), report.Count(chunkRows), seed,
		totals.String(), byIncome.String(), byAge.String(),
		report.Number(exactEngagement, 2),
		report.Bars(likely, 0),
		timing.String(), report.Number(rows/max(timing.Elapsed.Seconds(), 1e-9), 0))
}

// exactEngagement is the expectation of the engagement formula: 10·3 for the
// purchases, the mean of 100 − min(days, 100) for an exponential of mean 30, and
// the lognormal's mean.
var exactEngagement = 10*3 + 2*(100-30*(1-math.Exp(-100.0/30))) + 0.5*math.Exp(10.5+0.8*0.8/2)/1000
