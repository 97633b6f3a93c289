package awshttp

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// most is the largest body that is held in memory once more. SQS and DynamoDB
// requests stay far below; S3 objects above it are streamed.
const most = 4 << 20

// Whole returns a client that passes on request bodies as bytes in memory.
func Whole(next aws.HTTPClient) aws.HTTPClient { return whole{next} }

type whole struct{ next aws.HTTPClient }

// Do implements aws.HTTPClient.
func (w whole) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return w.next.Do(r)
	}
	out := r.WithContext(r.Context()) // a shallow copy; the SDK may close its body, and the copy has its own
	if r.ContentLength < 0 || r.ContentLength > most {
		out.Body = struct { // not an io.WriterTo
			io.Reader
			io.Closer
		}{r.Body, r.Body}
		return w.next.Do(out)
	}
	var b bytes.Buffer
	b.Grow(int(r.ContentLength) + bytes.MinRead)
	_, err := b.ReadFrom(r.Body)
	if closeErr := r.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	// GetBody lets net/http try again by itself when an idle connection turns out to
	// be closed before anything was written.
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	out.Body, _ = out.GetBody()
	return w.next.Do(out)
}
