package autoscale

import (
	"fmt"
	"math"
	"time"
)

// longestBelieved is a year: no task and no start-up takes longer.
const longestBelieved = 366 * 24 * time.Hour

// absurd says what of the evidence cannot be, or "".
func (e *Evidence) absurd() string {
	for b := range e.Done {
		if n := e.Done[b]; n < 0 || n > maxBelievedCount {
			return fmt.Sprintf("%d completed tasks cannot be", n)
		}
		if n := e.Ages[b]; n < 0 || n > maxBelievedCount {
			return fmt.Sprintf("%d running tasks cannot be", n)
		}
	}
	for _, n := range [...]struct {
		what  string
		value int
	}{
		{"busy slots", e.BusySlots}, {"idle workers", e.IdlePaid}, {"starts", e.Starts}, {"recent starts", e.RecentStarts},
		{"failed starts", e.FailedStarts}, {"workers of quota left", e.Quota.Left}, {"free addresses", e.Addresses.Left},
		{"provisioning workers", e.Provisioning},
	} {
		if n.value < 0 || n.value > maxBelievedCount {
			return fmt.Sprintf("%d %s cannot be", n.value, n.what)
		}
	}
	for _, d := range [...]struct {
		what  string
		value time.Duration
	}{{"start-up", e.StartUp}, {"billed start-up", e.Billed}, {"prior mean", e.Prior.Mean}} {
		if d.value < 0 || d.value > longestBelieved {
			return fmt.Sprintf("a %s of %s cannot be", d.what, d.value)
		}
	}
	for _, x := range [...]struct {
		what  string
		value float64
	}{{"prior deviation", e.Prior.CV}, {"prior weight", e.Prior.Weight}, {"interruption rate", e.Interruptions}} {
		if math.IsNaN(x.value) || x.value < 0 || x.value > 1e9 {
			return fmt.Sprintf("a %s of %v cannot be", x.what, x.value)
		}
	}
	for _, k := range e.Kinds {
		if k.Tasks < 0 || k.Tasks > maxBelievedCount || k.Done < 0 || k.DoneTime < 0 || k.Prior < 0 || k.Prior > longestBelieved {
			return fmt.Sprintf("the counts of kind %q cannot be", k.Name)
		}
	}
	switch {
	case e.DoneTime < 0 || e.Prepaid < 0:
		return "a negative time cannot be"
	case min(e.SpentHour, e.SpentDay) < 0:
		return "negative spending cannot be"
	}
	return ""
}
