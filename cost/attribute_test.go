package cost_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

func TestAttribute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because string
		bill    cost.PicoUSD
		work    cost.Work
		want    []cost.Share
	}{
		{"100 s billed, A caused the launch and did two thirds of the work", 1_371_400_000,
			cost.Work{Slots: 1, BilledMS: 100_000, StartupMS: 25_000,
				Busy: map[string]int64{"A": 30_000, "B": 15_000}, Triggers: map[string]int64{"A": 1}},
			[]cost.Share{
				{Job: "A", Direct: 411_420_000, Startup: 342_850_000, Idle: 274_280_000},
				{Job: "B", Direct: 205_710_000, Idle: 137_140_000},
			}},
		{"a life of 41 s is billed 60 s on two slots; odd milliseconds leave remainders", 822_840_000,
			cost.Work{Slots: 2, BilledMS: 60_000, StartupMS: 25_000,
				Busy: map[string]int64{"A": 20_001, "B": 9_999}, Triggers: map[string]int64{"A": 2, "B": 1}},
			[]cost.Share{
				{Job: "A", Direct: 137_146_857, Startup: 228_566_667, Idle: 182_862_476},
				{Job: "B", Direct: 68_563_143, Startup: 114_283_333, Idle: 91_417_524},
			}},
		{"a worker that A caused and that found no work", 822_840_000,
			cost.Work{Slots: 1, BilledMS: 60_000, StartupMS: 25_000, Triggers: map[string]int64{"A": 1}},
			[]cost.Share{
				{Job: "A", Startup: 342_850_000},
				{Job: cost.Idle, Idle: 479_990_000},
			}},
		{"nobody knows who caused it: start-up follows the work", 1_000,
			cost.Work{Slots: 1, BilledMS: 10, StartupMS: 5, Busy: map[string]int64{"A": 5}},
			[]cost.Share{{Job: "A", Direct: 500, Startup: 500}}},
		{"nobody caused it and nobody used it", 1_000,
			cost.Work{Slots: 1, BilledMS: 10, StartupMS: 5},
			[]cost.Share{{Job: cost.Idle, Startup: 500, Idle: 500}}},
		{"clocks differ: more busy time than was billed leaves nothing idle", 900,
			cost.Work{Slots: 1, BilledMS: 10, StartupMS: 10, Busy: map[string]int64{"A": 20}},
			[]cost.Share{{Job: "A", Direct: 600, Startup: 300}}},
		{"a bill for no time at all is still somebody's", 7, cost.Work{},
			[]cost.Share{{Job: cost.Idle, Idle: 7}}},
		{"equal remainders: the first by name gets the odd pico-dollar", 3,
			cost.Work{Slots: 1, BilledMS: 2, Busy: map[string]int64{"B": 1, "A": 1}},
			[]cost.Share{{Job: "A", Direct: 2}, {Job: "B", Direct: 1}}},
		{"negative and zero times are no work", 10,
			cost.Work{Slots: 1, BilledMS: 2, Busy: map[string]int64{"A": -5, "B": 0, "C": 2}},
			[]cost.Share{{Job: "C", Direct: 10}}},
	} {
		if diff := cmp.Diff(c.want, cost.Attribute(c.bill, c.work)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

func TestAttributionConservesTheBill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bill := cost.PicoUSD(rapid.Int64Range(0, 1<<62).Draw(t, "bill"))
		w := cost.Work{
			Slots:     rapid.OneOf(rapid.IntRange(0, 64), rapid.Just(math.MaxInt32)).Draw(t, "slots"),
			BilledMS:  rapid.OneOf(rapid.Int64Range(-1, 1<<40), rapid.Just(int64(math.MaxInt64))).Draw(t, "billed"),
			StartupMS: rapid.OneOf(rapid.Int64Range(-10, 1<<41), rapid.Just(int64(math.MaxInt64))).Draw(t, "startup"),
			Busy:      drawWeights(t, "busy"),
			Triggers:  drawWeights(t, "triggers"),
		}
		var sum cost.PicoUSD
		for _, s := range cost.Attribute(bill, w) {
			if s.Direct < 0 || s.Startup < 0 || s.Idle < 0 {
				t.Fatalf("negative part: %+v", s)
			}
			sum += s.Total()
		}
		if sum != bill {
			t.Fatalf("shares add up to %d, bill is %d", sum, bill)
		}
	})
}

func drawWeights(t *rapid.T, label string) map[string]int64 {
	m := map[string]int64{}
	for i := range rapid.IntRange(0, 6).Draw(t, label+" jobs") {
		m[fmt.Sprint("job", i)] = rapid.OneOf(
			rapid.Int64Range(-1, 100_000), rapid.Just(int64(1<<62)),
		).Draw(t, label)
	}
	return m
}
