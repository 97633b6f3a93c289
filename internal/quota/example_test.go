package quota_test

import (
	"context"
	"fmt"

	"github.com/starburst-go/starburst/internal/quota"
)

// A fleet of 2 vCPU workers under a limit that its operator has set.
func Example() {
	r, err := quota.New(quota.Config{VCPU: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	q, err := r.Read(context.Background(), quota.OnDemand)
	if err != nil {
		fmt.Println(err)
		return
	}
	left, known := q.Available()
	fmt.Printf("%g vCPUs (%s), known %v: room for %d workers\n", left, q.Limit.Source, known, int(left/2))
	// Output: 64 vCPUs (set by you), known true: room for 32 workers
}
