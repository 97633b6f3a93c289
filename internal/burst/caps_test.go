package burst

import (
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
)

func TestARefusalNamesTheCheapestPlanThatFits(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	f := bill.Forecast{
		Shape: cost.JobShape{Tasks: 100, Messages: 100, ArgBytes: 1000, TaskTime: bill.Around(time.Hour)},
		Fleet: cost.Fleet{Max: 10, Slots: 1, Provider: cost.Fargate, Platform: cost.X86},
	}
	if f.Estimate, err = cost.EstimateJob(book, f.Shape, f.Fleet); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stack stack.Stack
		limit cost.PicoUSD
		says  string
	}{
		"on AWS, ARM on Spot fits":     {stack.Stack{}, 2 * cost.USD, "cheapest plan that fits: arm on FARGATE_SPOT"},
		"nothing fits ten cents":       {stack.Stack{}, cost.USD / 10, "no plan fits"},
		"a laptop has neither of them": {stack.Stack{Endpoint: "http://127.0.0.1:1"}, 2 * cost.USD, "no plan fits"},
	} {
		err := (&Session{stack: c.stack}).refuse(f, c.limit, "too dear")
		if exit.CodeOf(err) != exit.Refused || !strings.Contains(exit.HintOf(err), c.says) {
			t.Errorf("%s: %v (%s)", name, err, exit.HintOf(err))
		}
	}
	s := &Session{}
	for _, a := range s.alternatives(f.Fleet) {
		if a.Max > f.Fleet.Max {
			t.Errorf("a plan of %d workers where %d were wanted", a.Max, f.Fleet.Max)
		}
	}
}

func TestCapsAreAmountsAboveZero(t *testing.T) {
	for text, want := range map[string]cost.PicoUSD{"5": 5 * cost.USD, "$2.50": 2*cost.USD + cost.USD/2} {
		if got, err := ParseCap("x", text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "much"} {
		if _, err := ParseCap("x", text); exit.CodeOf(err) != exit.Usage {
			t.Errorf("%q: %v", text, err)
		}
	}
	t.Setenv(EnvMaxCostPerDay, "50")
	t.Setenv(EnvMaxCostPerHour, "x")
	if _, err := fleetCaps(); exit.CodeOf(err) != exit.Usage || !strings.Contains(err.Error(), EnvMaxCostPerHour) {
		t.Errorf("a stack's cap that is no amount: %v", err)
	}
	t.Setenv(EnvMaxCostPerHour, "")
	if c, err := fleetCaps(); err != nil || c.PerDay != 50*cost.USD || c.PerHour != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
