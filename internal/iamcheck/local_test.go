package iamcheck_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/iamcheck"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/producer"
)

// world is a stack on the embedded endpoint with a recorder in front of it for each role.
type world struct {
	direct  *stack.Clients
	stack   stack.Stack
	by      map[string]*iamcheck.Recorder
	servers map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	srv, err := localaws.Start(t.Context(), localaws.Config{Dir: t.TempDir(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(context.Background()); err != nil { // the test's context is over
			t.Error(err)
		}
	})
	endpoint, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{by: map[string]*iamcheck.Recorder{}, servers: map[string]string{}}
	people := front(t, endpoint)
	for name, at := range map[string]*url.URL{"worker": endpoint, "scaler": endpoint, "producer": endpoint, "operator": people, "deployer": people} {
		w.by[name] = iamcheck.NewRecorder(at)
		s := httptest.NewServer(w.by[name])
		t.Cleanup(func() {
			s.CloseClientConnections() // long polls are not waited for
			s.Close()
		})
		w.servers[name] = s.URL
	}
	if w.direct, err = stack.Open(t.Context(), stack.Stack{Endpoint: srv.URL()}); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w.stack, err = laptop.Ensure(t.Context(), w.direct, w.servers["worker"], laptop.Fleet{Command: []string{self}, Env: []string{role.Env + "=" + role.Worker}})
	if err != nil {
		t.Fatal(err)
	}
	w.limit(t, 262144) // what Terraform sets, for providers that know no more
	return w
}

// limit sets the queue's largest message.
func (w *world) limit(t *testing.T, size int) {
	t.Helper()
	w.stack.MaxMessage = size
	_, err := w.direct.SQS.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: &w.stack.QueueURL, Attributes: map[string]string{"MaximumMessageSize": strconv.Itoa(size)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// as is the stack as a program with that role sees it.
func (w *world) as(name string) stack.Stack {
	s := w.stack
	s.Endpoint = w.servers[name]
	return s
}

// session is a caller with that role that leaves the fleet alone.
func (w *world) session(t *testing.T, name string) *burst.Session {
	t.Helper()
	s, err := burst.Open(t.Context(), burst.Config{Stack: w.as(name), Workers: 2, Slots: 1, Handlers: []string{"work"}, Autoscale: burst.Autoscale{Manual: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) }) // the test's context is over
	return s
}

// scale runs an autoscaler until the test ends.
func (w *world) scale(t *testing.T) {
	t.Helper()
	settings, err := scaling.FromEnv(func(name string) string {
		return map[string]string{"STARBURST_MAX_WORKERS": "2", "STARBURST_MODE": "fast"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	home, err := scaling.Open(t.Context(), scaling.Config{Stack: w.as("scaler"), Settings: settings, Interval: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = home.Loop.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// A job with all that can happen to one: large arguments and results, failures that are tried
// again, a body that nobody understands; then what people do about it.
func TestNobodyDoesWhatIAMForbids(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	w := newWorld(t)
	args := []string{"plain", "plain", "L" + strings.Repeat(noise(99), 5), "F" + noise(98), "plain"}
	for range 40 {
		args = append(args, "plain")
	}
	bad := &sqs.SendMessageInput{QueueUrl: &w.stack.QueueURL, MessageBody: aws.String("not a message")}
	if _, err := w.direct.SQS.SendMessage(ctx, bad); err != nil {
		t.Fatal(err)
	}
	w.scale(t)
	caller := w.session(t, "producer")
	job, err := caller.Submit(ctx, producer.Spec{Handler: "work", Source: producer.Slice(args), Chunk: 4, MaxAttempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	ok, failed := 0, 0
	for task, err := range caller.Follow(ctx, job) {
		switch {
		case err != nil:
			t.Fatal(err)
		case task.Failure != nil:
			failed++
		default:
			ok++
		}
	}
	if ok != len(args)-1 || failed != 1 {
		t.Errorf("%d done and %d failed of %d; want 1 failure", ok, failed, len(args))
	}
	w.repair(ctx, t, job.ID)
	w.judge(t, exercised)
}

// repair is what an operator does: look at dead letters, retry what failed, cancel.
func (w *world) repair(ctx context.Context, t *testing.T, job string) {
	t.Helper()
	s := w.session(t, "operator")
	q, err := dlq.Open(ctx, s.Clients().SQS, w.stack.QueueURL, w.stack.DLQURL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.List(ctx, 10); err != nil {
		t.Error(err)
	}
	if _, err := q.Redrive(ctx, 0, nil); err != nil {
		t.Error(err)
	}
	if err := q.Purge(ctx); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Retry(ctx, job); err != nil {
		t.Error(err)
	}
	if _, err := s.Cancel(ctx, job); err != nil {
		t.Error(err)
	}
}

// exercised are actions without which the job above did not do what it was for.
var exercised = map[string][]string{
	"worker":   {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage", "sqs:ChangeMessageVisibility", "dynamodb:PutItem", "dynamodb:UpdateItem", "s3:GetObject", "s3:PutObject"},
	"producer": {"sqs:SendMessage", "dynamodb:PutItem", "dynamodb:Query", "s3:PutObject", "s3:GetObject"},
	"scaler":   {"ecs:DescribeServices", "ecs:UpdateService", "sqs:GetQueueAttributes", "dynamodb:UpdateItem"},
	"operator": {"sqs:ReceiveMessage", "sqs:StartMessageMoveTask", "sqs:PurgeQueue", "dynamodb:Query"},
}

func (w *world) judge(t *testing.T, exercised map[string][]string) {
	t.Helper()
	lists := load(t)
	for name, r := range w.by {
		seen := r.Actions()
		t.Logf("%s called %s; allowed, and not called here: %s", name, strings.Join(seen, " "), strings.Join(lists.Unused(name, seen), " "))
		for _, action := range lists.Missing(name, seen) {
			t.Errorf("%s called %s (%d times), which %s does not allow", name, action, r.Count(action), module)
		}
		for _, action := range exercised[name] {
			if r.Count(action) == 0 {
				t.Errorf("%s did not call %s: the test is not what it was", name, action)
			}
		}
	}
}
