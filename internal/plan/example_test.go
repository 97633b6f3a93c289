package plan_test

import (
	"context"
	"fmt"

	"github.com/starburst-go/starburst/internal/plan"
	"github.com/starburst-go/starburst/producer"
)

func ExampleMeasure() {
	in, err := plan.Measure(context.Background(), producer.Slice([]string{"Berlin", "Paris", "Rome"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(in.Tasks, "tasks,", in.Bytes, "bytes, a SHA-256 of", len(in.SHA), "digits")
	// Output: 3 tasks, 18 bytes, a SHA-256 of 64 digits
}
