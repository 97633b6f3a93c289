package codec_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
)

// genValue generates what a task may be made of: nil, booleans, numbers, text,
// binary, lists and maps, at most depth levels deep.
func genValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 7
		if depth > 0 {
			kinds = 9
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Int64().Draw(t, "int")
		case 3:
			return rapid.Uint64Min(math.MaxInt64+1).Draw(t, "uint")
		case 4:
			return rapid.Float64().Draw(t, "float")
		case 5:
			return rapid.String().Draw(t, "string")
		case 6:
			return rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
		case 7:
			return rapid.SliceOfN(genValue(depth-1), 0, 20).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.StringN(0, 10, 40), genValue(depth-1), 0, 20).Draw(t, "map")
		}
	})
}

func genMessage() *rapid.Generator[*codec.Message] {
	return rapid.Custom(func(t *rapid.T) *codec.Message {
		text := rapid.StringMatching(`[a-zA-Zé/ .:-]{1,40}`)
		n := rapid.IntRange(1, 20).Draw(t, "tasks")
		m := &codec.Message{
			Handler: text.Draw(t, "f"),
			First:   rapid.IntRange(0, codec.MaxIndex-20).Draw(t, "q"),
			Attempt: rapid.IntRange(1, codec.MaxIndex).Draw(t, "a"),
		}
		if rapid.Bool().Draw(t, "has j") {
			m.Job = rapid.StringMatching(`[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}`).Draw(t, "j")
		} else {
			m.ID = text.Draw(t, "id")
		}
		if rapid.Bool().Draw(t, "has i") {
			m.Indices = make([]int, n)
			at := m.First
			for k := range m.Indices {
				m.Indices[k] = at
				at += rapid.IntRange(1, (codec.MaxIndex-at)/n+1).Draw(t, "step")
				if at > codec.MaxIndex {
					m.Indices, n = m.Indices[:k+1], k+1
					break
				}
			}
		}
		if rapid.Bool().Draw(t, "has m") {
			m.Identity = codec.RootIdentity(rapid.IntRange(0, m.First).Draw(t, "root"))
			for range rapid.IntRange(1, 5).Draw(t, "generations") {
				m.Identity = m.Identity.Child(rapid.IntRange(1, 1000).Draw(t, "child"))
			}
		}
		if rapid.Bool().Draw(t, "has dl") {
			m.Deadline = time.UnixMilli(rapid.Int64Range(1, 253402300799999).Draw(t, "dl")).UTC()
		}
		if rapid.Bool().Draw(t, "has tp") {
			m.Trace = text.Draw(t, "tp")
		}
		if rapid.Bool().Draw(t, "offloaded") {
			m.Offload = &codec.Offload{Key: text.Draw(t, "s3"), Len: rapid.Int64Range(1, codec.MaxOffload).Draw(t, "len"), Count: n}
			copy(m.Offload.SHA256[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sha"))
			return m
		}
		for range n {
			raw, err := codec.Marshal(genValue(3).Draw(t, "task"))
			if err != nil {
				t.Fatal(err)
			}
			m.Args = append(m.Args, raw)
		}
		return m
	})
}

// Law: what is encoded decodes to the same message, in every form of body, and
// its encoding is the same again.
func TestMessagesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := genMessage().Draw(t, "message")
		raw, err := codec.AppendMessage(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Guard(raw, codec.MaxDepth); err != nil {
			t.Fatalf("the encoder makes what the guard refuses: %v", err)
		}
		for _, f := range []codec.BodyFormat{codec.Plain, codec.Zstd} {
			body, err := codec.EncodeBodyAs(f, raw)
			if err != nil {
				t.Fatal(err)
			}
			got, err := codec.Decode(body)
			if err != nil {
				t.Fatalf("%v: %v", f, err)
			}
			if diff := cmp.Diff(m, got); diff != "" {
				t.Fatalf("%v (-in +out):\n%s", f, diff)
			}
		}
		again, err := codec.AppendMessage(nil, m)
		if err != nil || !bytes.Equal(raw, again) {
			t.Fatalf("a second encoding differs: %v", err)
		}
	})
}

// Law: Guard accepts exactly what a reader straight from the specification
// accepts, on valid values and on values with some bytes changed or cut.
func TestGuardAgreesWithTheSpecification(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw, err := codec.Marshal(genValue(4).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		raw = raw[:rapid.IntRange(0, len(raw)).Draw(t, "length")]
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			if len(raw) > 0 {
				raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			}
		}
		depth := rapid.IntRange(0, 6).Draw(t, "depth")
		n, ok := reference(raw, depth)
		want := ok && n == len(raw)
		if err := codec.Guard(raw, depth); (err == nil) != want {
			t.Fatalf("Guard(% x, %d) = %v, the specification says %v", raw, depth, err, want)
		}
	})
}

// numbers is decoded from numbers written in any form that means the same.
type numbers struct {
	I8  int8
	I16 []int16
	I32 map[string]int32
	I64 int64
	U8  *uint8
	U64 uint64
	F32 float32
	F64 []float64
	In  struct{ I int }
}

// Law: however another language writes a number, the same value arrives.
func TestNumbersArriveWhateverTheirForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u8 := rapid.Uint8().Draw(t, "u8")
		in := numbers{
			I8:  rapid.Int8().Draw(t, "i8"),
			I16: rapid.SliceOfN(rapid.Int16(), 1, 5).Draw(t, "i16"),
			I32: rapid.MapOfN(rapid.StringN(1, 4, 16), rapid.Int32(), 1, 5).Draw(t, "i32"),
			I64: rapid.Int64().Draw(t, "i64"),
			U8:  &u8,
			U64: rapid.Uint64().Draw(t, "u64"),
			F32: rapid.Float32().Draw(t, "f32"),
			F64: rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Map(rapid.Int16(), func(i int16) float64 { return float64(i) })), 1, 5).Draw(t, "f64"),
		}
		in.In.I = rapid.Int().Draw(t, "i")
		raw, err := codec.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		other := rewriteNumbers(t, raw)
		var out numbers
		if err := codec.Unmarshal(other, &out); err != nil {
			t.Fatalf("% x: %v", other, err)
		}
		if diff := cmp.Diff(in, out, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-in +out):\n%s", diff)
		}
	})
}

// rewriteNumbers writes each number of a flat enough value in another form with the same meaning.
func rewriteNumbers(t *rapid.T, raw []byte) []byte {
	var out []byte
	for len(raw) > 0 {
		n, _ := reference(raw, 0)
		c := raw[0]
		if n == 0 { // the header of a map or an array below 16: keep it
			out, raw = append(out, c), raw[1:]
			continue
		}
		value := raw[:n]
		raw = raw[n:]
		isInt := c <= 0x7f || c >= 0xe0 || c >= 0xcc && c <= 0xd3
		if !isInt && c != 0xcb || !rapid.Bool().Draw(t, "rewrite") {
			out = append(out, value...)
			continue
		}
		var v any
		if err := codec.Unmarshal(value, &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, rewrite(t, value, v)...)
	}
	return out
}

func rewrite(t *rapid.T, value []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		if v > -1<<53 && v < 1<<53 && rapid.Bool().Draw(t, "as float") {
			return binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(float64(v)))
		}
		if v >= 0 && rapid.Bool().Draw(t, "as uint64") {
			return binary.BigEndian.AppendUint64([]byte{0xcf}, uint64(v))
		}
		return binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(v))
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<15 && (v != 0 || !math.Signbit(v)) {
			return binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(int64(v)))
		}
		if float64(float32(v)) == v {
			return binary.BigEndian.AppendUint32([]byte{0xca}, math.Float32bits(float32(v)))
		}
	}
	return value
}

// Law: a number that does not fit the declared type is an error; nothing wraps.
func TestNothingWraps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(
			rapid.Map(rapid.Int64(), func(v int64) any { return v }),
			rapid.Map(rapid.Uint64(), func(v uint64) any { return v }),
			rapid.Map(rapid.Float64(), func(v float64) any { return v }),
			rapid.Map(rapid.Int16(), func(v int16) any { return float64(v) }),
		).Draw(t, "number")
		raw, err := codec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		wrapped(t, raw, v, new(int8), func(got *int8) any { return int64(*got) })
		wrapped(t, raw, v, new(int16), func(got *int16) any { return int64(*got) })
		wrapped(t, raw, v, new(int32), func(got *int32) any { return int64(*got) })
		wrapped(t, raw, v, new(int64), func(got *int64) any { return *got })
		wrapped(t, raw, v, new(uint8), func(got *uint8) any { return int64(*got) })
		wrapped(t, raw, v, new(uint64), func(got *uint64) any { return *got })
		wrapped(t, raw, v, new(float64), func(got *float64) any { return *got })
	})
}

// wrapped decodes raw, the encoding of v, and fails when the outcome is another number than v.
func wrapped[T any](t *rapid.T, raw []byte, v any, into *T, get func(*T) any) {
	if err := codec.Unmarshal(raw, into); err != nil {
		return
	}
	got := get(into)
	asFloat := func(n any) float64 {
		switch n := n.(type) {
		case int64:
			return float64(n)
		case uint64:
			return float64(n)
		}
		return n.(float64)
	}
	if asFloat(got) != asFloat(v) {
		t.Fatalf("%v (%T) became %v (%T)", v, v, got, into)
	}
}

// Law: every value survives Marshal and Unmarshal, and equal values have equal bytes.
func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := genValue(4).Draw(t, "value")
		raw, err := codec.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out any
		if err := codec.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Fatalf("(-in +out):\n%s", diff)
		}
		again, err := codec.Marshal(out)
		if err != nil || !bytes.Equal(raw, again) {
			t.Fatalf("equal values, different bytes: % x and % x (%v)", raw, again, err)
		}
	})
}

// Law: JSON that MsgpackToJSON makes reads back as the same value.
func TestJSONRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw, err := codec.Marshal(genValue(4).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := codec.MsgpackToJSON(raw)
		if err != nil {
			t.Fatal(err)
		}
		back, err := codec.JSONToMsgpack(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !bytes.Equal(raw, back) {
			t.Fatalf("% x became %s became % x", raw, text, back)
		}
	})
}

// Law: offloaded arguments are sliced as they were joined.
func TestArgsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := make([]msgpack.RawMessage, rapid.IntRange(0, 40).Draw(t, "n"))
		for i := range in {
			raw, err := codec.Marshal(genValue(2).Draw(t, "task"))
			if err != nil {
				t.Fatal(err)
			}
			in[i] = raw
		}
		out, err := codec.DecodeArgs(codec.EncodeArgs(in))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Fatalf("(-in +out):\n%s", diff)
		}
	})
}
