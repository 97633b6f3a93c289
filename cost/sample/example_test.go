package sample_test

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// What a minute and a half of a laptop worker with one slot would have cost on Fargate.
func ExampleJobCost() {
	book, err := cost.Embedded()
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	st, err := sample.JobCost(book, []store.Ledger{{
		Fleet: "default", Worker: "w1", Slots: 1, Final: true, Updated: start.Add(90 * time.Second),
		Jobs: map[string]store.JobCount{"prices": {OK: 1000, BusyMS: 80_000}},
		Cost: store.CostSample{Provider: cost.Local, Arch: "X86_64", Launched: start, Ready: start},
	}}, start.Add(time.Hour), cost.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, j := range st.Jobs {
		fmt.Println(j.Job, j.Total())
	}
	fmt.Println(st.Assumptions[0])
	// Output:
	// prices $0.00123426
	// Local workers are priced as Fargate On-Demand x86 tasks of 1 vCPU and 2 GB, at least 60 s each, image pull not included.
}
