package stack

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/starburst-go/starburst/internal/httpcall"
)

// httpClient allows as many idle connections to one host as a worker has calls
// in flight. The dial is bounded; responses are bounded above the longest poll
// of 20 s (aws-sdk-go#3262).
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 64
		t.ResponseHeaderTimeout = queueTimeout
	})
}

// queueTimeout is above the longest poll of 20 s.
const queueTimeout = 35 * time.Second

// tableTimeout is how long the headers of an answer of DynamoDB may take: it
// answers in milliseconds, and has no long polls. A worker whose slots wait for an answer
// that was lost holds its messages meanwhile.
const tableTimeout = 10 * time.Second

// short is a client for the many short calls to SQS or DynamoDB, with connections of its own. It is made last, since the
// SDK's own set-up (AWS_CA_BUNDLE) wants a client that it can change.
func short(c aws.HTTPClient, headerTimeout time.Duration) aws.HTTPClient {
	b, ok := c.(*awshttp.BuildableClient)
	if !ok {
		return inMemory{c}
	}
	t := b.GetTransport()
	t.ResponseHeaderTimeout = headerTimeout
	return httpcall.New(httpcall.Options{Transport: t, HeaderTimeout: headerTimeout, MaxIdle: t.MaxIdleConnsPerHost})
}

// inMemory wraps the client last, since the SDK's own set-up (AWS_CA_BUNDLE) wants
// a client that it can change. It hands small request bodies to the transport as plain byte readers.
// The SDK's own body is closed as soon as a response arrives (smithy-go 1.28); a
// server that answers before the transport has finished its bookkeeping then
// makes net/http take the closed body for a write error and cut the
// connection, and the messages of a receive that is cut stay hidden for a whole
// visibility timeout.
type inMemory struct{ next aws.HTTPClient }

// smallBody bounds what is copied: large objects keep their stream.
const smallBody = 2 << 20

// Do sends the request.
func (c inMemory) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > smallBody {
		return c.next.Do(r)
	}
	b := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, b); err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	clone := r.WithContext(r.Context()) // a shallow copy: a round tripper must not change its request
	clone.Body = io.NopCloser(bytes.NewReader(b))
	return c.next.Do(clone)
}
