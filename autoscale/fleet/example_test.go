package fleet_test

import (
	"context"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
)

// One tick of a loop over a fleet with a job of 1,000 tasks in 100 messages. Here
// SQS, ECS and the table are fakes; with clients of the SDK it is the same.
func Example() {
	aws := newCloud()
	aws.visible = "100"
	aws.jobs["job0"] = job("job0", nil)
	f, err := fleet.New(fleet.Config{
		SQS: aws, ECS: aws, Store: aws,
		QueueURL: "https://sqs.us-east-1.amazonaws.com/123456789012/tasks",
		Cluster:  "starburst", Service: "workers", Fleet: "default", Owner: "laptop/4711",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	loop, err := autoscale.New(autoscale.LoopConfig{
		Policy: autoscale.Config{Max: 50, Slots: 2},
		Now:    func() time.Time { return noon },
	}, f.Parts())
	if err != nil {
		fmt.Println(err)
		return
	}
	decision, err := loop.Once(context.Background())
	fmt.Println(decision.Reason, err)
	fmt.Println("desired count:", aws.service.DesiredCount)
	// Output:
	// wave 1: 0→1, doubling; 1000 tasks waiting or running in 100 messages want 50; running 0, pending 0 <nil>
	// desired count: 1
}
