package awshttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/internal/awshttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is an aws.HTTPClient that a test looks into.
type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

func TestBodies(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 5<<20)
	for _, test := range []struct {
		name, body string
		length     int64
		again      bool // the body can be had again
	}{
		{"a small body is in memory", "hello", 5, true},
		{"a large one is streamed", large, int64(len(large)), false},
		{"one of unknown length, too", "hello", -1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := httptest.NewRequest(http.MethodPost, "/", nil)
			body := &closing{Buffer: *bytes.NewBufferString(test.body)}
			in.Body, in.ContentLength = body, test.length
			_, err := awshttp.Whole(client(func(r *http.Request) (*http.Response, error) {
				if test.again {
					_ = in.Body.Close() // as the SDK does when the response begins
				}
				if _, ok := r.Body.(io.WriterTo); ok && !test.again {
					t.Error("the body writes itself")
				}
				got, err := io.ReadAll(r.Body)
				if err != nil || string(got) != test.body || r.ContentLength != test.length {
					t.Errorf("%d bytes of %d, %v", len(got), r.ContentLength, err)
				}
				if (r.GetBody != nil) != test.again {
					t.Errorf("can be had again: %v", r.GetBody != nil)
				}
				return nil, r.Body.Close()
			})).Do(in)
			if err != nil || !body.closed {
				t.Errorf("closed: %v, %v", body.closed, err)
			}
		})
	}
}

// closing is a body that writes itself, as the SDK's does.
type closing struct {
	bytes.Buffer
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestABodyThatCannotBeReadIsNotSent(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	in := httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(broken))
	in.ContentLength = 5
	_, err := awshttp.Whole(client(func(*http.Request) (*http.Response, error) {
		t.Error("sent")
		return nil, nil
	})).Do(in)
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := awshttp.Whole(client(func(*http.Request) (*http.Response, error) { return nil, nil })).Do(httptest.NewRequest(http.MethodGet, "/", nil)); err != nil {
		t.Error(err)
	}
}

// TestNoResponseIsLost makes the SDK's calls to a server that answers at once with a
// body of several packets. Without Whole some attempts fail here with "use of closed network
// connection", on two cores within some thousand calls.
func TestNoResponseIsLost(t *testing.T) {
	t.Parallel()
	answer := []byte(`{"Messages":[{"MessageId":"1","ReceiptHandle":"h","Body":"` + strings.Repeat("x", 600<<10) + `"}]}`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write(answer)
	}))
	defer srv.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	c := sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		HTTPClient: awshttp.Whole(&http.Client{Transport: transport}),
	})
	var callers sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		callers.Go(func() {
			for range 40 {
				out, err := c.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(srv.URL)})
				if err != nil {
					t.Error(err)
					return
				}
				if attempts, _ := retry.GetAttemptResults(out.ResultMetadata); len(attempts.Results) != 1 {
					t.Errorf("%d attempts: %v", len(attempts.Results), attempts.Results[0].Err)
				}
			}
		})
	}
	callers.Wait()
}
