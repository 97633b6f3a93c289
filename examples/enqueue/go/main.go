// Command enqueue enqueues five tasks under the identity given as its argument.
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"log"
	"math"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/vmihailenco/msgpack/v5"
)

func main() {
	id, option := os.Args[1], map[string]any{"type": "put", "strikes": []any{95, 100.5}, "note": nil, "american": true}
	packed := must(msgpack.Marshal(map[string]any{
		"f": "exec", "id": id, // the handler, and where the results will be: R#~<id>
		"t": []any{ // an argument per task
			"żółw, 日本, 𝄞",
			[]float64{0.1, -2.5, 1e300},
			[]any{9007199254740993, math.MinInt64, uint64(math.MaxUint64)},
			map[string]any{"option": option},
			[]byte{0x00, 0x01, 0xfe, 0xff},
		},
	}))
	body, queue := base64.StdEncoding.EncodeToString(packed), os.Getenv("STARBURST_QUEUE_URL")
	client := sqs.NewFromConfig(must(config.LoadDefaultConfig(context.Background())))
	must(client.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &body}))
	fmt.Println(id)
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
