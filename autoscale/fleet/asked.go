package fleet

import (
	"context"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// Controls is the part of the store that knows what people have asked for; *store.Store has it.
type Controls interface {
	Control(ctx context.Context, fleet string) (store.Control, error)
}

// askedOf is what the control item asks of the autoscaler.
func askedOf(s store.Scale) autoscale.Asked {
	return autoscale.Asked{
		Hold: s.Hold, Min: s.Min, Max: s.Max, SetMax: s.SetMax, Mode: s.Mode, Efficiency: s.Efficiency, Deadline: s.Deadline,
		Value: cost.PicoUSD(s.ValuePico), Budget: cost.PicoUSD(s.BudgetPico), By: by(s),
	}
}

// by names who asked, and why.
func by(s store.Scale) string {
	switch {
	case s.By == "" || s.Why == "":
		return s.By + s.Why
	default:
		return s.By + " (" + s.Why + ")"
	}
}
