package sqs

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fake runs a test under a fake clock, with a service that has lived in it.
func fake(t *testing.T, test func(t *testing.T, c caller)) {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, stop := open(t, dir)
		defer stop()
		test(t, caller{t, s})
	})
}

func TestAMessageIsHiddenForItsVisibilityTimeout(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", map[string]string{"VisibilityTimeout": "30"})
		c.send(q, "a")
		if got := bodies(c.receive(q)); !cmp.Equal(got, []string{"a"}) {
			t.Fatalf("received %q", got)
		}
		time.Sleep(29 * time.Second)
		if got := c.receive(q); len(got) != 0 {
			t.Errorf("received again after 29 s: %v", got)
		}
		if diff := cmp.Diff([3]string{"0", "1", "0"}, c.counts(q)); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Second)
		if diff := cmp.Diff([3]string{"1", "0", "0"}, c.counts(q)); diff != "" {
			t.Error(diff)
		}
		again := c.receive(q)
		if len(again) != 1 || again[0].Attributes["ApproximateReceiveCount"] != "2" {
			t.Errorf("after 30 s: %+v", again)
		}
	})
}

func TestChangingTheVisibility(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", nil)
		c.send(q, "a")
		m := c.receive(q, obj{"VisibilityTimeout": 10})[0]
		time.Sleep(9 * time.Second)
		if code := c.hide(q, m.ReceiptHandle, 10); code != "" {
			t.Fatal(code)
		}
		time.Sleep(9 * time.Second)
		if got := c.receive(q); len(got) != 0 {
			t.Errorf("the extension counts from the call, not from the old deadline; received %v", got)
		}
		if code := c.hide(q, m.ReceiptHandle, 0); code != "" {
			t.Fatal(code)
		}
		if code := c.hide(q, m.ReceiptHandle, 10); code != "MessageNotInflight" {
			t.Errorf("a released message: code %q", code)
		}
		m2 := c.receive(q, obj{"VisibilityTimeout": 10})[0]
		if code := c.hide(q, m.ReceiptHandle, 100); code != "InvalidParameterValueException" {
			t.Errorf("the handle of an earlier receive: code %q", code)
		}
		// The queue's default is back at the next receive.
		time.Sleep(10 * time.Second)
		if got := c.receive(q); len(got) != 1 {
			t.Errorf("received %v after the second receive's own 10 s", got)
		}
		if code := c.delete(q, m2.ReceiptHandle); code != "" {
			t.Errorf("a standard queue accepts the delete of an earlier receive, and ignores it; code %q", code)
		}
		if diff := cmp.Diff([3]string{"0", "1", "0"}, c.counts(q)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTwelveHoursFromTheReceiveIsTheEnd(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", nil)
		c.send(q, "a")
		m := c.receive(q)[0]
		for range 23 {
			if code := c.hide(q, m.ReceiptHandle, 3600); code != "" {
				t.Fatal(code)
			}
			time.Sleep(30 * time.Minute)
		}
		// 11 h 30 min have passed.
		if code := c.hide(q, m.ReceiptHandle, 1801); code != "InvalidParameterValueException" {
			t.Errorf("one second more than is left: code %q", code)
		}
		if code := c.hide(q, m.ReceiptHandle, 1800); code != "" {
			t.Errorf("all that is left: code %q", code)
		}
	})
}

func TestDelays(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", map[string]string{"DelaySeconds": "5"})
		c.send(q, "queue's delay")
		c.send(q, "own delay", obj{"DelaySeconds": 2})
		c.send(q, "none", obj{"DelaySeconds": 0})
		if got := bodies(c.receive(q)); !cmp.Equal(got, []string{"none"}) {
			t.Errorf("at once: %q", got)
		}
		if diff := cmp.Diff([3]string{"0", "1", "2"}, c.counts(q)); diff != "" {
			t.Error(diff)
		}
		start := time.Now()
		if got := bodies(c.receive(q, obj{"WaitTimeSeconds": 20})); !cmp.Equal(got, []string{"own delay"}) || time.Since(start) != 2*time.Second {
			t.Errorf("a poll waited %v for %q", time.Since(start), got)
		}
		if got := bodies(c.receive(q, obj{"WaitTimeSeconds": 20})); !cmp.Equal(got, []string{"queue's delay"}) || time.Since(start) != 5*time.Second {
			t.Errorf("a poll had after %v %q", time.Since(start), got)
		}
	})
}

//nolint:tparallel // fake makes each case parallel
func TestLongPolls(t *testing.T) {
	cases := []struct {
		name   string
		during func(c caller, q string, cancel context.CancelFunc)
		bodies []string
		after  time.Duration
		left   [3]string
	}{
		{name: "nothing comes: empty after the wait", during: func(caller, string, context.CancelFunc) {},
			bodies: []string{}, after: 20 * time.Second, left: [3]string{"0", "0", "0"}},
		{name: "a send is answered at once", during: func(c caller, q string, _ context.CancelFunc) {
			time.Sleep(3 * time.Second)
			c.send(q, "a")
		}, bodies: []string{"a"}, after: 3 * time.Second, left: [3]string{"0", "1", "0"}},
		{name: "a client that has gone is given nothing", during: func(c caller, q string, cancel context.CancelFunc) {
			time.Sleep(time.Second)
			cancel()
			c.send(q, "a")
		}, bodies: []string{}, after: time.Second, left: [3]string{"1", "0", "0"}},
		{name: "while Hurry is on, an open poll ends", during: func(c caller, _ string, _ context.CancelFunc) {
			time.Sleep(4 * time.Second)
			c.s.Hurry(true)
		}, bodies: []string{}, after: 4 * time.Second, left: [3]string{"0", "0", "0"}},
		{name: "the service's end ends polls", during: func(c caller, _ string, _ context.CancelFunc) {
			time.Sleep(time.Second)
			c.s.cancel()
		}, bodies: []string{}, after: time.Second, left: [3]string{"0", "0", "0"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			fake(t, func(t *testing.T, c caller) {
				q := c.create("jobs", nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var out struct{ Messages []got }
				start := time.Now()
				var took time.Duration
				var wg sync.WaitGroup
				wg.Go(func() {
					c.try(ctx, "ReceiveMessage", obj{"QueueUrl": q, "WaitTimeSeconds": 20}, &out)
					took = time.Since(start)
				})
				synctest.Wait()
				tc.during(c, q, cancel)
				wg.Wait()
				if diff := cmp.Diff(tc.bodies, bodies(out.Messages)); diff != "" {
					t.Error(diff)
				}
				if took != tc.after {
					t.Errorf("answered after %v, want %v", took, tc.after)
				}
				if diff := cmp.Diff(tc.left, c.counts(q)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestPollsAreServedInTheirOrderAndTogether(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", nil)
		counts := make([]int, 3)
		var wg sync.WaitGroup
		for i := range counts {
			wg.Go(func() { counts[i] = len(c.receive(q, obj{"WaitTimeSeconds": 20, "MaxNumberOfMessages": 2})) })
			synctest.Wait()
		}
		entries := []obj{}
		for i := range 5 {
			entries = append(entries, obj{"Id": strconv.Itoa(i), "MessageBody": "x"})
		}
		c.must("SendMessageBatch", obj{"QueueUrl": q, "Entries": entries}, nil)
		wg.Wait()
		if diff := cmp.Diff([]int{2, 2, 1}, counts); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAVisibilityTimeoutThatEndsWakesAPoll(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", map[string]string{"VisibilityTimeout": "7"})
		c.send(q, "a")
		c.receive(q)
		start := time.Now()
		if got := c.receive(q, obj{"WaitTimeSeconds": 20}); len(got) != 1 || time.Since(start) != 7*time.Second {
			t.Errorf("after %v received %v", time.Since(start), got)
		}
	})
}

func TestAHiddenMessageWakesAPollThatCameLater(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", nil)
		c.send(q, "a")
		m := c.receive(q, obj{"VisibilityTimeout": 100})[0]
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := c.receive(q, obj{"WaitTimeSeconds": 20}); len(got) != 1 || time.Since(start) != 6*time.Second {
				t.Errorf("after %v received %v", time.Since(start), got)
			}
		})
		time.Sleep(time.Second)
		if code := c.hide(q, m.ReceiptHandle, 5); code != "" { // earlier than the timer of the poll
			t.Error(code)
		}
		wg.Wait()
	})
}

func TestHurryShortensNewPollsAndEnds(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", nil)
		poll := func() time.Duration {
			start := time.Now()
			c.receive(q, obj{"WaitTimeSeconds": 2})
			return time.Since(start)
		}
		c.s.Hurry(true)
		c.s.Hurry(true)
		var took []time.Duration
		for range 8 {
			took = append(took, poll()/time.Millisecond)
		}
		c.s.Hurry(false)
		// The stop of a worker is a matter of milliseconds; one that goes on polling must not become a busy loop.
		if diff := cmp.Diff([]time.Duration{2, 2, 4, 8, 16, 32, 50, 50, 2000}, append(took, poll()/time.Millisecond)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRetention(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", map[string]string{"MessageRetentionPeriod": "60"})
		c.send(q, "first")
		time.Sleep(30 * time.Second)
		c.send(q, "second")
		held := c.receive(q, obj{"MaxNumberOfMessages": 1, "VisibilityTimeout": 300})
		time.Sleep(30 * time.Second)
		if diff := cmp.Diff([3]string{"1", "0", "0"}, c.counts(q)); diff != "" {
			t.Errorf("the first, in flight, should have expired: %s", diff)
		}
		if code := c.hide(q, held[0].ReceiptHandle, 10); code != "InvalidParameterValueException" {
			t.Errorf("visibility of an expired message: code %q", code)
		}
		c.must("SetQueueAttributes", obj{"QueueUrl": q, "Attributes": obj{"MessageRetentionPeriod": "120"}}, nil)
		time.Sleep(40 * time.Second)
		if got := bodies(c.receive(q)); !cmp.Equal(got, []string{"second"}) {
			t.Errorf("70 s old, kept for 120 s: received %q", got)
		}
	})
}

func TestDeadLetters(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		dead := c.create("dead", nil)
		q := c.create("jobs", map[string]string{"VisibilityTimeout": "1",
			"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, c.arn(dead))})
		sent := time.Now()
		c.send(q, "poison", obj{"MessageGroupId": "tenant"})
		for range 2 {
			if got := c.receive(q); len(got) != 1 {
				t.Fatalf("received %v", got)
			}
			time.Sleep(time.Second)
		}
		if diff := cmp.Diff([]string{}, bodies(c.receive(dead))); diff != "" {
			t.Errorf("moved before the next receive on the source: %s", diff)
		}
		start := time.Now()
		if got := c.receive(q, obj{"WaitTimeSeconds": 3}); len(got) != 0 || time.Since(start) != 3*time.Second {
			t.Errorf("a third time, after %v: %v", time.Since(start), got)
		}
		got := c.receive(dead)
		if len(got) != 1 {
			t.Fatalf("the dead-letter queue gave %v", got)
		}
		want := map[string]string{
			"SenderId": DefaultAccount, "ApproximateReceiveCount": "3", "MessageGroupId": "tenant",
			"SentTimestamp":                    strconv.FormatInt(sent.UnixMilli(), 10),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(sent.UnixMilli(), 10),
			"DeadLetterQueueSourceArn":         c.arn(q),
		}
		if diff := cmp.Diff(want, got[0].Attributes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDeadLettersOfDeadLettersCountAnew(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		last := c.create("last", nil)
		policy := func(target string) map[string]string {
			return map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"1"}`, c.arn(target))}
		}
		middle := c.create("middle", policy(last))
		first := c.create("first", policy(middle))
		c.send(first, "a")
		for _, q := range []string{first, middle} {
			got := c.receive(q, obj{"VisibilityTimeout": 0})
			if len(got) != 1 {
				t.Fatalf("%s gave %v", q, got)
			}
			if got := c.receive(q); len(got) != 0 {
				t.Fatalf("%s gave it twice: %v", q, got)
			}
		}
		if got := c.receive(last); len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != "3" {
			t.Errorf("the last queue gave %+v", got)
		}
	})
}

func TestFIFODeduplicationLastsFiveMinutes(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
		send := func(body, group string) (out struct{ MessageId, SequenceNumber string }) {
			c.must("SendMessage", obj{"QueueUrl": q, "MessageBody": body, "MessageGroupId": group}, &out)
			return out
		}
		first := send("a", "g")
		m := c.receive(q)
		if code := c.delete(q, m[0].ReceiptHandle); code != "" {
			t.Fatal(code)
		}
		time.Sleep(dedupInterval - time.Second)
		if diff := cmp.Diff(first, send("a", "other")); diff != "" {
			t.Errorf("a duplicate is answered as the first was: %s", diff)
		}
		if diff := cmp.Diff([3]string{"0", "0", "0"}, c.counts(q)); diff != "" {
			t.Errorf("a duplicate was stored: %s", diff)
		}
		time.Sleep(time.Second)
		second := send("a", "g")
		if second.MessageId == first.MessageId || second.SequenceNumber <= first.SequenceNumber {
			t.Errorf("after five minutes %+v follows %+v", second, first)
		}
	})
}

func TestFIFOGroupsAreLockedAndOrdered(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "10"})
		for i := range 3 {
			c.send(q, fmt.Sprint("a", i), obj{"MessageGroupId": "A"})
			c.send(q, fmt.Sprint("b", i), obj{"MessageGroupId": "B"})
		}
		first := c.receive(q, obj{"MaxNumberOfMessages": 2})
		if diff := cmp.Diff([]string{"a0", "a1"}, bodies(first)); diff != "" {
			t.Errorf("a receive takes as much of one group as it can: %s", diff)
		}
		if diff := cmp.Diff([]string{"b0", "b1", "b2"}, bodies(c.receive(q))); diff != "" {
			t.Errorf("while A is locked: %s", diff)
		}
		if code := c.delete(q, first[0].ReceiptHandle); code != "" {
			t.Fatal(code)
		}
		if got := c.receive(q); len(got) != 0 {
			t.Errorf("a1 is still in flight, and %q came", bodies(got))
		}
		time.Sleep(10 * time.Second)
		if code := c.delete(q, first[1].ReceiptHandle); code != "InvalidParameterValueException" {
			t.Errorf("the delete of a message whose time has passed: code %q", code)
		}
		if diff := cmp.Diff([]string{"b0", "b1", "b2", "a1", "a2"}, bodies(c.receive(q))); diff != "" {
			t.Errorf("in their old order, the oldest group first: %s", diff)
		}
	})
}

func TestFairQueues(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		q := c.create("jobs", nil)
		for i := range 50 {
			c.send(q, fmt.Sprint("noisy", i), obj{"MessageGroupId": "noisy"})
		}
		for range 3 {
			c.receive(q, obj{"VisibilityTimeout": 600})
		}
		c.send(q, "quiet", obj{"MessageGroupId": "quiet"})
		c.send(q, "alone")
		if diff := cmp.Diff([]string{"quiet", "alone", "noisy30", "noisy31"}, bodies(c.receive(q, obj{"MaxNumberOfMessages": 4}))); diff != "" {
			t.Errorf("a tenant with 30 messages in flight stands behind the others: %s", diff)
		}
	})
}

func TestMovingTasks(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		dead := c.create("dead", nil)
		q := c.create("jobs", map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, c.arn(dead))})
		other := c.create("other", nil)
		for i := range 20 {
			c.send(q, strconv.Itoa(i))
		}
		for range 2 {
			c.receive(q, obj{"VisibilityTimeout": 0})
		}
		c.receive(q) // moves all twenty
		if diff := cmp.Diff([3]string{"20", "0", "0"}, c.counts(dead)); diff != "" {
			t.Fatal(diff)
		}

		// Slowly, then cancelled.
		var task struct{ TaskHandle string }
		c.must("StartMessageMoveTask", obj{"SourceArn": c.arn(dead), "DestinationArn": c.arn(other), "MaxNumberOfMessagesPerSecond": 2}, &task)
		if code := c.try(t.Context(), "StartMessageMoveTask", obj{"SourceArn": c.arn(dead)}, nil); code != "UnsupportedOperation" {
			t.Errorf("a second task at a time: code %q", code)
		}
		time.Sleep(2250 * time.Millisecond)
		var cancelled struct{ ApproximateNumberOfMessagesMoved int }
		c.must("CancelMessageMoveTask", task, &cancelled)
		if cancelled.ApproximateNumberOfMessagesMoved != 5 {
			t.Errorf("2 a second moved %d in 2.25 s", cancelled.ApproximateNumberOfMessagesMoved)
		}
		synctest.Wait()
		if code := c.try(t.Context(), "CancelMessageMoveTask", task, nil); code != "UnsupportedOperation" {
			t.Errorf("cancelled twice: code %q", code)
		}

		// The rest back to where it came from, at once.
		c.must("StartMessageMoveTask", obj{"SourceArn": c.arn(dead)}, nil)
		time.Sleep(time.Second)
		if diff := cmp.Diff([][3]string{{"0", "0", "0"}, {"15", "0", "0"}, {"5", "0", "0"}}, [][3]string{c.counts(dead), c.counts(q), c.counts(other)}); diff != "" {
			t.Error(diff)
		}
		if got := c.receive(q)[0]; got.Attributes["ApproximateReceiveCount"] != "1" || got.Attributes["DeadLetterQueueSourceArn"] != "" {
			t.Errorf("moved messages are new ones: %v", got.Attributes)
		}
		var tasks struct{ Results []moveEntry }
		c.must("ListMessageMoveTasks", obj{"SourceArn": c.arn(dead), "MaxResults": 10}, &tasks)
		started := func(i int) int64 { return tasks.Results[i].StartedTimestamp }
		want := []moveEntry{
			{SourceArn: c.arn(dead), Status: "COMPLETED", StartedTimestamp: started(0), ApproximateNumberOfMessagesMoved: 15, ApproximateNumberOfMessagesToMove: 15},
			{SourceArn: c.arn(dead), DestinationArn: c.arn(other), MaxNumberOfMessagesPerSecond: 2, Status: "CANCELLED",
				StartedTimestamp: started(1), ApproximateNumberOfMessagesMoved: 5, ApproximateNumberOfMessagesToMove: 20},
		}
		if diff := cmp.Diff(want, tasks.Results); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAMoveWithoutADestinationFails(t *testing.T) {
	fake(t, func(t *testing.T, c caller) {
		dead := c.create("dead", nil)
		c.create("jobs", map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, c.arn(dead))})
		c.send(dead, "sent here directly")
		c.must("StartMessageMoveTask", obj{"SourceArn": c.arn(dead)}, nil)
		time.Sleep(time.Second)
		var tasks struct{ Results []moveEntry }
		c.must("ListMessageMoveTasks", obj{"SourceArn": c.arn(dead)}, &tasks)
		if len(tasks.Results) != 1 || tasks.Results[0].Status != "FAILED" || tasks.Results[0].FailureReason == "" {
			t.Errorf("tasks %+v", tasks.Results)
		}
		if diff := cmp.Diff([3]string{"1", "0", "0"}, c.counts(dead)); diff != "" {
			t.Errorf("the message stays available: %s", diff)
		}
	})
}
