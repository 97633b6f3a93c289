package codec_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
)

// Law: a number is the nearest float64, or the very integer, however it is written.
func TestJSONNumbersAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,19})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		var want any
		var err error
		if strings.ContainsAny(text, ".eE") {
			want, err = strconv.ParseFloat(text, 64)
		} else if want, err = strconv.ParseInt(text, 10, 64); err != nil {
			want, err = strconv.ParseUint(text, 10, 64)
		}
		got, gotErr := codec.JSONToMsgpack([]byte(text))
		if (err == nil) != (gotErr == nil) {
			t.Fatalf("%s: %v, want %v", text, gotErr, err)
		}
		if err != nil {
			return // an integer below -2^63
		}
		raw, err := codec.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw, got) {
			t.Fatalf("%s becomes %x, want %x", text, got, raw)
		}
	})
}
