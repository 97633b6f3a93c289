package sqs

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const benchClients = 8

// benchQueue starts a service behind HTTP with a queue, and the SDK's client.
func benchQueue(b *testing.B) (*sdk.Client, *string) {
	b.Helper()
	s, _ := open(b, b.TempDir())
	srv := httptest.NewServer(s)
	b.Cleanup(srv.Close)
	client := clientFor(b, srv.URL)
	q, err := client.CreateQueue(b.Context(), &sdk.CreateQueueInput{QueueName: aws.String("bench")})
	if err != nil {
		b.Fatal(err)
	}
	return client, q.QueueUrl
}

// parallel runs call n times in all, from benchClients goroutines.
func parallel(n int, call func() bool) {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range benchClients {
		wg.Go(func() {
			for left.Add(-1) >= 0 && call() {
			}
		})
	}
	wg.Wait()
}

func sendTen(b *testing.B, client *sdk.Client, url, body *string) bool {
	b.Helper()
	in := &sdk.SendMessageBatchInput{QueueUrl: url}
	for i := range 10 {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: body})
	}
	out, err := client.SendMessageBatch(b.Context(), in)
	if err != nil || len(out.Successful) != 10 {
		b.Errorf("sent %+v, %v", out, err)
		return false
	}
	return true
}

// BenchmarkSend10 counts batches of ten; messages are ten times as many. Client
// and server share the processors.
func BenchmarkSend10(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprint("bytes=", size), func(b *testing.B) {
			client, url := benchQueue(b)
			body := strings.Repeat("a", size)
			b.ReportAllocs()
			b.ResetTimer()
			parallel(b.N, func() bool { return sendTen(b, client, url, &body) })
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// BenchmarkReceive10Delete10 counts batches of ten received and deleted.
func BenchmarkReceive10Delete10(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprint("bytes=", size), func(b *testing.B) {
			client, url := benchQueue(b)
			body := strings.Repeat("a", size)
			parallel(b.N, func() bool { return sendTen(b, client, url, &body) })
			b.ReportAllocs()
			b.ResetTimer()
			parallel(b.N, func() bool {
				out, err := client.ReceiveMessage(b.Context(), &sdk.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
				if err != nil {
					b.Error(err)
					return false
				}
				in := &sdk.DeleteMessageBatchInput{QueueUrl: url}
				for i, m := range out.Messages {
					in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
				}
				if _, err := client.DeleteMessageBatch(b.Context(), in); err != nil {
					b.Error(err)
					return false
				}
				return true
			})
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
