package codec_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
)

// genHostile generates msgpack-like bytes that are dense in containers: format
// bytes of every kind, short and huge lengths, deep nesting, long runs.
func genHostile() *rapid.Generator[[]byte] {
	format := rapid.OneOf(
		rapid.ByteRange(0x80, 0x9f), // short maps and arrays
		rapid.ByteRange(0xa0, 0xa3), // short strings
		rapid.ByteRange(0xc0, 0xdf), // all that has a length
		rapid.Byte(),
	)
	return rapid.Custom(func(t *rapid.T) []byte {
		var b []byte
		for range rapid.IntRange(0, 40).Draw(t, "pieces") {
			piece := []byte{format.Draw(t, "format")}
			switch rapid.IntRange(0, 3).Draw(t, "then") {
			case 0:
				piece = append(piece, rapid.SampledFrom([]string{"\x7f\xff\xff\xff", "\xff\xff", "\x00\x02", "\x01", "\x00\x00\x00\x01"}).Draw(t, "length")...)
			case 1:
				piece = bytes.Repeat(piece, rapid.IntRange(1, 70).Draw(t, "times"))
			}
			b = append(b, piece...)
		}
		return b
	})
}

// asArray makes a well-formed array with an empty value for each byte, so that the
// law below is not about refusals only.
func asArray(b []byte) []byte {
	out := []byte{0xdd, 0, 0, byte(len(b) >> 8), byte(len(b))}
	for _, c := range b {
		switch {
		case c >= 0x80 && c < 0x90:
			out = append(out, 0x80) // an empty map
		case c >= 0x90 && c < 0xa0:
			out = append(out, 0x90) // an empty array
		case c >= 0xa0 && c < 0xc0:
			out = append(out, 0xa0) // an empty string
		default:
			out = append(out, 0xc0)
		}
	}
	return out
}

// Law: what Guard accepts can be decoded without a panic, and neither reading nor
// refusing costs more memory than a small multiple of the bytes. An empty map is
// the worst: one byte becomes a Go map of 48, its pointer and the interface around it.
func TestGuardedBytesAreDecodedCheaply(t *testing.T) { // not parallel: it measures what the process allocates
	const perByte, fixed = 100, 16 << 10
	hold := func(t rapid.TB, what string, raw []byte, door func() error) {
		var err error
		if used := allocated(func() { err = door() }); used > uint64(fixed+perByte*len(raw)) {
			t.Fatalf("%s: %d bytes cost %d (%v): % x", what, len(raw), used, err, raw[:min(len(raw), 100)])
		}
		if err != nil && strings.Contains(err.Error(), "panic") {
			t.Fatalf("%s: %v: % x", what, err, raw)
		}
	}
	for _, c := range []byte{0x80, 0x90, 0xa0, 0xc0, 0x01} { // the densest there are
		raw := append([]byte{0xdd, 0, 0, 0xff, 0xff}, bytes.Repeat([]byte{c}, 0xffff)...)
		hold(t, "Unmarshal", raw, func() error { return codec.Unmarshal(raw, new(any)) })
		hold(t, "MsgpackToJSON", raw, func() error { _, err := codec.MsgpackToJSON(raw); return err })
	}
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		raw := genHostile().Draw(t, "bytes")
		if rapid.Bool().Draw(t, "make it well-formed") {
			raw = asArray(raw)
		}
		guarded := codec.Guard(raw, codec.MaxDepth) == nil
		if guarded {
			accepted++
		}
		task := append([]byte("\x82\xa1f\xa1x\xa1t\x91"), raw...)
		var m *codec.Message
		hold(t, "DecodeMessage", task, func() (err error) { m, err = codec.DecodeMessage(task); return err })
		if m != nil && !guarded {
			t.Fatalf("DecodeMessage accepts what Guard refuses: % x", raw)
		}
		hold(t, "DecodeArgs", raw, func() error { _, err := codec.DecodeArgs(raw); return err })
		hold(t, "MsgpackToJSON", raw, func() error { _, err := codec.MsgpackToJSON(raw); return err })
		for _, into := range []any{new(any), new([]any), new(map[string]any), new([][]any), new([]string), new(int), new(msgpack.RawMessage)} {
			hold(t, "Unmarshal", raw, func() error { return codec.Unmarshal(raw, into) })
		}
	})
	if accepted == 0 {
		t.Error("no bytes passed the guard: the law says nothing")
	}
}

// Eight times the bytes may take some eight times as long, on the inputs that are
// made to take the square of it. Best of several runs, because the machine is shared.
func TestNothingIsQuadratic(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	raw := func(_ []byte, err error) error { return err }
	for _, tt := range []struct {
		name string
		// of makes an input of about n bytes.
		of   func(n int) []byte
		door func(b []byte) error
	}{
		{"64 keys that differ only where no hash looks", keysAlike, func(b []byte) error { _, err := codec.DecodeMessage(b); return err }},
		{"a map of many entries", func(n int) []byte {
			return append([]byte{0x82, 0xa1, 'f', 0xa1, 'x', 0xa1, 't', 0x91, 0xdf, 0, byte(n / 2 >> 16), byte(n / 2 >> 8), byte(n / 2)}, make([]byte, n/2*2)...)
		}, func(b []byte) error { _, err := codec.DecodeMessage(b); return err }},
		{"an array of empty maps", func(n int) []byte {
			return append([]byte{0xdd, 0, byte(n >> 16), byte(n >> 8), byte(n)}, bytes.Repeat([]byte{0x80}, n)...)
		}, func(b []byte) error { return raw(codec.MsgpackToJSON(b)) }},
		{"JSON arrays of 16 elements in arrays of 16 elements", func(n int) []byte {
			return []byte(strings.Repeat("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,", 60) + "[" + strings.Repeat("1,", n/2) + "1]" + strings.Repeat("]", 60))
		}, func(b []byte) error { _, err := codec.JSONToMsgpack(b); return err }},
		{"a JSON text of escapes", func(n int) []byte {
			return []byte(`"` + strings.Repeat(`\u00e9`, n/6) + `"`)
		}, func(b []byte) error { _, err := codec.JSONToMsgpack(b); return err }},
		{"many JSON objects with escape keys", func(n int) []byte {
			return []byte("[" + strings.Repeat(`{"$bin":"AA=="},`, n/16) + "1]")
		}, func(b []byte) error { _, err := codec.JSONToMsgpack(b); return err }},
		{"base64 with a line break after each group", func(n int) []byte {
			return bytes.Repeat([]byte("gICA\n"), n/5)
		}, func(b []byte) error { return raw(codec.DecodeBody(string(b))) }},
	} {
		small, large := tt.of(100_000), tt.of(800_000)
		if err := tt.door(large); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		best := func(b []byte) time.Duration {
			best := time.Hour
			for range 7 {
				start := time.Now()
				_ = tt.door(b)
				best = min(best, time.Since(start))
			}
			return best
		}
		if s, l := best(small), best(large); l > 32*s && l > 20*time.Millisecond {
			t.Errorf("%s: %d bytes take %v, %d take %v", tt.name, len(small), s, len(large), l)
		}
	}
}

// keysAlike is a message of about n bytes whose task is a map of 64 long keys: the
// same length, the same beginning and the same end.
func keysAlike(n int) []byte {
	b := []byte{0x82, 0xa1, 'f', 0xa1, 'x', 0xa1, 't', 0x91, 0xde, 0, 64}
	size := n / 64
	for i := range 64 {
		key := bytes.Repeat([]byte{'k'}, size)
		key[size-10] = byte(i)
		b = append(append(b, 0xdb, 0, byte(size>>16), byte(size>>8), byte(size)), key...)
		b = append(b, 0xc0)
	}
	return b
}
