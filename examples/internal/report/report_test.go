package report_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/examples/internal/report"
	"github.com/starburst-go/starburst/examples/internal/stats"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		x        float64
		decimals int
		want     string
	}{
		{"commas stand between thousands", 1234567.891, 2, "1,234,567.89"},
		{"three digits have none", 999, 0, "999"},
		{"rounding may add a digit", 999.6, 0, "1,000"},
		{"a minus sign stands before the first digit", -1234.5, 1, "-1,234.5"},
		{"what rounds to zero has no sign", -0.004, 2, "0.00"},
		{"NaN is shown as such, not hidden", math.NaN(), 2, "NaN"},
		{"infinity too", math.Inf(-1), 2, "-Inf"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := report.Number(c.x, c.decimals); got != c.want {
				t.Errorf("Number(%v, %d) = %q, want %q", c.x, c.decimals, got, c.want)
			}
		})
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		300 * time.Microsecond:  "1 ms", // never "0 ms"
		38 * time.Millisecond:   "38 ms",
		1420 * time.Millisecond: "1.42 s",
		2 * time.Hour:           "7,200.00 s",
	} {
		if got := report.Seconds(d); got != want {
			t.Errorf("Seconds(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 tasks", 1: "1 task", 10_000: "10,000 tasks"} {
		if got := report.Plural(n, "task"); got != want {
			t.Errorf("Plural(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		bars   []report.Bar
		origin float64
		want   string
	}{
		{"a small value keeps a visible bar", []report.Bar{{Value: 1000}, {Value: 0.1}}, 0, " " + strings.Repeat("█", 44) + " \n ▏ \n"},
		{"zero has no bar", []report.Bar{{Value: 1}, {Value: 0}}, 0, " " + strings.Repeat("█", 44) + " \n  \n"},
		{"bars start at the origin", []report.Bar{{Value: 0.7}, {Value: 0.6}}, 0.5, " " + strings.Repeat("█", 44) + " \n " + strings.Repeat("█", 22) + " \n"},
		{"a value below the origin has no bar", []report.Bar{{Value: 0.4, Text: "x"}}, 0.5, "  x\n"},
		{"no bars, no text", nil, 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, report.Bars(c.bars, c.origin)); diff != "" {
				t.Errorf("Bars (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistogramNamesBoundsAndDrawsFaintly(t *testing.T) {
	t.Parallel()
	bins := []stats.Bin{{Low: math.Inf(-1), High: -1, Count: 11}, {Low: -1, High: 0, Count: 44}, {Low: 0, High: math.Inf(1), Count: 22}}
	want := "   below -1 ░░░░░░░░░░░ 11\n" +
		"    -1 to 0 " + strings.Repeat("█", 44) + " 44\n" +
		"0 and more " + strings.Repeat("█", 22) + " 22\n"
	want = strings.Replace(want, "   below", "  below", 1)
	want = strings.Replace(want, "    -1", "   -1", 1)
	got := report.Histogram(bins, 0, func(b stats.Bin) bool { return b.High <= -1 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Histogram (-want +got):\n%s", diff)
	}
}

func TestTimingNeverClaimsAGainThatIsNone(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		timing report.Timing
		want   string
	}{
		{"a gain is stated as a factor over one core", report.Timing{Tasks: 100, Elapsed: 2 * time.Second, OneCore: 30 * time.Second}, "15.0 times faster"},
		{"a loss is stated too", report.Timing{Tasks: 100, Elapsed: 2 * time.Second, OneCore: 30 * time.Millisecond}, "the loop wins"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.timing.String(); !strings.Contains(got, c.want) {
				t.Errorf("%q does not contain %q", got, c.want)
			}
		})
	}
}

func TestOneCoreIsAnEstimateForAllTasks(t *testing.T) {
	t.Parallel()
	// Each task takes at least 1 ms, so 1,000 take at least 1 s, of which OneCore may run only a part.
	ran := 0
	got := report.OneCore(1000, func(int) {
		ran++
		for start := time.Now(); time.Since(start) < time.Millisecond; {
		}
	})
	if got < time.Second || ran > 100 {
		t.Errorf("OneCore = %v after running %d tasks, want at least 1 s from few", got, ran)
	}
}
