package meter

import (
	"context"
	"maps"
	"math"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The names of what is counted besides the calls of sqs and s3.
const (
	// WriteUnits and ReadUnits are DynamoDB's, of tables on demand.
	WriteUnits = "ddb.wru"
	ReadUnits  = "ddb.rru"
	// BytesIn and BytesOut are the bodies of all answers and of all requests.
	BytesIn  = "bytes.in"
	BytesOut = "bytes.out"
)

// sqsPayload is what one billed request of SQS holds at most (Amazon SQS pricing: "every
// 64 KB chunk of a payload is billed as 1 request").
const sqsPayload = 64 << 10

// Meter counts calls. Its zero value is ready; it is safe for concurrent use.
type Meter struct {
	mu     sync.Mutex // protects counts
	counts map[string]float64
}

// Counts returns the totals since the meter was made, rounded up: "sqs.send",
// "sqs.receive", "sqs.delete", "sqs.visibility", "sqs.other" in billed requests,
// "s3.put", "s3.get", "s3.list" in calls, and those named by constants.
func (m *Meter) Counts() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[string]int64, len(m.counts))
	for name, n := range maps.All(m.counts) {
		out[name] = int64(math.Ceil(n))
	}
	return out
}

func (m *Meter) add(name string, n float64) {
	if n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = map[string]float64{}
	}
	m.counts[name] += n
}

// Register adds the meter to a client; it belongs into aws.Config.APIOptions.
func (m *Meter) Register(stack *middleware.Stack) error {
	if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("StarburstUnits", m.units), middleware.After); err != nil {
		return err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("StarburstCalls", m.call), middleware.Before)
}

// call counts one attempt; the step it stands in comes after the SDK's retries.
func (m *Meter) call(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	var sent, received int64
	if r, ok := in.Request.(*smithyhttp.Request); ok {
		sent = max(0, r.ContentLength)
	}
	if r, ok := out.RawResponse.(*smithyhttp.Response); ok && r != nil {
		received = max(0, r.ContentLength)
	}
	m.add(BytesOut, float64(sent))
	m.add(BytesIn, float64(received))
	switch operation := awsmiddleware.GetOperationName(ctx); awsmiddleware.GetServiceID(ctx) {
	case sqs.ServiceID:
		m.add(sqsName(operation), float64(max(1, (max(sent, received)+sqsPayload-1)/sqsPayload)))
	case s3.ServiceID:
		m.add(s3Name(operation), 1)
	}
	return out, meta, err
}

func sqsName(operation string) string {
	switch operation {
	case "SendMessage", "SendMessageBatch":
		return "sqs.send"
	case "ReceiveMessage":
		return "sqs.receive"
	case "DeleteMessage", "DeleteMessageBatch":
		return "sqs.delete"
	case "ChangeMessageVisibility", "ChangeMessageVisibilityBatch":
		return "sqs.visibility"
	}
	return "sqs.other"
}

// s3Name follows S3's price list: PUT, COPY, POST and LIST are dear, the rest is
// cheap; DELETE is free.
func s3Name(operation string) string {
	switch operation {
	case "PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "CreateBucket":
		return "s3.put"
	case "ListObjects", "ListObjectsV2", "ListBuckets":
		return "s3.list"
	case "DeleteObject", "DeleteObjects", "AbortMultipartUpload":
		return "s3.delete"
	}
	return "s3.get"
}

// units asks DynamoDB to tell the units that a call consumed, and counts them.
func (m *Meter) units(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	if awsmiddleware.GetServiceID(ctx) != dynamodb.ServiceID {
		return next.HandleInitialize(ctx, in)
	}
	in.Parameters = askForUnits(in.Parameters)
	out, meta, err := next.HandleInitialize(ctx, in)
	if err == nil {
		name, n := consumed(out.Result)
		m.add(name, n)
	} else if refused(err) {
		m.add(WriteUnits, 1) // a write whose condition fails is billed (DynamoDB developer guide); of what size, the answer does not tell
	}
	return out, meta, err
}
