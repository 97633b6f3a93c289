//go:build linux

package producer_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/producer"
)

// wire is the far end of the SDK's HTTP client, without a network: it reads the
// request as a server must and answers that all went well. Its own cost is in the figures.
type wire struct{ calls atomic.Int64 }

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.calls.Add(1)
	defer r.Body.Close()
	var in struct {
		Entries []struct{ Id, MessageBody string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	type entry struct{ Id, MessageId, MD5OfMessageBody string }
	var out struct{ Successful, Failed []entry }
	out.Failed = []entry{}
	for _, e := range in.Entries {
		sum := md5.Sum([]byte(e.MessageBody))
		out.Successful = append(out.Successful, entry{e.Id, "5fea7756-0ea4-451a-a703-a558b933e274", hex.EncodeToString(sum[:])})
	}
	body, err := json.Marshal(out)
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
	}, err
}

func sdkClient(w *wire) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: &http.Client{Transport: w},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSubmit gives the producer's CPU time a task, the SDK's work and that of
// a minimal far end included.
func BenchmarkSubmit(b *testing.B) {
	const n = 100_000
	for _, chunk := range []int{0, 1} {
		b.Run(fmt.Sprintf("tasks=%d/chunk=%d", n, chunk), func(b *testing.B) {
			args := ints(n)
			far := &wire{}
			p, err := producer.New(producer.Config{Queue: sdkClient(far), QueueURL: "http://127.0.0.1:1/0/q", Jobs: &sink{}})
			if err != nil {
				b.Fatal(err)
			}
			before := cpuTime()
			for b.Loop() {
				report, err := p.Submit(b.Context(), producer.Spec{Handler: "noop", Source: producer.Slice(args), Chunk: chunk, MaxWorkers: 2})
				if err != nil || report.Sent != n {
					b.Fatal(report, err)
				}
			}
			cpu := cpuTime() - before
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N)/n, "cpu-µs/task")
			b.ReportMetric(float64(far.calls.Load())/float64(b.N), "calls/op")
		})
	}
}

// BenchmarkSources gives the cost of one pass over each kind of source.
func BenchmarkSources(b *testing.B) {
	type path struct {
		Seed  int64   `msgpack:"seed"`
		Drift float64 `msgpack:"drift"`
		Name  string  `msgpack:"name"`
	}
	paths := make([]path, 100_000)
	for i := range paths {
		paths[i] = path{int64(i), 0.5, "AAPL"}
	}
	for name, s := range map[string]producer.Source{
		"ints":    producer.Slice(ints(100_000)),
		"structs": producer.Slice(paths),
		"jsonl":   bigFile(b, "a.jsonl", 100_000),
		"csv":     bigFile(b, "a.csv", 100_000),
		"range":   producer.Range{From: 1, To: 100_000, Step: 1},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range s.Args() {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/task")
		})
	}
}

// BenchmarkMillion reports the process's peak memory and the CPU time of a
// million tasks from a JSONL file over the SDK. Run it alone: -bench=Million -run='^$'.
func BenchmarkMillion(b *testing.B) {
	source := bigFile(b, "a.jsonl", 1_000_000)
	for _, chunk := range []int{0, 1} {
		b.Run(fmt.Sprintf("chunk=%d", chunk), func(b *testing.B) {
			p, err := producer.New(producer.Config{Queue: sdkClient(&wire{}), QueueURL: "http://127.0.0.1:1/0/q", Jobs: &sink{}})
			if err != nil {
				b.Fatal(err)
			}
			debug.FreeOSMemory()
			before := cpuTime()
			for b.Loop() {
				if _, err := p.Submit(b.Context(), producer.Spec{Handler: "h", Source: source, Chunk: chunk}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpuTime()-before).Seconds()/float64(b.N), "cpu-s/op")
			var u syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
			b.ReportMetric(float64(u.Maxrss)/1024, "peak-MiB")
		})
	}
}
