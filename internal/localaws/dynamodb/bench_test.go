package dynamodb

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The hot path of the product: a result item of about 300 bytes, put on the condition that it is new.

const putCondition = "attribute_not_exists(pk)"

// BenchmarkPutItemConditional is over HTTP with the SDK, 32 callers at once: client and server share the machine.
func BenchmarkPutItemConditional(b *testing.B) {
	e := setup(b)
	table := e.table(b)
	payload := make([]byte, 220)
	var next atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := next.Add(1)
			_, err := e.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &table,
				ConditionExpression: aws.String(putCondition), ReturnValuesOnConditionCheckFailure: "ALL_OLD",
				Item: item{"pk": s(fmt.Sprintf("R#job#%d", i%16)), "sk": s(fmt.Sprintf("%010d", i)), "t": s("0123456789abcdef"),
					"d": &bin{Value: payload}, "n": n("17"), "exp": n("1800000000")}})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}

// putBody is the request that the SDK sends for such a put.
func putBody(i int64) string {
	return fmt.Sprintf(`{"ConditionExpression":"attribute_not_exists(pk)","Item":{"d":{"B":"%s"},"exp":{"N":"1800000000"},"n":{"N":"17"},"pk":{"S":"R#job#%d"},"sk":{"S":"%010d"},"t":{"S":"0123456789abcdef"}},"ReturnValuesOnConditionCheckFailure":"ALL_OLD","TableName":"things"}`,
		strings.Repeat("A", 296), i%16, i)
}

// BenchmarkHandlerPutItemConditional is the same without HTTP: the handler, the database and nothing else.
func BenchmarkHandlerPutItemConditional(b *testing.B) {
	for _, ttl := range []bool{false, true} {
		b.Run(fmt.Sprintf("ttl=%v", ttl), func(b *testing.B) { benchmarkHandler(b, ttl) })
	}
}

func benchmarkHandler(b *testing.B, ttl bool) {
	b.Helper()
	e := setup(b)
	table := e.table(b)
	if ttl {
		_, err := e.UpdateTimeToLive(context.Background(), &dynamodb.UpdateTimeToLiveInput{TableName: &table,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("exp"), Enabled: aws.Bool(true)}})
		if err != nil {
			b.Fatal(err)
		}
	}
	var next atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(putBody(next.Add(1))))
			r.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem")
			w := httptest.NewRecorder()
			e.service.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Fatal(w.Body)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}

// BenchmarkQuery reads partitions of 1,000 such items with the handler alone.
func BenchmarkQuery(b *testing.B) {
	e := setup(b)
	e.table(b)
	for i := range int64(1000) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(putBody(i*16)))
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem")
		e.service.ServeHTTP(httptest.NewRecorder(), r)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(
			`{"TableName":"things","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"R#job#0"}}}`))
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.Query")
		w := httptest.NewRecorder()
		e.service.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.Len() < 300_000 {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "items/s")
}
