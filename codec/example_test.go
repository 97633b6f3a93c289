package codec_test

import (
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// A producer encodes a chunk of two tasks; a worker decodes it.
func Example() {
	type option struct {
		Symbol string  `json:"symbol"`
		Strike float64 `json:"strike"`
	}
	message := &codec.Message{Handler: "price", Job: "job-7", First: 1200}
	for _, o := range []option{{"AAPL", 187.25}, {"MSFT", 400}} {
		arg, err := codec.Marshal(o)
		if err != nil {
			panic(err)
		}
		message.Args = append(message.Args, arg)
	}
	body, err := codec.Encode(message)
	if err != nil {
		panic(err)
	}

	received, err := codec.Decode(body)
	if err != nil {
		panic(err)
	}
	for k, arg := range received.Args {
		var o option
		if err := codec.Unmarshal(arg, &o); err != nil {
			panic(err)
		}
		fmt.Println(received.Handler, received.Index(k), o.Symbol, o.Strike)
	}
	// Output:
	// price 1200 AAPL 187.25
	// price 1201 MSFT 400
}

// The smallest legal message is typed by hand: aws sqs send-message --message-body '…'.
func ExampleDecode() {
	m, err := codec.Decode(`{"f":"price","t":[["AAPL",187.25]]}`)
	fmt.Println(m.Handler, m.Len(), m.Self(), err)

	_, err = codec.Decode("hello")
	var bad *codec.BadMessageError
	fmt.Println(errors.As(err, &bad), bad.Reason)
	// Output:
	// price 1 0 <nil>
	// true base64
}

// The five bytes are an array that claims 2,147,483,647 elements.
func ExampleGuard() {
	fmt.Println(codec.Guard([]byte{0xdd, 0x7f, 0xff, 0xff, 0xff}, codec.MaxDepth))
	// Output: bad message (msgpack): an array at byte 0 declares 2147483647, but only 0 bytes follow
}

// Other languages write numbers in other forms; what does not fit is refused by name.
func ExampleUnmarshal() {
	type point struct {
		Depth int8    `json:"depth"`
		Rate  float64 `json:"rate"`
	}
	var p point
	for _, text := range []string{`{"depth":4.0,"rate":1}`, `{"depth":300,"rate":1}`} {
		raw, err := codec.JSONToMsgpack([]byte(text))
		if err != nil {
			panic(err)
		}
		err = codec.Unmarshal(raw, &p)
		fmt.Println(p.Depth, p.Rate, err)
	}
	// Output:
	// 4 1 <nil>
	// 4 1 decode into *codec_test.point: depth: 300 does not fit int8
}

func ExampleMsgpackToJSON() {
	raw, err := codec.Marshal(map[string]any{"n": 1, "x": 1.0, "blob": []byte{1, 2, 3}})
	if err != nil {
		panic(err)
	}
	text, err := codec.MsgpackToJSON(raw)
	fmt.Println(string(text), err)
	// Output: {"blob":{"$bin":"AQID"},"n":1,"x":1.0} <nil>
}

// The hash tells whether a job that is submitted again has the same input.
func ExampleHasher() {
	var h codec.Hasher
	for i := range 3 {
		raw, err := codec.Marshal(i)
		if err != nil {
			panic(err)
		}
		h.Add(raw)
	}
	sum := h.Sum()
	fmt.Printf("%x\n", sum[:4])
	// Output: 518babb9
}

// Arguments too large for a body go to S3; the message points to them.
func ExampleEncodeArgs() {
	object := codec.EncodeArgs([]msgpack.RawMessage{{0x01}, {0x02}})
	args, err := codec.DecodeArgs(object)
	fmt.Printf("% x %d %v\n", object, len(args), err)
	// Output: 92 01 02 2 <nil>
}
