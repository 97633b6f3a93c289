package bill_test

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
)

// A forecast is an estimate with what it was made from, kept until the bill is there.
func ExampleForecast() {
	book, err := cost.Embedded()
	if err != nil {
		fmt.Println(err)
		return
	}
	f := bill.Forecast{
		Shape: cost.JobShape{Tasks: 1000, Messages: 100, TaskTime: bill.Around(2 * time.Second)},
		Fleet: cost.Fleet{Max: 10, Platform: cost.ARM},
	}
	if f.Estimate, err = cost.EstimateJob(book, f.Shape, f.Fleet); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s on %d workers, at least %s\n", f.Estimate.Cost.Short(), f.Estimate.Workers, f.Estimate.Bound.Short())
	// Output: $0.0222 – $0.0394 on 10 workers, at least $0.0222
}
