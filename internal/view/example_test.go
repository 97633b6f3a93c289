package view_test

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

func ExampleOf() {
	begin := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := view.Of(view.Input{
		Now: begin.Add(time.Minute),
		Job: store.Job{ID: "j", Handler: "price", Fleet: "default", N: 1000, Confirmed: 1000, State: store.Sealed, Created: begin, Plan: store.Plan{Chunk: 1}},
		Ledgers: []store.Ledger{{
			Fleet: "default", Worker: "w1", Seq: 9, Slots: 1, Busy: 1, Updated: begin.Add(55 * time.Second),
			Jobs: map[string]store.JobCount{"j": {OK: 390, Failed: 10, BusyMS: 40_000}},
			Cost: store.CostSample{Launched: begin, Ready: begin.Add(10 * time.Second)},
		}},
		History: []view.Point{{At: begin.Add(20 * time.Second), Done: 0}},
	})
	fmt.Println(view.Line(s))
	// Output:
	// price: 40 %  400/1,000  10 failed  10/s  ETA 1:00 (0:55 to 1:07)  workers 1 busy, 0 idle, 0 starting
}
