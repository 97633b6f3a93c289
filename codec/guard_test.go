package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/codec"
)

// unhex turns "dd 7fffffff" into bytes.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("test bytes %q: %v", s, err)
	}
	return b
}

// reasonOf returns the reason of a *BadMessageError, "" for nil.
func reasonOf(t testing.TB, err error) codec.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var bm *codec.BadMessageError
	if !errors.As(err, &bm) {
		t.Fatalf("error is %T (%v), want a *BadMessageError", err, err)
	}
	if bm.Detail == "" {
		t.Errorf("no detail in %v", err)
	}
	return bm.Reason
}

// nested returns n arrays inside each other around nil.
func nested(n int) []byte {
	return append(bytes.Repeat([]byte{0x91}, n), 0xc0)
}

func TestGuard(t *testing.T) {
	t.Parallel()
	const ok, malformed, limit = codec.Reason(""), codec.ReasonMsgpack, codec.ReasonLimit
	tests := []struct {
		name string
		hex  string
		want codec.Reason
	}{
		{"a small integer is a value", "07", ok},
		{"a negative one too", "e0", ok},
		{"nil is a value", "c0", ok},
		{"a double is nine bytes", "cb 3ff0000000000000", ok},
		{"a double cut short is refused", "cb 3ff00000000000", malformed},
		{"an empty string", "a0", ok},
		{"a string of exactly its length", "a3 616263", ok},
		{"a string that claims one byte more than there is", "a3 6162", malformed},
		{"str8, str16 and str32 of one byte", "93 d901 61 da0001 61 db00000001 61", ok},
		{"bin8, bin16 and bin32 of one byte", "93 c401 61 c50001 61 c600000001 61", ok},
		{"str32 that claims 4 GiB", "db ffffffff 61", malformed},
		{"bin32 that claims 4 GiB", "c6 ffffffff 61", malformed},
		{"ext32 that claims 4 GiB", "c9 ffffffff 01 61", malformed},
		{"every fixext form", "95 d401 00 d501 0000 d601 00000000 d701 0000000000000000 d801 00000000000000000000000000000000", ok},
		{"ext8, ext16 and ext32 of one byte", "93 c701 05 61 c80001 05 61 c900000001 05 61", ok},
		{"ext8 without its type byte", "c7 00", malformed},
		{"ext8 of no bytes has a type byte", "c7 00 05", ok},
		{"fixext1 cut short", "d4 01", malformed},
		{"c1 is not msgpack", "c1", malformed},
		{"c1 inside an array", "92 c0 c1", malformed},
		{"the five bytes that kill the library", "dd 7fffffff", malformed},
		{"the same as a map", "df 7fffffff", malformed},
		{"the largest count", "dd ffffffff c0", malformed},
		{"the largest map count, whose double overflows 32 bits", "df ffffffff c0c0", malformed},
		{"a map count whose double is 2^32", "df 80000000", malformed},
		{"an array16 that claims more elements than bytes follow", "dc ffff c0c0", malformed},
		{"a map of one entry", "81 a161 c0", ok},
		{"a map whose value is missing", "81 a161", malformed},
		{"a map whose second entry is missing", "82 a161 c0", malformed},
		{"counts that fit one by one but not together", "92 92 c0 c0", malformed},
		{"array16 and map16 and map32 where a short form would do", "93 dc0001 c0 de0001 a161 c0 df00000001 a161 c0", ok},
		{"duplicate keys are not the guard's business", "82 a161 01 a161 02", ok},
		{"nor is UTF-8", "a2 fffe", ok},
		{"nor are keys that are not strings", "81 01 02", ok},
		{"bytes after the value", "c0 c0", malformed},
		{"a length field cut short", "dd 7fff", malformed},
		{"a string's length field missing", "d9", malformed},
		{"nothing at all", "", malformed},
		{"64 levels", hex.EncodeToString(nested(64)), ok},
		{"65 levels", hex.EncodeToString(nested(65)), limit},
		{"100,000 levels", hex.EncodeToString(nested(100_000)), limit},
		{"an empty array is a level like any other", strings.Repeat("91", 64) + "90", limit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := reasonOf(t, codec.Guard(unhex(t, tt.hex), codec.MaxDepth)); got != tt.want {
				t.Errorf("Guard(%s) = %q, want %q", tt.hex, got, tt.want)
			}
		})
	}
}

func TestGuardDepth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		levels     int
		maxDepth   int
		wantRefuse bool
	}{
		{"a scalar nests nothing", 0, 0, false},
		{"an array needs one level", 1, 0, true},
		{"and is content with one", 1, 1, false},
		{"a limit above MaxDepth counts as MaxDepth", 65, 1000, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := codec.Guard(nested(tt.levels), tt.maxDepth); (err != nil) != tt.wantRefuse {
				t.Errorf("Guard(%d levels, %d) = %v, want refusal: %v", tt.levels, tt.maxDepth, err, tt.wantRefuse)
			}
		})
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	raw := unhex(t, "93 dc0001 c0 de0001 a161 c0 df00000001 a161 93 cb 3ff0000000000000 a3 616263 c701 05 61")
	if n := testing.AllocsPerRun(100, func() {
		if err := codec.Guard(raw, codec.MaxDepth); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Guard allocates %v times, want 0", n)
	}
}
