package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/faults"
)

// upstream is an endpoint that does what it is told and notes it.
type upstream struct {
	mu   sync.Mutex
	done []string // "operation entry" of what was carried out
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in struct {
		Entries      []struct{ ID, ReceiptHandle string }
		RequestItems map[string]struct{ Keys []json.RawMessage }
	}
	b, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(b, &in)
	u.mu.Lock()
	defer u.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch op {
	case "ReceiveMessage":
		u.done = append(u.done, op)
		fmt.Fprint(w, `{"Messages":[{"MessageId":"m","ReceiptHandle":"h","Body":"b","MD5OfBody":"92eb5ffee6ae2fec3ad71c777531578f"}]}`)
	case "BatchGetItem":
		for _, k := range in.RequestItems["t"].Keys {
			u.done = append(u.done, "key "+string(k))
		}
		fmt.Fprint(w, `{"Responses":{"t":[]},"UnprocessedKeys":{}}`)
	case "":
		fmt.Fprintf(w, "plain %s %s", r.Method, r.URL.Path)
	default:
		ok := []map[string]string{}
		for _, e := range in.Entries {
			u.done = append(u.done, op+" "+e.ID+e.ReceiptHandle)
			ok = append(ok, map[string]string{"Id": e.ID, "MessageId": "m" + e.ID, "MD5OfMessageBody": "x"})
		}
		if len(in.Entries) == 0 {
			u.done = append(u.done, op)
		}
		_ = json.NewEncoder(w).Encode(map[string][]map[string]string{"Successful": ok}) //nolint:errchkjson // strings always encode
	}
}

func (u *upstream) carriedOut() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.done)
}

// setup starts an upstream and a proxy before it, with SDK clients that do not try again.
func setup(t *testing.T, c faults.Config) (*faults.Proxy, *upstream, *sqs.Client, *dynamodb.Client) {
	t.Helper()
	u := &upstream{}
	server := httptest.NewServer(u)
	t.Cleanup(server.Close)
	c.Upstream = server.URL
	p, err := faults.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(p.URL()), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1,
	}
	queue := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	return p, u, queue, dynamodb.NewFromConfig(cfg)
}

func send(ctx context.Context, c *sqs.Client, n int) (*sqs.SendMessageBatchOutput, error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String("q")}
	for i := range n {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String("b")})
	}
	return c.SendMessageBatch(ctx, in)
}

func TestCallsEndAsPlanned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		plan  faults.Plan
		done  bool // at the endpoint
		count string
		codes []string // of the error; none for a connection that is cut
	}{
		{"a request that does not arrive", faults.Plan{Rates: faults.Rates{DropRequest: 1}}, false, "PutItem: request dropped", nil},
		{"a response that does not arrive", faults.Plan{Rates: faults.Rates{DropResponse: 1}}, true, "PutItem: response dropped", nil},
		{"a throttle", faults.Plan{Rates: faults.Rates{Throttle: 1}}, false, "PutItem: throttled", []string{"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}},
		{"a server error", faults.Plan{Rates: faults.Rates{ServerError: 1}}, false, "PutItem: server error", []string{"InternalFailure", "ServiceUnavailableException", "UnknownError"}},
		{"credentials that have expired", faults.Plan{Windows: []faults.Window{{Kind: faults.Expire, To: time.Hour}}}, false, "PutItem: credentials expired", []string{"ExpiredTokenException"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, u, _, db := setup(t, faults.Config{Plan: c.plan})
			_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: map[string]ddbtypes.AttributeValue{}})
			if err == nil {
				t.Fatal("no error")
			}
			var api smithy.APIError
			if errors.As(err, &api) != (c.codes != nil) || api != nil && !slices.Contains(c.codes, api.ErrorCode()) {
				t.Errorf("error %v; want one of %v", err, c.codes)
			}
			if got := len(u.carriedOut()) == 1; got != c.done {
				t.Errorf("carried out: %v, want %v", got, c.done)
			}
			if diff := cmp.Diff(map[string]int{c.count: 1}, p.Counts()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntriesFareAsPlanned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		rates      faults.Rates
		ok, failed bool // whether some entries are reported so
	}{
		{"entries fail, some of them although they were carried out", faults.Rates{FailEntry: 0.7}, true, true},
		{"entries are left out of the answer", faults.Rates{OmitEntry: 0.7}, true, false},
		{"all entries fail", faults.Rates{FailEntry: 1}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan := faults.Plan{Seed: 5, Rates: c.rates}
			p, u, queue, _ := setup(t, faults.Config{Plan: plan})
			var want, ok, failed, wantOK, wantFailed []string
			for call := range uint64(5) {
				out, err := send(t.Context(), queue, 10)
				if err != nil {
					t.Fatal(err)
				}
				v := plan.Decide("SendMessageBatch", call)
				for k := range 10 {
					id := strconv.Itoa(k)
					f := v.Entry(k)
					if f != faults.FailedUndone && f != faults.OmittedUndone {
						want = append(want, "SendMessageBatch "+id)
					}
					switch f {
					case faults.Passed:
						wantOK = append(wantOK, id)
					case faults.FailedDone, faults.FailedUndone:
						wantFailed = append(wantFailed, id)
					default:
					}
				}
				for _, e := range out.Successful {
					ok = append(ok, *e.Id)
				}
				var here []string
				for _, e := range out.Failed {
					here = append(here, *e.Id)
				}
				slices.Sort(here) // a map's order
				failed = append(failed, here...)
			}
			if diff := cmp.Diff([][]string{want, wantOK, wantFailed}, [][]string{u.carriedOut(), ok, failed}); diff != "" {
				t.Errorf("carried out, successful, failed (-want +got):\n%s", diff)
			}
			if len(ok) > 0 != c.ok || len(failed) > 0 != c.failed || len(p.Counts()) == 0 {
				t.Errorf("%d ok, %d failed, counts %v", len(ok), len(failed), p.Counts())
			}
		})
	}
}

func TestAMessageComesTwiceUnderAnotherHandle(t *testing.T) {
	t.Parallel()
	_, u, queue, _ := setup(t, faults.Config{Plan: faults.Plan{Operations: map[string]faults.Rates{"ReceiveMessage": {Repeat: 1}}}})
	in := &sqs.ReceiveMessageInput{QueueUrl: aws.String("q"), MaxNumberOfMessages: 10}
	var handles []string
	for end := time.Now().Add(10 * time.Second); len(handles) < 2; {
		out, err := queue.ReceiveMessage(t.Context(), in)
		if err != nil || time.Now().After(end) {
			t.Fatalf("%v, or no repeated message in 10 s", err)
		}
		handles = nil
		for _, m := range out.Messages {
			handles = append(handles, *m.ReceiptHandle)
		}
	}
	if handles[0] != "h" || handles[1] == "h" {
		t.Fatalf("handles %v", handles)
	}
	del := &sqs.DeleteMessageBatchInput{QueueUrl: aws.String("q"), Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: &handles[0]}, {Id: aws.String("2"), ReceiptHandle: &handles[1]},
	}}
	out, err := queue.DeleteMessageBatch(t.Context(), del)
	if err != nil || len(out.Successful) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	if done := u.carriedOut(); !slices.Equal(done[len(done)-2:], []string{"DeleteMessageBatch 1h", "DeleteMessageBatch 2h"}) {
		t.Errorf("the endpoint was told %v", done[len(done)-2:])
	}
}

func TestOneBodyOfAnAnswerIsCorrupted(t *testing.T) {
	t.Parallel()
	p, _, queue, _ := setup(t, faults.Config{Plan: faults.Plan{Operations: map[string]faults.Rates{"ReceiveMessage": {Corrupt: 1}}}})
	out, err := queue.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("q")})
	if err != nil || *out.Messages[0].MD5OfBody == "92eb5ffee6ae2fec3ad71c777531578f" || p.Counts()["ReceiveMessage: corrupted"] != 1 {
		t.Errorf("%+v, %v, %v", out, err, p.Counts())
	}
}

func TestKeysAreLeftUnprocessed(t *testing.T) {
	t.Parallel()
	_, u, _, db := setup(t, faults.Config{Plan: faults.Plan{Seed: 2, Rates: faults.Rates{FailEntry: 0.5}}})
	var keys []map[string]ddbtypes.AttributeValue
	for i := range 20 {
		keys = append(keys, map[string]ddbtypes.AttributeValue{"k": &ddbtypes.AttributeValueMemberN{Value: strconv.Itoa(i)}})
	}
	want := ddbtypes.KeysAndAttributes{Keys: keys, ConsistentRead: aws.Bool(true)}
	out, err := db.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]ddbtypes.KeysAndAttributes{"t": want}})
	if err != nil {
		t.Fatal(err)
	}
	left := out.UnprocessedKeys["t"]
	if n, done := len(left.Keys), len(u.carriedOut()); n == 0 || done == 0 || n+done != 20 || !aws.ToBool(left.ConsistentRead) {
		t.Errorf("%d keys unprocessed, %d carried out of 20", n, done)
	}
}

func TestAFrozenServiceAnswersWhenItThaws(t *testing.T) {
	t.Parallel()
	const until = 300 * time.Millisecond
	p, _, queue, db := setup(t, faults.Config{Plan: faults.Plan{Windows: []faults.Window{{Kind: faults.Freeze, Service: faults.SQS, To: until}}}})
	start := time.Now()
	impatient, cancel := context.WithTimeout(t.Context(), until/10)
	defer cancel()
	if _, err := send(impatient, queue, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("during the freeze: %v", err)
	}
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: map[string]ddbtypes.AttributeValue{}}); err != nil {
		t.Errorf("the other service: %v", err)
	}
	if _, err := send(t.Context(), queue, 1); err != nil || time.Since(start) < until-50*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if n := p.Counts()["SendMessageBatch: frozen"]; n < 1 {
		t.Errorf("%d calls frozen", n)
	}
}

func TestOtherRequestsPassUntouched(t *testing.T) {
	t.Parallel()
	p, _, _, _ := setup(t, faults.Config{Plan: faults.Plan{Rates: faults.Rates{DropRequest: 1}}}) //nolint:dogsled // this test needs the proxy alone
	res, err := http.Get(p.URL() + "/bucket/key")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != "plain GET /bucket/key" {
		t.Errorf("%q, %v", b, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestBeforeCanHoldACall(t *testing.T) {
	t.Parallel()
	held, release := make(chan faults.Call, 1), make(chan struct{})
	_, u, queue, _ := setup(t, faults.Config{Before: func(ctx context.Context, c faults.Call) {
		held <- c
		select {
		case <-release:
		case <-ctx.Done():
		}
	}})
	sent := make(chan error, 1)
	go func() {
		_, err := send(t.Context(), queue, 1)
		sent <- err
	}()
	if c := <-held; c.Operation != "SendMessageBatch" || c.Service != faults.SQS || len(u.carriedOut()) != 0 {
		t.Errorf("held %+v, carried out %v", c, u.carriedOut())
	}
	close(release)
	if err := <-sent; err != nil || len(u.carriedOut()) != 1 {
		t.Errorf("%v, carried out %v", err, u.carriedOut())
	}
}
