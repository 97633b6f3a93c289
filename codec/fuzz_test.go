package codec_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
)

// traps are byte sequences that have broken msgpack readers.
var traps = []string{
	"", "c0", "c1", "80", "90", "a0",
	"dd7fffffff", "df7fffffff", "ddffffffff", "dfffffffff", "df80000000", // counts that reserve gigabytes
	"dbffffffff", "c6ffffffff", "c9ffffffff01", // lengths that do
	"c70501df7fffffff", "d6ffdf7fffff", "81a16dc70501df7fffffff", // a map header inside an extension
	"d40001", "d6ff00000001", "d7ffffffffff00000001", "c70cff3b9aca000000000000000000", "c7000a", // extensions
	"82a16101a16102", "83a16101a162c0d9016102", // duplicate keys
	"a2fffe", "81a1ff01", "82a166a1ffa1749101", // not UTF-8
	"c0c0", "82a166a178a1749101c0", // trailing bytes
	"82a166a178a1749101",                             // the smallest message
	"83a17602a166a178a1749101",                       // version 2
	"82a166a178a174dc2711",                           // too many tasks
	"cf8000000000000000", "d38000000000000000", "ff", // integers at the border
	"cb7ff8000000000000", "cb7ff0000000000000", "cb4340000000000001", "ca7fc00000", "cb8000000000000000", // odd floats
	"8101a161", "81c0c0", "8190c0", "81cb7ff8000000000000c0", // odd keys
	"93c0c0c0", "98c0c0c0c0c0c0c0c0", "9401020304", // structs in their array form
}

func addTraps(f *testing.F) {
	f.Helper()
	for _, h := range traps {
		f.Add(unhex(f, h))
	}
	for _, n := range []int{1, 62, 63, 64, 65, 1000, 100_000} {
		f.Add(nested(n))
		f.Add(bytes.Repeat([]byte{0x81, 0xa1, 0x61}, n))
	}
	raw, err := codec.AppendMessage(nil, chunk(f, 3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(mustMarshal(f, wide{Ins: []inner{{N: 1}}, M: map[string]int8{"a": 1}, MM: map[int8][]int8{1: {2}}})))
}

// FuzzGuard: Guard agrees with the specification, and what it accepts can be
// decoded into any type without a panic and without reserving more than a small
// multiple of its size.
func FuzzGuard(f *testing.F) {
	addTraps(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, ok := reference(raw, codec.MaxDepth)
		err := codec.Guard(raw, codec.MaxDepth)
		if want := ok && n == len(raw); (err == nil) != want {
			t.Fatalf("Guard says %v, the specification %v", err, want)
		}
		for _, into := range []any{
			new(any), new(map[string]any), new([]any), new(wide), new([]wide), new(numbers), new([][]float64), new([]float64), new(map[string][]string),
			new([]string), new(string), new([]byte), new(int), new(float64), new(map[int8]bool), new([3]inner),
		} {
			limit := uint64(1<<20 + 600*len(raw))
			if used := allocated(func() { err = codec.Unmarshal(raw, into) }); used > limit {
				t.Errorf("%T reserved %d bytes for %d", into, used, len(raw))
			}
			if err != nil && strings.Contains(err.Error(), "panic") {
				t.Errorf("%T: %v", into, err)
			}
		}
	})
}

// allocated returns how many bytes f allocates. Other goroutines of the test
// binary are idle while a fuzz target runs.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzDecode: no body makes Decode panic; a body that is refused has a reason; a
// body that is accepted keeps every rule, encodes, and decodes to itself.
func FuzzDecode(f *testing.F) {
	for _, h := range traps {
		f.Add(base64.StdEncoding.EncodeToString(unhex(f, h)))
	}
	for _, body := range []string{
		`{"f":"price","t":[["AAPL",187.25]]}`, `{"f":"x","t":[1],"f":"y"}`, `{"f":"x","t":[{"$bin":"AAEC"},{"$ext":[1,"AA=="]}]}`,
		`{"v":1,"f":"x","t":[1,2],"j":"job-1","q":7,"i":[7,9],"m":"3.1.r2","id":"x","a":2,"dl":1795505696123,"tp":"00-a-b-01","n":2}`,
		`{"f":"x","s3":"in/j/abc","sha":"` + shaHex + `","len":1234,"n":3}`,
		`{"f":` + strings.Repeat("[", 65), "[[[", "cGFy", "g", "gA", "gA=", "gA==", "gA===", " gA==\n", "g-_/", "z1.", "z1.gA==", "z2.gA==", "{}", "{", "\ufeff{}", "\x00",
		zstdBody(f, fromJSON(f, `{"f":"x","t":[1]}`)), zstdBody(f, make([]byte, 2*codec.MaxRaw)), zstdBody(f, make([]byte, 1<<20)),
		base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(fromJSON(f, `{"f":"x","t":[1]}`)))),
	} {
		f.Add(body)
	}
	for _, v := range readVectors(f) {
		f.Add(v.Body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var m *codec.Message
		var err error
		limit := uint64(1<<20 + 100*len(body))
		if codec.FormatOf(body) == codec.Zstd { // may expand 1,024 times, see TestABombCostsLittle
			limit = min(limit+uint64(5*1024*len(body)), 5*codec.MaxRaw)
		}
		if used := allocated(func() { m, err = codec.Decode(body) }); used > limit {
			t.Errorf("reserved %d bytes for a body of %d", used, len(body))
		}
		if err != nil {
			if reasonOf(t, err) == "" || m != nil {
				t.Errorf("message %v with error %v", m, err)
			}
			return
		}
		if m.Len() < 1 || m.Handler == "" || m.Index(0) != m.First || m.Index(m.Len()-1) > codec.MaxIndex || m.Attempt < 1 || !m.Self().Valid() {
			t.Errorf("accepted %+v", m)
		}
		for _, arg := range m.Args {
			var v any
			if err := codec.Unmarshal(arg, &v); err != nil && strings.Contains(err.Error(), "panic") {
				t.Errorf("argument % x: %v", arg, err)
			}
		}
		again, err := codec.Encode(m)
		if err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		got, err := codec.Decode(again)
		if err != nil && len(again) > codec.MaxBody {
			return // a compressed body grew beyond SQS's limit when written plainly
		}
		if err != nil {
			t.Fatalf("encoded but not decoded: %v", err)
		}
		if m.Identity.IsRoot() {
			m.Identity = ""
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}

// FuzzRoundTrip: the views of a value agree. Any msgpack is valid JSON for
// encoding/json; what JSONToMsgpack reads, encoding/json reads to the same numbers;
// and a Go value survives.
func FuzzRoundTrip(f *testing.F) {
	addTraps(f)
	for _, text := range []string{`{"a":[1,-1,1.5,1e300,"é\u0000\ud83d\ude00",null,true,{"$bin":"AA=="}]}`, `18446744073709551615`, `-0.0`, `[1e-7,1e21]`, `{"a":1,"a":2}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if raw, err := codec.JSONToMsgpack(data); err == nil {
			if !json.Valid(data) {
				t.Errorf("accepted %q, which is not JSON", data)
			}
			if err := codec.Guard(raw, codec.MaxDepth); err != nil {
				t.Errorf("%q became what the guard refuses: %v", data, err)
			}
			sameAsEncodingJSON(t, data, raw)
		}
		text, err := codec.MsgpackToJSON(data)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("% x became %q, which is not JSON", data, text)
		}
		back, err := codec.JSONToMsgpack(text)
		if err != nil || bytes.Contains(text, []byte(`"$`)) {
			return // duplicate keys, or one more level around binary, or a key that looks like an escape
		}
		again, err := codec.MsgpackToJSON(back)
		if err != nil || !bytes.Equal(text, again) {
			t.Fatalf("% x became %s, then %s (%v)", data, text, again, err)
		}
	})
}

// sameAsEncodingJSON compares what two readers make of a JSON text.
func sameAsEncodingJSON(t *testing.T, text, raw []byte) {
	t.Helper()
	if bytes.Contains(text, []byte(`$`)) || bytes.Contains(text, []byte(`\u0024`)) {
		return // may be an escape of ours
	}
	var theirs, ours any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&theirs); err != nil {
		t.Fatal(err)
	}
	if err := codec.Unmarshal(raw, &ours); err != nil {
		t.Fatal(err)
	}
	if !sameJSON(theirs, ours) {
		t.Errorf("%q: encoding/json reads %v, JSONToMsgpack %v", text, theirs, ours)
	}
}

func sameJSON(theirs, ours any) bool {
	switch o := ours.(type) {
	case int64:
		n, ok := theirs.(json.Number)
		i, err := n.Int64()
		return ok && err == nil && i == o
	case uint64:
		n, ok := theirs.(json.Number)
		var u uint64
		return ok && json.Unmarshal([]byte(n), &u) == nil && u == o
	case float64:
		n, ok := theirs.(json.Number)
		f, err := n.Float64()
		return ok && err == nil && math.Float64bits(f) == math.Float64bits(o)
	case []any:
		a, ok := theirs.([]any)
		if !ok || len(a) != len(o) {
			return false
		}
		for i := range a {
			if !sameJSON(a[i], o[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		m, ok := theirs.(map[string]any)
		if !ok || len(m) != len(o) {
			return false
		}
		for k := range m {
			if !sameJSON(m[k], o[k]) {
				return false
			}
		}
		return true
	}
	return theirs == ours
}
