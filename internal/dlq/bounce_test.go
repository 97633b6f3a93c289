package dlq_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/dlq"
)

// receives takes what the source has, visible again at once, and tells how many
// messages came with which receive count.
func receives(t *testing.T, q *dlq.Queue) map[string]int {
	t.Helper()
	counts, seen := map[string]int{}, map[string]bool{}
	for {
		out, err := q.API.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &q.Source, MaxNumberOfMessages: 10, VisibilityTimeout: 30,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			counts[m.Attributes["ApproximateReceiveCount"]]++
			seen[*m.ReceiptHandle] = true
		}
	}
	for handle := range seen {
		if _, err := q.API.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.Source, ReceiptHandle: aws.String(handle)}); err != nil {
			t.Fatal(err)
		}
	}
	return counts
}

// A message that has worn itself out gets all its receives again: it must not
// bounce off the source straight back into the dead-letter queue.
func TestMovedMessagesDoNotBounceBack(t *testing.T) {
	t.Parallel()
	for name, no := range map[string]denied{"by the endpoint": nil, "by us": {"StartMessageMoveTask": "UnknownOperationException"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, _ := setup(t, 0, no)
			const n = 12
			for i := range n {
				if _, err := q.API.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.Source, MessageBody: aws.String(fmt.Sprint("worn ", i))}); err != nil {
					t.Fatal(err)
				}
			}
			for round := range 2 {
				for count := range 3 {
					if diff := cmp.Diff(map[string]int{strconv.Itoa(count + 1): n}, receives(t, q)); diff != "" {
						t.Fatalf("life %d, receive %d (-want +got):\n%s", round, count, diff)
					}
				}
				if got := receives(t, q); len(got) > 0 {
					t.Fatalf("after their receives: %v, want none", got)
				}
				if moved, err := q.Redrive(t.Context(), 0, func(int) {}); err != nil || moved != n {
					t.Fatalf("moved %d, %v; want %d", moved, err, n)
				}
			}
		})
	}
}

func TestALargeMoveKeepsCount(t *testing.T) {
	t.Parallel()
	for name, no := range map[string]denied{"by the endpoint": nil, "by us": {"StartMessageMoveTask": "UnknownOperationException"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, bodies := setup(t, 1000, no)
			if n, err := q.Redrive(t.Context(), 0, func(int) {}); err != nil || n != len(bodies) {
				t.Errorf("moved %d, %v; want %d", n, err, len(bodies))
			}
			if diff := cmp.Diff(bodies, arrived(t, q)); diff != "" {
				t.Errorf("arrived (-want +got):\n%s", diff)
			}
		})
	}
}
