package sqs

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

func TestARestartForgetsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { restarts(t, dir) })
}

func restarts(t *testing.T, dir string) {
	t.Helper()
	s, stop := open(t, dir)
	c := caller{t, s}
	dead := c.create("dead", nil)
	q := c.create("jobs", map[string]string{"VisibilityTimeout": "600",
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, c.arn(dead))})
	fifo := c.create("order.fifo", map[string]string{"FifoQueue": "true"})
	long := strings.Repeat("ü", inlineBody)
	c.send(q, "held")
	held := c.receive(q)[0]
	c.send(q, long, obj{"MessageGroupId": "tenant", "MessageAttributes": obj{"a": obj{"DataType": "String", "StringValue": "v"}}})
	c.send(q, "delayed", obj{"DelaySeconds": 600})
	c.send(q, "twice", obj{"MessageGroupId": "twice"})
	time.Sleep(time.Millisecond)                                               // the resolution of the order over a restart
	c.hide(q, c.receive(q, obj{"MaxNumberOfMessages": 1})[0].ReceiptHandle, 0) // long is now behind twice
	c.send(fifo, "first", obj{"MessageGroupId": "g", "MessageDeduplicationId": "d"})
	before := []map[string]string{c.attributes(dead), c.attributes(q), c.attributes(fifo)}
	stop()

	s, stop = open(t, dir)
	c = caller{t, s}
	if diff := cmp.Diff(before, []map[string]string{c.attributes(dead), c.attributes(q), c.attributes(fifo)}); diff != "" {
		t.Errorf("attributes and counts: %s", diff)
	}
	if code := c.hide(q, held.ReceiptHandle, 700); code != "" {
		t.Errorf("a receipt handle from before: code %q", code)
	}
	got := c.receive(q, obj{"MessageAttributeNames": []string{"All"}})
	if diff := cmp.Diff([]string{"twice", long}, bodies(got)); diff != "" {
		t.Errorf("in the order in which they became available: %s", diff)
	}
	want := []string{"1", "2"}
	for i, m := range got {
		if m.Attributes["ApproximateReceiveCount"] != want[i] {
			t.Errorf("message %d says it was received %s times, not %s", i, m.Attributes["ApproximateReceiveCount"], want[i])
		}
	}
	if code := c.delete(q, got[0].ReceiptHandle); code != "" {
		t.Error(code)
	}
	if code := c.delete(q, held.ReceiptHandle); code != "" {
		t.Error(code)
	}
	c.hide(q, got[1].ReceiptHandle, 0)
	if got := c.receive(q); len(got) != 0 { // moves the long one
		t.Errorf("received %q", bodies(got))
	}
	var sent struct{ MessageId string }
	c.must("SendMessage", obj{"QueueUrl": fifo, "MessageBody": "again", "MessageGroupId": "g", "MessageDeduplicationId": "d"}, &sent)
	if got := c.receive(fifo); len(got) != 1 || got[0].MessageId != sent.MessageId {
		t.Errorf("a duplicate of before the restart was stored: %v", got)
	}
	stop()

	s, stop = open(t, dir)
	defer stop()
	c = caller{t, s}
	if diff := cmp.Diff([][3]string{{"1", "0", "0"}, {"0", "0", "1"}, {"0", "1", "0"}}, [][3]string{c.counts(dead), c.counts(q), c.counts(fifo)}); diff != "" {
		t.Error(diff)
	}
	if got := c.receive(dead); len(got) != 1 || got[0].Body != long || got[0].Attributes["DeadLetterQueueSourceArn"] != c.arn(q) || got[0].Attributes["MessageGroupId"] != "tenant" {
		t.Errorf("the dead-letter queue gave %.200v", got)
	}
}

func TestIDsAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := open(t, dir)
	c := caller{t, s}
	q := c.create("jobs", nil)
	c.send(q, "old")
	old := c.receive(q)[0].ReceiptHandle
	c.delete(q, old) // its row, the last one, is gone
	stop()
	s, _ = open(t, dir)
	c = caller{t, s}
	c.send(q, "new")
	c.receive(q)
	c.delete(q, old)
	if diff := cmp.Diff([3]string{"0", "1", "0"}, c.counts(q)); diff != "" {
		t.Errorf("an old receipt handle deleted a new message: %s", diff)
	}
}

// endpointDir, in the environment, makes the test binary an endpoint process.
const endpointDir = "STARBURST_TEST_SQS_DIR"

// serveAsProcess is that endpoint, the one that the tests below kill.
func serveAsProcess(dir string) error {
	d, err := db.Open(dir + "/sqs.db")
	if err != nil {
		return err
	}
	s, err := New(d, Options{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, s)
}

// spawn starts the endpoint as a process of its own and returns its URL and a
// kill -9 for it.
func spawn(t *testing.T, dir string) (url string, kill func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), endpointDir+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed: there is an error
		})
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the endpoint did not say its address: %v", err)
	}
	return strings.TrimSpace(line), kill
}

// TestKillLosesNothing kills the endpoint with senders, receivers and deleters
// at work: what was confirmed is there afterwards, what was deleted is not.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var confirmed, deleting, gone sync.Map // bodies
	var sent atomic.Int64
	round := func(n int) {
		url, kill := spawn(t, dir)
		client := clientFor(t, url)
		q, err := client.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("jobs"), Attributes: map[string]string{"VisibilityTimeout": "0"}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wg sync.WaitGroup
		var work atomic.Int64
		for range 3 {
			wg.Go(func() {
				for ctx.Err() == nil {
					in := &sdk.SendMessageBatchInput{QueueUrl: q.QueueUrl}
					for i := range 10 {
						in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(strconv.FormatInt(sent.Add(1), 10))})
					}
					out, err := client.SendMessageBatch(ctx, in)
					if err != nil {
						return
					}
					for _, e := range out.Successful {
						confirmed.Store(*in.Entries[(*e.Id)[0]-'0'].MessageBody, true)
					}
					work.Add(1)
				}
			})
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				out, err := client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: q.QueueUrl, MaxNumberOfMessages: 5})
				if err != nil {
					return
				}
				for _, m := range out.Messages {
					deleting.Store(*m.Body, true)
					if _, err := client.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: q.QueueUrl, ReceiptHandle: m.ReceiptHandle}); err != nil {
						return
					}
					gone.Store(*m.Body, true)
				}
			}
		})
		for work.Load() < int64(20*(n+1)) {
			time.Sleep(time.Millisecond) // until the endpoint is in the middle of it
		}
		kill()
		cancel()
		wg.Wait()
	}
	for n := range 3 {
		round(n)
	}

	s, _ := open(t, dir)
	c := caller{t, s}
	var url struct{ QueueUrl string }
	c.must("GetQueueUrl", obj{"QueueName": "jobs"}, &url)
	left := map[string]bool{}
	for {
		got := c.receive(url.QueueUrl, obj{"VisibilityTimeout": 600})
		if len(got) == 0 {
			break
		}
		for _, m := range got {
			if left[m.Body] {
				t.Errorf("%s is there twice", m.Body)
			}
			left[m.Body] = true
		}
	}
	confirmed.Range(func(body, _ any) bool {
		// A delete whose answer the kill cut off may have been done.
		if _, maybe := deleting.Load(body); !maybe && !left[body.(string)] {
			t.Errorf("%s is lost", body)
		}
		return true
	})
	gone.Range(func(body, _ any) bool {
		if left[body.(string)] {
			t.Errorf("%s came back after its delete was confirmed", body)
		}
		return true
	})
}

// TestKillKeepsReceives kills the endpoint after receives, which nobody waited
// for, were written.
func TestKillKeepsReceives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, kill := spawn(t, dir)
	client := clientFor(t, url)
	q, err := client.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	send := func(body string) {
		t.Helper()
		if _, err := client.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(seconds int32) types.Message {
		t.Helper()
		out, err := client.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: q.QueueUrl, VisibilityTimeout: seconds})
		if err != nil || len(out.Messages) != 1 {
			t.Fatalf("received %+v, %v", out, err)
		}
		return out.Messages[0]
	}
	send("a")
	first := receive(600)
	if _, err := client.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{QueueUrl: q.QueueUrl, ReceiptHandle: first.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	second := receive(600)
	send("b") // queued writes are committed no later than the next commit
	kill()

	url, _ = spawn(t, dir)
	client = clientFor(t, url)
	out, err := client.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: q.QueueUrl, MaxNumberOfMessages: 10})
	if err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != "b" {
		t.Fatalf("a is in flight for ten minutes; received %+v, %v", out, err)
	}
	if _, err := client.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{QueueUrl: q.QueueUrl, ReceiptHandle: second.ReceiptHandle}); err != nil {
		t.Errorf("a receipt handle from before the kill: %v", err)
	}
	out, err = client.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: q.QueueUrl, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"}})
	if err != nil || len(out.Messages) != 1 || out.Messages[0].Attributes["ApproximateReceiveCount"] != "3" {
		t.Errorf("received %+v, %v; want the third receive", out, err)
	}
}
