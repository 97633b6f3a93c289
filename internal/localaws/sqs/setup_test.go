package sqs

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// open opens a service on the database file in dir. The returned function closes
// both, and is called at the test's end if the test does not call it.
func open(t testing.TB, dir string) (*Service, func()) {
	t.Helper()
	d, err := db.Open(filepath.Join(dir, "sqs.db"), db.OnError(func(err error) { t.Errorf("in the background: %v", err) }))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	stop := func() {
		if !closed {
			closed = true
			s.Close()
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// caller calls operations of a service without a network, for tests under a
// fake clock.
type caller struct {
	t reporter
	s *Service
}

// reporter is what a caller needs of a testing.TB or a *rapid.T.
type reporter interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// failure is an error answer.
type failure struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

// try calls an operation and decodes its result; the code is "" for success.
func (c caller) try(ctx context.Context, operation string, in, out any) (code string) {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:1/", bytes.NewReader(body)).WithContext(ctx)
	r.Header.Set("X-Amz-Target", TargetPrefix+operation)
	w := httptest.NewRecorder()
	c.s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		var f failure
		if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil {
			c.t.Fatalf("%s: status %d, body %q", operation, w.Code, w.Body)
		}
		return strings.TrimPrefix(f.Type, "com.amazonaws.sqs#")
	}
	if out != nil && w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			c.t.Fatalf("%s: %v in %q", operation, err, w.Body)
		}
	}
	return ""
}

// must calls an operation that has to succeed.
func (c caller) must(operation string, in, out any) {
	c.t.Helper()
	if code := c.try(context.Background(), operation, in, out); code != "" {
		c.t.Fatalf("%s failed with %s", operation, code)
	}
}

type obj = map[string]any

func (c caller) create(name string, attributes map[string]string) (url string) {
	c.t.Helper()
	var out struct{ QueueUrl string }
	c.must("CreateQueue", obj{"QueueName": name, "Attributes": attributes}, &out)
	return out.QueueUrl
}

func (c caller) arn(url string) string { return c.attributes(url)["QueueArn"] }

func (c caller) attributes(url string) map[string]string {
	c.t.Helper()
	var out struct{ Attributes map[string]string }
	c.must("GetQueueAttributes", obj{"QueueUrl": url, "AttributeNames": []string{"All"}}, &out)
	return out.Attributes
}

// counts are visible, not visible and delayed messages.
func (c caller) counts(url string) [3]string {
	a := c.attributes(url)
	return [3]string{a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"], a["ApproximateNumberOfMessagesDelayed"]}
}

func (c caller) send(url, body string, more ...obj) {
	c.t.Helper()
	in := obj{"QueueUrl": url, "MessageBody": body}
	for _, m := range more {
		maps.Copy(in, m)
	}
	c.must("SendMessage", in, nil)
}

// got is a received message.
type got struct {
	Body, MessageId, ReceiptHandle string
	Attributes                     map[string]string
	MD5OfBody                      string
}

// receive asks for ten messages unless more says otherwise.
func (c caller) receive(url string, more ...obj) []got {
	c.t.Helper()
	in := obj{"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": []string{"All"}}
	for _, m := range more {
		maps.Copy(in, m)
	}
	var out struct{ Messages []got }
	c.must("ReceiveMessage", in, &out)
	return out.Messages
}

func (c caller) hide(url, handle string, seconds int) (code string) {
	c.t.Helper()
	return c.try(context.Background(), "ChangeMessageVisibility", obj{"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": seconds}, nil)
}

func (c caller) delete(url, handle string) (code string) {
	c.t.Helper()
	return c.try(context.Background(), "DeleteMessage", obj{"QueueUrl": url, "ReceiptHandle": handle}, nil)
}

func bodies(messages []got) []string {
	out := []string{}
	for _, m := range messages {
		out = append(out, m.Body)
	}
	return out
}

// sdkClient returns the real SDK's client for a service of this test, or for the
// server at AWS_ENDPOINT_URL_SQS, so that the expectations can be held against
// servers that others wrote.
func sdkClient(t testing.TB) (client *sdk.Client, elsewhere bool) {
	t.Helper()
	url := os.Getenv("AWS_ENDPOINT_URL_SQS")
	if url == "" {
		s, _ := open(t, t.TempDir())
		srv := httptest.NewServer(s)
		t.Cleanup(srv.Close)
		return clientFor(t, srv.URL), false
	}
	return clientFor(t, url), true
}

func clientFor(t testing.TB, url string) *sdk.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return sdk.New(sdk.Options{
		Region: DefaultRegion, BaseEndpoint: aws.String(url), HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// sdkQueue creates a queue of the test's own name.
func sdkQueue(t testing.TB, client *sdk.Client, suffix string, attributes map[string]string) (url, arn string) {
	t.Helper()
	name := queueName(t, suffix)
	out, err := client.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Only a server that is not the test's own would keep it.
		_, _ = client.DeleteQueue(context.Background(), &sdk.DeleteQueueInput{QueueUrl: out.QueueUrl})
	})
	a, err := client.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: out.QueueUrl, AttributeNames: []types.QueueAttributeName{"QueueArn"}})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl, a.Attributes["QueueArn"]
}

// queueName makes a legal queue name of the test's name.
func queueName(t testing.TB, suffix string) string {
	t.Helper()
	name := strings.Map(func(r rune) rune {
		if isName(string(r), 1) {
			return r
		}
		return '-'
	}, t.Name())
	name = strings.ReplaceAll(name, "--", "-")
	return name[max(0, len(name)-maxQueueName+len(suffix)):] + suffix
}
