package endtoend

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/stack"
)

// TestDeadMessagesAreListedExplainedAndMovedBack lets a handler be unknown until
// its messages are dead, deploys it, and moves them back.
func TestDeadMessagesAreListedExplainedAndMovedBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stack.Options{MaxReceives: 1, Visibility: 3 * time.Second})
	stop := w.work(t, 1, consumer.Registry{"double": double}, func(c *consumer.Config) { c.BadBackoff, c.Unknown = time.Second, time.Second })
	bodies := map[string]string{}
	for _, b := range []string{`{"f":"late","id":"a","t":[1]}`, `{"f":"late","id":"b","t":[2]}`, "rubbish!"} {
		out, err := w.clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.QueueURL, MessageBody: &b})
		if err != nil {
			t.Fatal(err)
		}
		bodies[*out.MessageId] = b
	}
	await(t, "the messages are dead", 40*time.Second, func() bool { return w.depth(t, w.DLQURL) == 3 })
	stop()

	q, err := dlq.Open(t.Context(), w.clients.SQS, w.QueueURL, "") // found by the redrive policy
	if err != nil || q.URL != w.DLQURL {
		t.Fatalf("opened %+v, %v; want %s", q, err, w.DLQURL)
	}
	for range 2 { // looking does not take them away
		all, err := q.List(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if err := dlq.Explain(t.Context(), w.store, all); err != nil {
			t.Fatal(err)
		}
		if len(all) != 3 {
			t.Fatalf("%d messages listed, want 3", len(all))
		}
		for _, m := range all {
			if m.Body != bodies[m.ID] || m.Record == nil {
				t.Errorf("message %s: body %q, record %+v", m.ID, m.Body, m.Record)
				continue
			}
			if late := m.Decoded != nil; late != (m.Record.Reason == "unknown handler") {
				t.Errorf("message %s is recorded as %q, decoded %v", m.ID, m.Record.Reason, late)
			}
		}
	}
	w.work(t, 1, consumer.Registry{"late": double}, nil)
	last := 0
	n, err := q.Redrive(t.Context(), 0, func(total int) { last = total })
	if err != nil || n != 3 || last != 3 {
		t.Errorf("moved %d (told %d), %v; want 3", n, last, err)
	}
	for _, id := range []string{"a", "b"} {
		await(t, "task "+id+" has a result", 20*time.Second, func() bool {
			_, found, err := w.store.LooseResult(t.Context(), id, "0")
			return err == nil && found
		})
	}
	await(t, "rubbish is dead again", 40*time.Second, func() bool { n, err := q.Count(t.Context()); return err == nil && n == 1 })
	if err := q.Purge(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := q.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d messages after the purge, %v", n, err)
	}
}
