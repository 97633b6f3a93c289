package report

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/starburst-go/starburst/examples/internal/stats"
)

// barWidth is the length of the longest bar, in characters: with a label and a
// number it fits the 80 columns of a default terminal.
const barWidth = 44

// Bar is one line of a bar chart.
type Bar struct {
	// Label stands left of the bar, Text right of it.
	Label, Text string
	// Value is the bar's length in the chart's own unit.
	Value float64
	// Faint draws the bar lightly, to set it apart from the others.
	Faint bool
}

// Bars draws a bar chart: the longest bar is the largest value, the shortest
// possible is origin. An origin other than 0 exaggerates differences, so
// whoever uses one says so beside the chart.
func Bars(bars []Bar, origin float64) string {
	labels, longest := 0, 0.0
	for _, bar := range bars {
		labels = max(labels, utf8.RuneCountInString(bar.Label))
		longest = max(longest, bar.Value-origin)
	}
	var b strings.Builder
	for _, bar := range bars {
		length := 0.0
		if longest > 0 {
			length = max(bar.Value-origin, 0) / longest * barWidth
		}
		b.WriteString(strings.Repeat(" ", labels-utf8.RuneCountInString(bar.Label)))
		b.WriteString(bar.Label + " " + draw(length, bar.Faint) + " " + bar.Text + "\n")
	}
	return b.String()
}

// draw returns a bar of the given length, to an eighth of a character.
func draw(length float64, faint bool) string {
	if faint {
		return strings.Repeat("░", int(math.Ceil(length)))
	}
	eighths := int(math.Round(length * 8))
	if eighths == 0 && length > 0 {
		eighths = 1 // something is not nothing
	}
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return bar
}

// Histogram draws bins as bars with their bounds and counts. Bins for which
// faint (may be nil) is true are drawn lightly.
func Histogram(bins []stats.Bin, decimals int, faint func(stats.Bin) bool) string {
	bars := make([]Bar, len(bins))
	for i, bin := range bins {
		bars[i] = Bar{
			Label: bounds(bin, decimals),
			Text:  Count(bin.Count),
			Value: float64(bin.Count),
			Faint: faint != nil && faint(bin),
		}
	}
	return Bars(bars, 0)
}

func bounds(bin stats.Bin, decimals int) string {
	low, high := Number(bin.Low, decimals), Number(bin.High, decimals)
	switch openLow, openHigh := math.IsInf(bin.Low, -1), math.IsInf(bin.High, 1); {
	case openLow && openHigh:
		return "all"
	case openLow:
		return "below " + high
	case openHigh:
		return low + " and more"
	}
	return low + " to " + high
}
