package dlq_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
)

// denied names the operations that the endpoint refuses, with the AWS error code of each.
type denied map[string]string

// setup returns a dead-letter queue with n messages at an endpoint that refuses
// the denied operations, which may be changed while nothing is under way.
func setup(t *testing.T, n int, no denied) (*dlq.Queue, []string) {
	t.Helper()
	srv := localawstest.Start(t)
	target, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	pass := httputil.NewSingleHostReverseProxy(target)
	pass.Transport = transport
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		code := no[op]
		if code == "" {
			pass.ServeHTTP(w, r)
			return
		}
		status := http.StatusBadRequest
		if code == "AccessDeniedException" {
			status = http.StatusForbidden
		}
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
	}))
	t.Cleanup(func() { front.Close(); transport.CloseIdleConnections() })
	api := sqs.NewFromConfig(localawstest.AWSConfig(t, srv), func(o *sqs.Options) { o.BaseEndpoint = &front.URL })

	q := &dlq.Queue{API: api}
	for _, name := range []string{"dead", "source"} {
		in := &sqs.CreateQueueInput{QueueName: &name}
		if name == "source" {
			in.Attributes = map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, arnOf(t, api, q.URL))}
		}
		out, err := api.CreateQueue(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if name == "source" {
			q.Source = *out.QueueUrl
		} else {
			q.URL = *out.QueueUrl
		}
	}
	var bodies []string
	for i := range n {
		body := fmt.Sprintf("rubbish %03d", i)
		_, err := api.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: &q.URL, MessageBody: &body, MessageGroupId: aws.String("tenant"),
			MessageAttributes: map[string]types.MessageAttributeValue{"trace": {DataType: aws.String("String"), StringValue: &body}},
		})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return q, bodies
}

func arnOf(t *testing.T, api *sqs.Client, queue string) string {
	t.Helper()
	out, err := api.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{"QueueArn"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes["QueueArn"]
}

// arrived takes all messages from the source; each must have what it was sent with.
func arrived(t *testing.T, q *dlq.Queue) []string {
	t.Helper()
	var bodies []string
	for {
		out, err := q.API.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &q.Source, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameMessageGroupId},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(bodies)
			return bodies
		}
		for _, m := range out.Messages {
			if a := aws.ToString(m.MessageAttributes["trace"].StringValue); a != *m.Body || m.Attributes["MessageGroupId"] != "tenant" {
				t.Errorf("message %q has come with attribute %q and group %q", *m.Body, a, m.Attributes["MessageGroupId"])
			}
			bodies = append(bodies, *m.Body)
		}
	}
}

func listed(t *testing.T, q *dlq.Queue) []string {
	t.Helper()
	all, err := q.List(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	bodies := make([]string, len(all))
	for i, m := range all {
		bodies[i] = m.Body
	}
	slices.Sort(bodies)
	return bodies
}

func TestEveryMessageIsMovedWithWhatItCarries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		no   denied
	}{
		{"by the endpoint", nil},
		{"by us, where there are no move tasks", denied{"StartMessageMoveTask": "UnknownOperationException", "ListMessageMoveTasks": "UnknownOperationException"}},
		{"by us, where this queue cannot be moved", denied{"StartMessageMoveTask": "AWS.SimpleQueueService.UnsupportedOperation"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q, bodies := setup(t, 25, c.no)
			if diff := cmp.Diff(bodies, listed(t, q)); diff != "" {
				t.Errorf("listed before (-want +got):\n%s", diff)
			}
			told := 0
			n, err := q.Redrive(t.Context(), 0, func(total int) { told = total })
			if err != nil || n != 25 || told != 25 {
				t.Fatalf("moved %d, told %d, %v; want 25", n, told, err)
			}
			if diff := cmp.Diff(bodies, arrived(t, q)); diff != "" {
				t.Errorf("arrived (-want +got):\n%s", diff)
			}
			if left := listed(t, q); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestWithoutPermissionNothingIsMovedInAnotherWay(t *testing.T) {
	t.Parallel()
	q, bodies := setup(t, 3, denied{"StartMessageMoveTask": "AccessDeniedException"})
	if n, err := q.Redrive(t.Context(), 0, func(int) {}); err == nil || n != 0 {
		t.Errorf("moved %d, %v; want an error", n, err)
	}
	if diff := cmp.Diff(bodies, listed(t, q)); diff != "" {
		t.Errorf("dead messages afterwards (-want +got):\n%s", diff)
	}
}

func TestAMoveThatIsCutOffLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, broken string
		moved, left  int
	}{
		{"nothing can be sent: all stay, and are visible at once", "SendMessageBatch", 0, 0},
		{"nothing can be deleted: the first ten are there twice", "DeleteMessageBatch", 10, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			no := denied{"StartMessageMoveTask": "UnknownOperationException", c.broken: "AccessDeniedException"}
			q, bodies := setup(t, 25, no)
			n, err := q.Redrive(t.Context(), 0, func(int) {})
			if err == nil || n != c.moved {
				t.Fatalf("moved %d, %v; want %d and an error", n, err, c.moved)
			}
			// What was sent and not deleted is hidden for a while; the rest is moved now.
			delete(no, c.broken)
			if _, err := q.Redrive(t.Context(), 0, func(int) {}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(bodies, arrived(t, q)); diff != "" {
				t.Errorf("arrived (-want +got):\n%s", diff)
			}
			if n, err := q.Count(t.Context()); err != nil || n != c.left {
				t.Errorf("%d messages are dead still, %v; want %d", n, err, c.left)
			}
		})
	}
}

func TestARateIsKept(t *testing.T) {
	t.Parallel()
	q, bodies := setup(t, 25, denied{"StartMessageMoveTask": "UnknownOperationException"})
	start := time.Now()
	if n, err := q.Redrive(t.Context(), 50, func(int) {}); err != nil || n != len(bodies) {
		t.Fatalf("moved %d, %v", n, err)
	}
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("25 messages at 50 a second took %v", took)
	}
}

func TestAnInterruptStopsTheEndpointsMove(t *testing.T) {
	t.Parallel()
	q, bodies := setup(t, 30, nil)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	n, err := q.Redrive(ctx, 1, func(int) { interrupt() })
	if !errors.Is(err, context.Canceled) || n == 0 || n == len(bodies) {
		t.Fatalf("moved %d, %v; want some, and the interrupt", n, err)
	}
	source := arnOf(t, q.API, q.URL)
	out, err := q.API.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: &source})
	if err != nil || len(out.Results) != 1 || *out.Results[0].Status != "CANCELLED" {
		t.Errorf("move tasks: %+v, %v; want one, cancelled", out.Results, err)
	}
}

func TestAMoveUnderWayIsJoined(t *testing.T) {
	t.Parallel()
	q, bodies := setup(t, 30, nil)
	source := arnOf(t, q.API, q.URL)
	_, err := q.API.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: &source, MaxNumberOfMessagesPerSecond: aws.Int32(20), DestinationArn: aws.String(arnOf(t, q.API, q.Source))})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := q.Redrive(t.Context(), 0, func(int) {}); err != nil || n != len(bodies) {
		t.Errorf("moved %d, %v; want all %d by the move under way", n, err, len(bodies))
	}
	if diff := cmp.Diff(bodies, arrived(t, q)); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
}
