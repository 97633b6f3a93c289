package virtual_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/virtual"
)

// receive polls once and returns bodies and handles.
func receive(t *testing.T, q *virtual.Queue, most int, wait time.Duration) (bodies, handles []string) {
	t.Helper()
	out, err := q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{MaxNumberOfMessages: int32(most), WaitTimeSeconds: int32(wait / time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Messages {
		bodies = append(bodies, *m.Body+" "+m.Attributes["ApproximateReceiveCount"])
		handles = append(handles, *m.ReceiptHandle)
	}
	return bodies, handles
}

// hide changes a visibility timeout and returns the entry's error code.
func hide(t *testing.T, q *virtual.Queue, handle string, d time.Duration) string {
	t.Helper()
	out, err := q.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{
		Entries: []types.ChangeMessageVisibilityBatchRequestEntry{{Id: aws.String("0"), ReceiptHandle: &handle, VisibilityTimeout: int32(d / time.Second)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Failed) > 0 {
		return *out.Failed[0].Code
	}
	return ""
}

func remove(t *testing.T, q *virtual.Queue, handle string) {
	t.Helper()
	if _, err := q.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{
		Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("0"), ReceiptHandle: &handle}},
	}); err != nil {
		t.Fatal(err)
	}
}

// stand is a queue and the test that looks at it.
type stand struct {
	*testing.T
	*virtual.Queue
}

// The queue does what SQS's documentation says, and where it may choose, the worse.
func TestTheQueueIsAStandardQueue(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(s stand){
		"a received message is hidden for the visibility timeout, and counted": func(s stand) {
			s.Add("a", 0)
			expect(s.T, s.Queue, "a 1")
			time.Sleep(29 * time.Second)
			expect(s.T, s.Queue)
			time.Sleep(time.Second)
			expect(s.T, s.Queue, "a 2")
		},
		"a long poll waits for a delayed message": func(s stand) {
			s.Add("a", 7*time.Second)
			start := time.Now()
			if bodies, _ := receive(s.T, s.Queue, 10, 20*time.Second); len(bodies) != 1 || time.Since(start) != 7*time.Second {
				s.Errorf("%v after %v", bodies, time.Since(start))
			}
		},
		"an old handle deletes nothing, and is told so of its visibility": func(s stand) {
			s.Add("a", 0)
			_, old := receive(s.T, s.Queue, 1, 0)
			time.Sleep(30 * time.Second)
			_, handle := receive(s.T, s.Queue, 1, 0)
			remove(s.T, s.Queue, old[0])
			if code := hide(s.T, s.Queue, old[0], time.Minute); code != "ReceiptHandleIsInvalid" || s.Len() != 1 {
				s.Errorf("code %q, %d messages", code, s.Len())
			}
			remove(s.T, s.Queue, handle[0])
			if s.Len() != 0 {
				s.Error("the message is still there")
			}
		},
		"a handle deletes after its timeout as long as nobody else has the message": func(s stand) {
			s.Add("a", 0)
			_, handle := receive(s.T, s.Queue, 1, 0)
			time.Sleep(time.Hour)
			if code := hide(s.T, s.Queue, handle[0], time.Minute); code != "InvalidParameterValue" {
				s.Errorf("code %q", code)
			}
			remove(s.T, s.Queue, handle[0])
			if s.Len() != 0 {
				s.Error("the message is still there")
			}
		},
		"twelve hours after the receive is the end": func(s stand) {
			s.Add("a", 0)
			_, handle := receive(s.T, s.Queue, 1, 0)
			if code := hide(s.T, s.Queue, handle[0], 12*time.Hour); code != "" {
				s.Errorf("code %q", code)
			}
			time.Sleep(time.Second)
			if code := hide(s.T, s.Queue, handle[0], 12*time.Hour); code != "InvalidParameterValue" {
				s.Errorf("code %q", code)
			}
		},
		"after its receives a message goes to the dead-letter queue": func(s stand) {
			s.Add("a", 0)
			for n := range 3 {
				expect(s.T, s.Queue, fmt.Sprint("a ", n+1))
				time.Sleep(30 * time.Second)
			}
			expect(s.T, s.Queue)
			if diff := cmp.Diff(virtual.Depth{Dead: 1}, s.Depth()); diff != "" {
				s.Error(diff)
			}
		},
		"a second copy is deleted by itself": func(s stand) {
			s.Add("a", 0)
			_, handle := receive(s.T, s.Queue, 1, 0)
			s.Twin(handle[0], time.Second)
			remove(s.T, s.Queue, handle[0])
			time.Sleep(time.Second)
			_, twin := receive(s.T, s.Queue, 1, 0)
			remove(s.T, s.Queue, twin[0])
			if s.Len() != 0 {
				s.Error("a copy is left")
			}
		},
		"at the cap of messages in flight a poll is empty, a short one refused": func(s stand) {
			for range 5 {
				s.Add("a", 0)
			}
			expect(s.T, s.Queue, "a 1", "a 1", "a 1", "a 1")
			if bodies, _ := receive(s.T, s.Queue, 10, time.Second); len(bodies) != 0 {
				s.Errorf("received %v", bodies)
			}
			if _, err := s.ReceiveMessage(s.Context(), &sqs.ReceiveMessageInput{}); err == nil {
				s.Error("a short poll was not refused")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				play(stand{t, virtual.NewQueue(virtual.QueueOptions{MaxReceives: 3, MaxInFlight: 4})})
			})
		})
	}
}

// expect polls for a moment and compares what comes.
func expect(t *testing.T, q *virtual.Queue, want ...string) {
	t.Helper()
	var got []string
	if q.Depth().Visible > 0 {
		got, _ = receive(t, q, 10, time.Second)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}
