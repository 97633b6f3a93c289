package localaws_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/internal/localaws/localawstest"
)

func TestMessagesOfAnUnreadAnswerComeBackAtOnce(t *testing.T) {
	t.Parallel()
	srv := localawstest.Start(t)
	client := sqs.NewFromConfig(localawstest.AWSConfig(t, srv))
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs"), Attributes: map[string]string{"VisibilityTimeout": "600"}})
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 512<<10)
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: &big}); err != nil {
		t.Fatal(err)
	}
	receive := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", strings.TrimPrefix(srv.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"QueueUrl":%q}`, *q.QueueUrl)
		if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
		return c
	}
	next := func(wait int32) (count string) {
		t.Helper()
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, WaitTimeSeconds: wait, VisibilityTimeout: 600,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			return m.Attributes["ApproximateReceiveCount"]
		}
		return "none"
	}

	// One reads the first line and hangs up on the rest.
	c := receive()
	if line, err := bufio.NewReaderSize(c, 16).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := next(20); got != "2" {
		t.Fatalf("after an unread answer: receive count %s, want the second receive", got)
	}
	if _, err := client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: q.QueueUrl}); err != nil {
		t.Fatal(err)
	}

	// One reads it all and hangs up: the message is its own.
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: &big}); err != nil {
		t.Fatal(err)
	}
	c = receive()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := next(1); got != "none" {
		t.Errorf("after a read answer: receive count %s, want no message", got)
	}
}
