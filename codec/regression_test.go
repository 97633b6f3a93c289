package codec_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/starburst-go/starburst/codec"
)

// Bytes that have hurt consumers of this or other msgpack readers. Each goes
// through every door that foreign bytes come in by, with the memory it may cost.
func TestKnownAttacksAreRefusedCheaply(t *testing.T) {
	body := func(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }
	tests := []struct {
		name string
		raw  []byte
	}{
		{"an array that claims 2^31-1 elements", unhex(t, "dd7fffffff")},
		{"a map that claims 2^31-1 entries", unhex(t, "df7fffffff")},
		{"20 MB of arrays in arrays", bytes.Repeat([]byte{0x91}, 20_000_000)},
		{"20 MB of maps in maps", bytes.Repeat([]byte{0x81}, 20_000_000)},
		{"65 levels", nested(65)},
		{"a binary that claims 4 GiB", unhex(t, "c6ffffffff00")},
		{"an extension that claims 4 GiB", unhex(t, "c9ffffffff0100")},
		{"arrays that each claim more than there is", bytes.Repeat(unhex(t, "dc7fff"), 20_000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			task := append(unhex(t, "82 a166 a178 a174 91"), tt.raw...)
			var v any
			for door, open := range map[string]func() error{
				"Guard":         func() error { return codec.Guard(tt.raw, codec.MaxDepth) },
				"Unmarshal":     func() error { return codec.Unmarshal(tt.raw, &v) },
				"DecodeMessage": func() error { _, err := codec.DecodeMessage(tt.raw); return err },
				"a task":        func() error { _, err := codec.DecodeMessage(task); return err },
				"DecodeArgs":    func() error { _, err := codec.DecodeArgs(tt.raw); return err },
				"MsgpackToJSON": func() error { _, err := codec.MsgpackToJSON(tt.raw); return err },
			} {
				var err error
				if used := allocated(func() { err = open() }); used > 64<<10 {
					t.Errorf("%s reserved %d bytes", door, used)
				}
				if _, ok := errors.AsType[*codec.BadMessageError](err); !ok {
					t.Errorf("%s: %v, want a *BadMessageError", door, err)
				}
			}
			if len(tt.raw) < codec.MaxBody/2 {
				if _, err := codec.Decode(body(task)); reasonOf(t, err) == "" {
					t.Error("Decode accepts it")
				}
			}
		})
	}
}

// A zstd frame costs memory in proportion to its own size, whatever it expands to
// or declares, and is refused before more than that is made of it.
func TestABombCostsLittle(t *testing.T) {
	undeclared := func(n int) []byte {
		var buf bytes.Buffer
		w, err := zstd.NewWriter(&buf)
		if err != nil {
			t.Fatal(err)
		}
		for range n >> 16 {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	declared := mustBase64(t, strings.TrimPrefix(zstdBody(t, make([]byte, 7<<20)), "z1."))
	// A frame of one RLE block: an eleventh of a kilobyte may not become 128 KiB a hundred times.
	rle := func(blocks int) []byte {
		return append(unhex(t, "28b52ffd 00 38"), bytes.Repeat(unhex(t, "020010 00"), blocks)...)
	}
	if _, err := codec.DecodeBody(zstdBody(t, bytes.Repeat([]byte("abcdefgh"), 1000))); err != nil { // decoders made once
		t.Fatal(err)
	}
	for name, frame := range map[string][]byte{
		"64 MiB undeclared": undeclared(64 << 20), "4 MiB undeclared": undeclared(4 << 20),
		"7 MiB declared": declared, "two frames, the second large": append(undeclared(1<<16), declared...),
		"60 RLE blocks without an end": rle(60), "153 RLE blocks": rle(153), "10,000 RLE blocks": rle(10_000),
	} {
		body := "z1." + base64.StdEncoding.EncodeToString(frame)
		for range 5 { // each of the decoders has its own buffers
			_, _ = codec.DecodeBody(body)
		}
		var err error
		used := allocated(func() { _, err = codec.DecodeBody(body) })
		if reasonOf(t, err) != codec.ReasonZstd {
			t.Errorf("%s: %v, want a zstd error", name, err)
		}
		// Five times what it may become: the decoder looks after each block, of up to 128 KiB, and grows its buffer for it.
		if limit := uint64(5*min(64<<10+1024*len(frame), codec.MaxRaw) + 64<<10); used > limit {
			t.Errorf("%s: %d bytes cost %d, want at most %d", name, len(frame), used, limit)
		}
	}
}

// The cost of looking for duplicate keys grows with the bytes, not with their square.
func TestDuplicateKeysInManyForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, task string
		want       codec.Reason
	}{
		{"two integers", "82 01 c0 01 c0", codec.ReasonMsgpack},
		{"an integer in two lengths", "82 01 c0 cc01 c0", codec.ReasonMsgpack},
		{"an integer and the float of the same value", "82 01 c0 cb3ff0000000000000 c0", codec.ReasonMsgpack},
		{"2^64-1 twice", "82 cfffffffffffffffff c0 cfffffffffffffffff c0", codec.ReasonMsgpack},
		{"2^64-1 and -1", "82 cfffffffffffffffff c0 ff c0", ""},
		{"nil twice", "82 c0 01 c0 02", codec.ReasonMsgpack},
		{"binary twice, in two lengths", "82 c40161 01 c5000161 02", codec.ReasonMsgpack},
		{"binary and a string of the same bytes", "82 c40161 01 a161 02", ""},
		{"a string and an integer of the same byte", "82 a101 01 01 02", ""},
		{"true and false", "82 c3 01 c2 02", ""},
		{"two halves", "82 cb3fe0000000000000 01 ca3f000000 02", codec.ReasonMsgpack},
	} {
		raw := append(unhex(t, "82 a166 a178 a174 91"), unhex(t, tt.task)...)
		if _, err := codec.DecodeMessage(raw); reasonOf(t, err) != tt.want {
			t.Errorf("%s: %v, want reason %q", tt.name, err, tt.want)
		}
	}
}
