package codec_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// fromJSON builds the msgpack form of an envelope written as JSON.
func fromJSON(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := codec.JSONToMsgpack([]byte(text))
	if err != nil {
		t.Fatalf("test envelope %s: %v", text, err)
	}
	return raw
}

func args(t testing.TB, vs ...any) []msgpack.RawMessage {
	t.Helper()
	out := make([]msgpack.RawMessage, len(vs))
	for i, v := range vs {
		out[i] = mustMarshal(t, v)
	}
	return out
}

var sha = [32]byte{0xab, 1, 2, 31: 0xff}

const shaHex = "ab010200000000000000000000000000000000000000000000000000000000ff"

func TestDecodeMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		json string
		want *codec.Message
	}{
		{
			"the smallest legal message, as typed by hand",
			`{"f":"price","t":[["AAPL",187.25]]}`,
			&codec.Message{Handler: "price", Args: args(t, []any{"AAPL", 187.25}), Attempt: 1},
		},
		{
			"every key",
			`{"v":1,"f":"price","t":[1,2],"j":"job-1","q":7,"i":[7,9],"m":"3.1.r2","id":"x","a":2,"dl":1795505696123,"tp":"00-a-b-01","n":2}`,
			&codec.Message{
				Handler: "price", Args: args(t, 1, 2), Job: "job-1", First: 7, Indices: []int{7, 9}, Identity: "3.1.r2", ID: "x",
				Attempt: 2, Deadline: time.UnixMilli(1795505696123).UTC(), Trace: "00-a-b-01",
			},
		},
		{
			"unknown keys are ignored, whatever they hold",
			`{"f":"price","t":[null],"x":{"v":2},"":[],"F":1}`,
			&codec.Message{Handler: "price", Args: args(t, nil), Attempt: 1},
		},
		{
			"nil stands for a key that is absent",
			`{"v":null,"f":"price","t":[1],"j":null,"q":null,"i":null,"m":null,"id":null,"a":null,"dl":null,"tp":null,"s3":null,"sha":null,"len":null,"n":null}`,
			&codec.Message{Handler: "price", Args: args(t, 1), Attempt: 1},
		},
		{
			"R writes whole numbers as floats",
			`{"v":1.0,"f":"price","t":[1],"q":5.0,"i":[5.0],"a":1.0,"dl":1795505696123.0}`,
			&codec.Message{Handler: "price", Args: args(t, 1), First: 5, Indices: []int{5}, Attempt: 1, Deadline: time.UnixMilli(1795505696123).UTC()},
		},
		{
			"the first index may be left to the list of indices",
			`{"f":"price","t":[1,2],"i":[4,6]}`,
			&codec.Message{Handler: "price", Args: args(t, 1, 2), First: 4, Indices: []int{4, 6}, Attempt: 1},
		},
		{
			"a root may spell out its identity",
			`{"f":"price","t":[1],"q":4,"m":"4"}`,
			&codec.Message{Handler: "price", Args: args(t, 1), First: 4, Identity: "4", Attempt: 1},
		},
		{
			"offloaded arguments, with the hash as hexadecimal text",
			`{"f":"price","s3":"in/j/abc","sha":"` + shaHex + `","len":1234,"n":3,"j":"j"}`,
			&codec.Message{Handler: "price", Job: "j", Attempt: 1, Offload: &codec.Offload{Key: "in/j/abc", SHA256: sha, Len: 1234, Count: 3}},
		},
		{
			"offloaded arguments, with the hash as bytes and the count from the indices",
			`{"f":"price","s3":"in/j/abc","sha":{"$bin":"qwECAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8="},"len":1234,"i":[2,4],"q":2}`,
			&codec.Message{
				Handler: "price", First: 2, Indices: []int{2, 4}, Attempt: 1,
				Offload: &codec.Offload{Key: "in/j/abc", SHA256: sha, Len: 1234, Count: 2},
			},
		},
		{
			"the last index of the largest job",
			`{"f":"price","t":[1],"q":2147483647}`,
			&codec.Message{Handler: "price", Args: args(t, 1), First: codec.MaxIndex, Attempt: 1},
		},
		{
			"a map with duplicate keys is the decoder's business when it has more than 64 entries",
			`{"f":"price","t":[{"k":1` + strings.Repeat(`,"k":1`, 64) + `}]}`,
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := codec.DecodeMessage(fromJSON(t, tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, m); diff != "" && tt.want != nil {
				t.Errorf("decoded message (-want +got):\n%s", diff)
			}
			// What was decoded can be written, and reads the same again.
			raw, err := codec.AppendMessage(nil, m)
			if err != nil {
				t.Fatal(err)
			}
			again, err := codec.DecodeMessage(raw)
			if err != nil {
				t.Fatal(err)
			}
			want := *m
			if want.Identity.IsRoot() {
				want.Identity = "" // the default is not written
			}
			if diff := cmp.Diff(&want, again); diff != "" {
				t.Errorf("second reading (-first +second):\n%s", diff)
			}
		})
	}
}

func TestDecodeMessageRefuses(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	const envelope, version, limit = codec.ReasonEnvelope, codec.ReasonVersion, codec.ReasonLimit
	tests := []struct {
		name string
		json string
		want codec.Reason
		tell string // must be in the detail
	}{
		{"a scalar", `7`, envelope, "an integer"},
		{"an array", `[]`, envelope, "an array"},
		{"an empty map", `{}`, envelope, `"f"`},
		{"no handler", `{"t":[1]}`, envelope, `"f"`},
		{"an empty handler", `{"f":"","t":[1]}`, envelope, `"f"`},
		{"a handler that is a number", `{"f":1,"t":[1]}`, envelope, `"f" is an integer, want a string`},
		{"a handler that is too long", `{"f":"` + long(257) + `","t":[1]}`, envelope, `"f"`},
		{"a handler with a line break", `{"f":"a\nb","t":[1]}`, envelope, `"f"`},
		{"no tasks", `{"f":"x"}`, envelope, `"t"`},
		{"an empty array of tasks", `{"f":"x","t":[]}`, envelope, `"t"`},
		{"tasks that are a map", `{"f":"x","t":{"a":1}}`, envelope, `"t" is a map, want an array`},
		{"tasks that are a string", `{"f":"x","t":"abc"}`, envelope, `"t" is a string`},
		{"more tasks than a message holds", `{"f":"x","t":[1` + strings.Repeat(",1", codec.MaxTasks) + `]}`, limit, "10001"},
		{"version 2", `{"v":2,"f":"x","t":[1]}`, version, "2"},
		{"version 2 that has redefined every key", `{"f":1,"t":{},"q":"a","m":7,"v":2}`, version, "2"},
		{"version 0", `{"v":0,"f":"x","t":[1]}`, envelope, `"v"`},
		{"version \"1\"", `{"v":"1","f":"x","t":[1]}`, envelope, `"v"`},
		{"version 1.5", `{"v":1.5,"f":"x","t":[1]}`, envelope, `"v"`},
		{"a negative first index", `{"f":"x","t":[1],"q":-1}`, envelope, `"q"`},
		{"a first index above the largest", `{"f":"x","t":[1],"q":2147483648}`, envelope, `"q"`},
		{"a last index above the largest", `{"f":"x","t":[1,2],"q":2147483647}`, envelope, `"q"`},
		{"a first index above 2^63", `{"f":"x","t":[1],"q":18446744073709551615}`, envelope, `"q"`},
		{"fewer indices than tasks", `{"f":"x","t":[1,2],"i":[0]}`, envelope, `"i" has 1`},
		{"no indices", `{"f":"x","t":[1,2],"i":[]}`, envelope, `"i" has 0`},
		{"indices that do not increase", `{"f":"x","t":[1,2],"i":[3,3]}`, envelope, "increase"},
		{"indices that do not begin with the first", `{"f":"x","t":[1,2],"q":1,"i":[0,1]}`, envelope, `"q" is 1`},
		{"an index above the largest", `{"f":"x","t":[1,2],"i":[0,2147483648]}`, envelope, `"i"`},
		{"an index that is a string", `{"f":"x","t":[1],"i":["0"]}`, envelope, `"i"`},
		{"indices that are a number", `{"f":"x","t":[1],"i":0}`, envelope, `"i"`},
		{"more indices than a message has tasks", `{"f":"x","t":[1],"i":[0` + strings.Repeat(",1", codec.MaxTasks) + `]}`, limit, "10001"},
		{"an identity that is not one", `{"f":"x","t":[1],"m":"a"}`, envelope, `"m"`},
		{"an identity with leading zeros", `{"f":"x","t":[1],"q":1,"m":"01"}`, envelope, `"m"`},
		{"an identity with a sign", `{"f":"x","t":[1],"q":1,"m":"+1"}`, envelope, `"m"`},
		{"a root identity that is not the first task's", `{"f":"x","t":[1],"q":1,"m":"0"}`, envelope, `root 0`},
		{"a child of a root that begins later", `{"f":"x","t":[1],"q":1,"m":"5.1"}`, envelope, `root 5`},
		{"a job id with a space", `{"f":"x","t":[1],"j":"my job"}`, envelope, `"j"`},
		{"a job id with the table's separator", `{"f":"x","t":[1],"j":"a#1"}`, envelope, `"j"`},
		{"a job id that is too long", `{"f":"x","t":[1],"j":"` + long(129) + `"}`, envelope, `"j"`},
		{"a task id that is too long", `{"f":"x","t":[1],"id":"` + long(129) + `"}`, envelope, `"id"`},
		{"attempt 0", `{"f":"x","t":[1],"a":0}`, envelope, `"a"`},
		{"a negative deadline", `{"f":"x","t":[1],"dl":-5}`, envelope, `"dl"`},
		{"a deadline in microseconds", `{"f":"x","t":[1],"dl":1795505696123000}`, envelope, `"dl"`},
		{"a trace that is too long", `{"f":"x","t":[1],"tp":"` + long(257) + `"}`, envelope, `"tp"`},
		{"tasks and offloaded tasks", `{"f":"x","t":[1],"s3":"k","sha":"` + shaHex + `","len":1,"n":1}`, envelope, "both"},
		{"an object without its hash", `{"f":"x","s3":"k","len":1,"n":1}`, envelope, `"sha" is missing`},
		{"an object without its length", `{"f":"x","s3":"k","sha":"` + shaHex + `","n":1}`, envelope, `"len" is missing`},
		{"a hash without its object", `{"f":"x","sha":"` + shaHex + `","n":1}`, envelope, `"s3" is missing`},
		{"an object without the number of its tasks", `{"f":"x","s3":"k","sha":"` + shaHex + `","len":1}`, envelope, `"n" is missing`},
		{"an object with more tasks than a message holds", `{"f":"x","s3":"k","sha":"` + shaHex + `","len":1,"n":10001}`, envelope, `"n"`},
		{"an empty object", `{"f":"x","s3":"k","sha":"` + shaHex + `","len":0,"n":1}`, envelope, `"len"`},
		{"a hash that is too short", `{"f":"x","s3":"k","sha":"abcd","len":1,"n":1}`, envelope, `"sha"`},
		{"a hash that is not hexadecimal", `{"f":"x","s3":"k","sha":"` + strings.Repeat("x", 64) + `","len":1,"n":1}`, envelope, `"sha"`},
		{"an empty object key", `{"f":"x","s3":"","sha":"` + shaHex + `","len":1,"n":1}`, envelope, `"s3"`},
		{"a count that contradicts the tasks", `{"f":"x","t":[1],"n":2}`, envelope, `"n" is 2`},
		{"a count that contradicts the indices", `{"f":"x","s3":"k","sha":"` + shaHex + `","len":1,"n":3,"i":[0,1]}`, envelope, `"i" has 2`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := codec.DecodeMessage(fromJSON(t, tt.json))
			if got := reasonOf(t, err); got != tt.want {
				t.Fatalf("reason %q (%v, message %+v), want %q", got, err, m, tt.want)
			}
			if !strings.Contains(err.Error(), tt.tell) {
				t.Errorf("error %q does not tell %q", err, tt.tell)
			}
		})
	}
}

// Cases that JSON cannot write, in bytes. 81 a166 a178 … spells {"f":"x"…}.
func TestDecodeMessageRefusesBytes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		hex  string
		want codec.Reason
	}{
		{"nothing", "", codec.ReasonMsgpack},
		{"the deadly array as the message", "dd 7fffffff", codec.ReasonEnvelope},
		{"the deadly array as the tasks", "82 a166 a178 a174 dd7fffffff", codec.ReasonMsgpack},
		{"the deadly array as a task", "82 a166 a178 a174 91 dd7fffffff", codec.ReasonMsgpack},
		{"the deadly array under an unknown key", "83 a166 a178 a174 9101 a17a dd7fffffff", codec.ReasonMsgpack},
		{"the deadly map as the message", "df 7fffffff", codec.ReasonLimit},
		{"33 keys", "de0021 a166 a178 a174 9101" + strings.Repeat("a17a c0", 31), codec.ReasonLimit},
		{"a known key twice", "83 a166 a178 a174 9101 a166 a178", codec.ReasonEnvelope},
		{"a known key twice, first as nil", "83 a166 c0 a174 9101 a166 a178", codec.ReasonEnvelope},
		{"an unknown key twice", "84 a166 a178 a174 9101 a17a c0 a17a c0", codec.ReasonEnvelope},
		{"a key that is a number", "83 a166 a178 a174 9101 01 c0", codec.ReasonEnvelope},
		{"a key that is binary", "83 a166 a178 a174 9101 c40179 c0", codec.ReasonEnvelope},
		{"a key that is not UTF-8", "83 a166 a178 a174 9101 a1ff c0", codec.ReasonEnvelope},
		{"a handler that is not UTF-8", "82 a166 a1ff a174 9101", codec.ReasonEnvelope},
		{"a handler that is binary", "82 a166 c40178 a174 9101", codec.ReasonEnvelope},
		{"a job that is an extension", "83 a166 a178 a174 9101 a16a d40178", codec.ReasonEnvelope},
		{"a float version that is not a number", "83 a166 a178 a174 9101 a176 cb7ff8000000000000", codec.ReasonEnvelope},
		{"bytes after the message", "82 a166 a178 a174 9101 c0", codec.ReasonMsgpack},
		{"a message cut short", "82 a166 a178 a174", codec.ReasonMsgpack},
		{"a message cut short inside a key", "82 a166 a178 a1", codec.ReasonMsgpack},
		{"duplicate keys in an argument", "82 a166 a178 a174 91 82 a16101 a16102", codec.ReasonMsgpack},
		{"duplicate keys deep in an argument, of long and different encodings", "82 a166 a178 a174 91 91 81 a178 83 a16101 a162 02 d90161 02", codec.ReasonMsgpack},
		{"duplicate keys below a key that is no string", "82 a166 a178 a174 91 82 01 c0 02 82 a16101 a16102", codec.ReasonMsgpack},
		{"duplicate keys in a key", "82 a166 a178 a174 91 82 82 a16101 a16102 c0 01 c0", codec.ReasonMsgpack},
		{"63 levels in an argument", "82 a166 a178 a174 91" + strings.Repeat("91", 63) + "c0", codec.ReasonLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := codec.DecodeMessage(unhex(t, tt.hex))
			if got := reasonOf(t, err); got != tt.want {
				t.Errorf("reason %q (%v, message %+v), want %q", got, err, m, tt.want)
			}
		})
	}
	t.Run("more than MaxRaw bytes", func(t *testing.T) {
		t.Parallel()
		_, err := codec.DecodeMessage(make([]byte, codec.MaxRaw+1))
		if got := reasonOf(t, err); got != codec.ReasonLimit {
			t.Errorf("reason %q (%v), want limit", got, err)
		}
	})
	t.Run("62 levels in an argument are the most", func(t *testing.T) {
		t.Parallel()
		if _, err := codec.DecodeMessage(unhex(t, "82 a166 a178 a174 91"+strings.Repeat("91", 62)+"c0")); err != nil {
			t.Error(err)
		}
	})
}

func TestAppendMessageRefuses(t *testing.T) {
	t.Parallel()
	good := func() *codec.Message { return &codec.Message{Handler: "x", Args: args(t, 1)} }
	tests := []struct {
		name   string
		change func(m *codec.Message)
	}{
		{"no handler", func(m *codec.Message) { m.Handler = "" }},
		{"no tasks", func(m *codec.Message) { m.Args = nil }},
		{"an argument without bytes", func(m *codec.Message) { m.Args = append(m.Args, nil) }},
		{"an argument that is two values", func(m *codec.Message) { m.Args[0] = []byte{1, 2} }},
		{"an argument that is not msgpack", func(m *codec.Message) { m.Args[0] = []byte{0xc1} }},
		{"an argument that nests too deep", func(m *codec.Message) { m.Args[0] = nested(63) }},
		{"an argument with duplicate keys", func(m *codec.Message) { m.Args[0] = unhex(t, "82 a16101 a16101") }},
		{"a job id that the table could not hold", func(m *codec.Message) { m.Job = "a#b" }},
		{"a negative attempt", func(m *codec.Message) { m.Attempt = -1 }},
		{"a deadline before 1970", func(m *codec.Message) { m.Deadline = time.UnixMilli(-1) }},
		{"indices of another length", func(m *codec.Message) { m.Indices = []int{0, 1} }},
		{"another chunk's root identity", func(m *codec.Message) { m.Identity = "3" }},
		{"more than MaxRaw bytes", func(m *codec.Message) { m.Args = args(t, make([]byte, codec.MaxRaw)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := good()
			tt.change(m)
			dst, err := codec.AppendMessage([]byte("before"), m)
			if _, ok := errors.AsType[*codec.BadMessageError](err); !ok {
				t.Errorf("error %v, want one that wraps a *BadMessageError", err)
			}
			if string(dst) != "before" {
				t.Errorf("dst became %q, want it unchanged", dst)
			}
		})
	}
}

func TestAppendMessageWritesTheVersionFirstAndNoDefaults(t *testing.T) {
	t.Parallel()
	m := &codec.Message{Handler: "x", Args: args(t, nil), Identity: "0", Attempt: 1}
	raw, err := codec.AppendMessage([]byte("before"), m)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := raw, append([]byte("before"), unhex(t, "83 a17601 a166a178 a17491c0")...); !bytes.Equal(got, want) {
		t.Errorf("wrote % x, want % x", got, want)
	}
}

func TestMessagePositions(t *testing.T) {
	t.Parallel()
	m := &codec.Message{First: 4, Args: args(t, 1, 2)}
	if got := []any{m.Len(), m.Index(0), m.Index(1), m.Self()}; !cmp.Equal(got, []any{2, 4, 5, codec.Identity("4")}) {
		t.Errorf("consecutive chunk: %v", got)
	}
	m = &codec.Message{First: 4, Indices: []int{4, 9}, Identity: "4.1", Offload: &codec.Offload{Count: 2}}
	if got := []any{m.Len(), m.Index(0), m.Index(1), m.Self()}; !cmp.Equal(got, []any{2, 4, 9, codec.Identity("4.1")}) {
		t.Errorf("chosen indices: %v", got)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	deep := codec.Identity("1200")
	for range codec.MaxIdentityDepth {
		deep = deep.Child(1)
	}
	tests := []struct {
		id    codec.Identity
		valid bool
	}{
		{"0", true}, {"1200", true}, {"1200.1", true}, {"1200.1.2", true}, {"1200.r1", true}, {"1200.1.r2.3", true},
		{codec.RootIdentity(codec.MaxIndex), true}, {deep, true},
		{"", false}, {".", false}, {"1.", false}, {".1", false}, {"1..2", false}, {"1.0", false}, {"1.01", false}, {"1.r", false},
		{"1.r0", false}, {"1.rr1", false}, {"1.+1", false}, {"-1", false}, {"1.-1", false}, {"2147483648", false}, {"01", false},
		{"1.99999999999999999999", false}, {deep.Child(1), false}, {codec.Identity("1." + strings.Repeat("9", 600)), false}, {"1 ", false}, {"१", false},
	}
	for _, tt := range tests {
		if got := tt.id.Valid(); got != tt.valid {
			t.Errorf("Identity(%q).Valid() = %v, want %v", tt.id, got, tt.valid)
		}
	}
	if root, err := codec.Identity("1200.1.r2").Root(); root != 1200 || err != nil {
		t.Errorf("Root() = %d, %v, want 1200", root, err)
	}
}

func TestOffloadedArgs(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 15, 16, codec.MaxTasks} {
		in := make([]msgpack.RawMessage, n)
		for i := range in {
			in[i] = mustMarshal(t, i)
		}
		out, err := codec.DecodeArgs(codec.EncodeArgs(in))
		if err != nil {
			t.Fatalf("%d arguments: %v", n, err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Errorf("%d arguments (-in +out):\n%s", n, diff)
		}
	}
	tests := []struct {
		name string
		raw  []byte
		want codec.Reason
	}{
		{"nothing", nil, codec.ReasonMsgpack},
		{"a map", unhex(t, "80"), codec.ReasonEnvelope},
		{"a map16", unhex(t, "de0000"), codec.ReasonEnvelope},
		{"the deadly array", unhex(t, "dd7fffffff"), codec.ReasonMsgpack},
		{"duplicate keys", unhex(t, "91 82 a16101 a16101"), codec.ReasonMsgpack},
		{"bytes after it", unhex(t, "9101 c0"), codec.ReasonMsgpack},
		{"more than a message holds", codec.EncodeArgs(make([]msgpack.RawMessage, math.MaxUint16+1)), codec.ReasonMsgpack},
		{"one more than a message holds", append(unhex(t, "dc2711"), make([]byte, 10001)...), codec.ReasonLimit},
	}
	for _, tt := range tests {
		_, err := codec.DecodeArgs(tt.raw)
		if got := reasonOf(t, err); got != tt.want {
			t.Errorf("%s: reason %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}
