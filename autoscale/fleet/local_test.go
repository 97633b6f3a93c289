package fleet_test

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/store"
)

// local is a stack on the embedded endpoint: a queue of 20 messages, the table with their
// job of 200 tasks, and a service whose workers sleep.
type local struct {
	fleet.Config
	store *store.Store
	job   store.Job
}

func localStack(t *testing.T) local {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep command to play the worker")
	}
	config := localawstest.AWSConfig(t, localawstest.Start(t))
	ctx := t.Context()
	queues, services := sqs.NewFromConfig(config), ecs.NewFromConfig(config)
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("tasks")})
	check(t, err)
	for range 2 {
		in := &sqs.SendMessageBatchInput{QueueUrl: queue.QueueUrl}
		for i := range 10 {
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String("{}")})
		}
		_, err := queues.SendMessageBatch(ctx, in)
		check(t, err)
	}
	st := store.New(dynamodb.NewFromConfig(config), "starburst")
	check(t, st.CreateTable(ctx))
	now := time.Now()
	j := store.Job{ID: "prices", Handler: "price", Fleet: "default", N: 200, Plan: store.Plan{Chunk: 10}, Shards: 1,
		MaxAttempts: 1, Created: now, Expires: now.Add(time.Hour), State: store.Open}
	check(t, st.CreateJob(ctx, j))
	check(t, st.SetConfirmed(ctx, j.ID, j.N))

	_, err = services.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("main")})
	check(t, err)
	_, err = services.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("sleeper"), Cpu: aws.String("1 vCPU"), Memory: aws.String("2 GB"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("main"), EntryPoint: []string{sleep, "60"}}},
	})
	check(t, err)
	_, err = services.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: aws.String("main"), ServiceName: aws.String("workers"), TaskDefinition: aws.String("sleeper"), DesiredCount: aws.Int32(0),
	})
	check(t, err)
	return local{store: st, job: j, Config: fleet.Config{SQS: queues, ECS: services, Store: st, QueueURL: *queue.QueueUrl,
		Cluster: "main", Service: "workers", Fleet: "default"}}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// laptopLoop makes a loop at a laptop's pace.
func (l local) laptopLoop(t *testing.T, owner string) (*autoscale.Loop, *fleet.Fleet) {
	t.Helper()
	l.Owner = owner
	f, err := fleet.New(l.Config)
	check(t, err)
	loop, err := autoscale.New(autoscale.LoopConfig{
		Policy:   autoscale.Config{Max: 2, StartUp: 100 * time.Millisecond},
		Interval: 200 * time.Millisecond,
	}, f.Parts())
	check(t, err)
	return loop, f
}

// A whole life over real HTTP and real processes: two workers in a moment, a standby
// that keeps its hands off, none at the end, and the record of it all in the table.
func TestALoopSizesTheEmbeddedStack(t *testing.T) {
	t.Parallel()
	l := localStack(t)
	loop, f := l.laptopLoop(t, "leader")
	standby, _ := l.laptopLoop(t, "standby")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	begin := time.Now()
	wg.Go(func() { _ = loop.Run(ctx) })

	var got autoscale.Counts
	for got.Running < 2 && time.Since(begin) < 10*time.Second {
		time.Sleep(5 * time.Millisecond) // processes start in their own time
		standing, err := f.Services.Counts(ctx)
		check(t, err)
		got = standing.Counts
	}
	t.Logf("2 workers after %s", time.Since(begin).Round(time.Millisecond))
	if got != (autoscale.Counts{Desired: 2, Running: 2}) {
		t.Errorf("counts %+v", got)
	}
	if _, err := standby.Once(ctx); !errors.Is(err, autoscale.ErrStandby) {
		t.Errorf("a second loop got %v", err)
	}

	begin = time.Now()
	deadline, done := context.WithTimeout(ctx, 10*time.Second)
	defer done()
	check(t, loop.Drain(deadline, "prices is done", nil))
	t.Logf("none after %s", time.Since(begin).Round(time.Millisecond))

	var all []store.Decision
	for d, err := range l.store.Decisions(ctx, "default", begin.Add(-time.Minute), time.Now().Add(time.Second)) {
		check(t, err)
		all = append(all, d)
		t.Log(d.Want, d.Reason)
	}
	first, last := all[0], all[len(all)-1]
	if first.Want != 1 || first.Wave != 1 || first.Visible != 20 || first.Backlog != 200 {
		t.Errorf("first decision: %+v", first)
	}
	if last.Want != 0 || last.Binding != "stop" || last.Reason != "stop: prices is done" {
		t.Errorf("last decision: %+v", last)
	}
	control, err := l.store.Control(ctx, "default")
	if err != nil || time.Since(control.LeaderAt) > time.Minute {
		t.Errorf("workers see a leader of %s, %v", control.LeaderAt, err)
	}
	cancel()
	wg.Wait()
	if _, err := standby.Once(t.Context()); err != nil {
		t.Errorf("the lease was not given up: %v", err)
	}
}
