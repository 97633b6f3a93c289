package sqsbatch_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/starburst-go/starburst/internal/sqsbatch"
)

// Two handles of three are deleted; the third message has gone to another worker.
func ExampleDeleteAll() {
	client := &queue{fate: func(_ int, handle string) fate {
		if handle == "handle 2" {
			return lost
		}
		return ok
	}}
	errs := sqsbatch.DeleteAll(context.Background(), client, "https://sqs…/tasks", []string{"handle 1", "handle 2", "handle 3"})
	for i, err := range errs {
		switch {
		case err == nil:
			fmt.Println(i, "deleted")
		case errors.Is(err, sqsbatch.ErrLeaseLost):
			fmt.Println(i, "belongs to someone else now")
		default:
			fmt.Println(i, "failed:", err)
		}
	}
	// Output:
	// 0 deleted
	// 1 belongs to someone else now
	// 2 deleted
}
