package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/examples/internal/report"
	"github.com/starburst-go/starburst/examples/internal/stats"
)

// Config is one configuration with its cross-validated accuracy.
type Config struct {
	Lambda   float64  `json:"lambda"`
	Features []string `json:"features"`
	// Accuracy is the mean over the folds.
	Accuracy float64 `json:"accuracy"`
	// Behind is how much less that is than the best configuration's, SE the
	// standard error of this difference. Both were tested on the same folds, so
	// the difference is taken fold by fold and the folds' own luck cancels out.
	Behind float64 `json:"behind_best"`
	SE     float64 `json:"behind_best_se"`

	byFold []float64
}

// Summary is the outcome of the search.
type Summary struct {
	Rows int `json:"rows"`
	Ones int `json:"rows_of_class_1"`
	// Oracle is the accuracy of the rule that made the classes, without the noise:
	// no model can be expected to do better.
	Oracle float64 `json:"oracle_accuracy"`
	// Configs are in the order of the grid; Best is the first with the highest accuracy.
	Configs []Config `json:"configs"`
	Best    Config   `json:"best"`
}

// summarize gathers the scores of the grid's tasks over data set d.
func summarize(d Dataset, fits []Fit, scores []Score) Summary {
	s := Summary{Rows: len(d.Class)}
	right := 0
	for row, class := range d.Class {
		s.Ones += int(class)
		if (trueScore(d.X[row]) > 0) == (class == 1) {
			right++
		}
	}
	s.Oracle = float64(right) / float64(s.Rows)
	for i := 0; i < len(fits); i += folds {
		byFold := stats.Column(scores[i:i+folds], Score.accuracy)
		s.Configs = append(s.Configs, Config{
			Lambda: fits[i].Lambda, Features: fits[i].Features, Accuracy: stats.Mean(byFold), byFold: byFold,
		})
	}
	best := s.ranked()[0]
	for i := range s.Configs {
		c := &s.Configs[i]
		behind := make([]float64, folds)
		for fold := range behind {
			behind[fold] = best.byFold[fold] - c.byFold[fold]
		}
		c.Behind, c.SE = stats.Mean(behind), stats.MeanSE(behind)
	}
	s.Best = s.ranked()[0]
	return s
}

// ranked returns the configurations, the most accurate first, equals in the grid's order.
func (s Summary) ranked() []Config {
	ranked := slices.Clone(s.Configs)
	slices.SortStableFunc(ranked, func(a, b Config) int { return cmp.Compare(b.Accuracy, a.Accuracy) })
	return ranked
}

// text lays the summary out for people.
func (s Summary) text(seed uint64, timing report.Timing) string {
	var top report.Table
	top.Add("features", "λ", "accuracy", "behind the best", "± 1 s.e.")
	ranked := s.ranked()
	for _, c := range ranked[:5] {
		top.Add(name(c.Features), lambda(c), report.Percent(c.Accuracy, 2), report.Percent(c.Behind, 2), report.Percent(c.SE, 2))
	}

	guessing := float64(max(s.Ones, s.Rows-s.Ones)) / float64(s.Rows)
	bars := make([]report.Bar, len(s.Configs))
	for i, c := range s.Configs {
		bars[i] = report.Bar{Label: name(c.Features) + ", λ " + lambda(c), Value: c.Accuracy, Text: report.Percent(c.Accuracy, 2), Faint: c.Behind > 0}
	}

	return fmt.Sprintf(`GRID SEARCH: %d configurations × %d folds = %d fits (seed %d)
logistic regression, %d steps of %g, on %s rows; classes 0 and 1: %s and %s

Best: %s with λ = %s, right in %s of the tests.

%s
%s

Check: always guessing the larger class is right in %s of the rows; the rule
that made the classes, short of their noise, in %s (over all such data, %s).

Accuracy of each configuration, bars from %s up (full: the best)
%s
%s`,
		len(s.Configs), folds, timing.Tasks, seed,
		steps, stepSize, report.Count(s.Rows), report.Count(s.Rows-s.Ones), report.Count(s.Ones),
		name(s.Best.Features), lambda(s.Best), report.Percent(s.Best.Accuracy, 2),
		top.String(), s.verdict(),
		report.Percent(guessing, 1), report.Percent(s.Oracle, 1), report.Percent(ceiling, 1),
		report.Percent(barOrigin, 0), report.Bars(bars, barOrigin),
		timing.String())
}

const (
	// barOrigin is where the bars start: between guessing and the best, or 16
	// accuracies around 65 % would look the same.
	barOrigin = 0.5
	// ceiling is the accuracy of the best possible rule, the sign of the true
	// score, over all data sets (TestCeiling computes it).
	ceiling = 0.673
)

// verdict says how much the ranking is worth.
func (s Summary) verdict() string {
	same, near := -1, 0 // the best is as good as itself
	for _, c := range s.Configs {
		switch {
		case c.Behind == 0:
			same++
		case c.Behind <= c.SE:
			near++
		}
	}
	return fmt.Sprintf("Of the other %d, exactly as good: %d; within one standard error: %d.\n"+
		"All were tested on the same folds, so none owes its rank to luckier ones.", len(s.Configs)-1, same, near)
}

func name(features []string) string { return strings.Join(features, " ") }

func lambda(c Config) string { return strconv.FormatFloat(c.Lambda, 'g', -1, 64) }
