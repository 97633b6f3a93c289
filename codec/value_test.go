package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

type inner struct {
	N int8    `json:"n"`
	F float32 `json:"f"`
}

// wide has every way that a number can hide in a type.
type wide struct {
	I8   int8               `msgpack:"i8"`
	U16  uint16             `json:"u16"`
	F64  float64            `json:"f64"`
	F32  float32            `json:"f32"`
	D    time.Duration      `json:"d"`
	P    *int8              `json:"p"`
	PP   **int8             `json:"pp"`
	S    []int8             `json:"s"`
	A    [2]uint8           `json:"a"`
	AI   [2]int16           `json:"ai"`
	M    map[string]int8    `json:"m"`
	MM   map[int8][]int8    `json:"mm"`
	In   inner              `json:"in"`
	Ins  []inner            `json:"ins"`
	Any  any                `json:"any"`
	B    []byte             `json:"b"`
	T    time.Time          `json:"t"`
	TP   *time.Time         `json:"tp"`
	Str  string             `json:"str"`
	OK   bool               `json:"ok"`
	Big  *big.Int           `json:"big"`
	Raw  msgpack.RawMessage `json:"raw"`
	Next *wide              `json:"next"`
	inner
}

func TestUnmarshalNumbers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		hex  string
		into any // a pointer
		want any // the value, or a string that the error must hold
	}{
		// Integers.
		{"an integer that fits", "d0ff", new(int8), int8(-1)},
		{"an integer in more bytes than it needs", "d3ffffffffffffff80", new(int8), int8(-128)},
		{"the library would make 44 of this", "cd012c", new(int8), errors.New("300 does not fit int8")},
		{"the library would make -1 of this", "ccff", new(int8), errors.New("255 does not fit int8")},
		{"below the smallest", "d1ff7f", new(int8), errors.New("-129 does not fit int8")},
		{"int16 at its border", "cd7fff", new(int16), int16(32767)},
		{"int16 beyond it", "cd8000", new(int16), errors.New("32768 does not fit int16")},
		{"int32 beyond its border", "ce80000000", new(int32), errors.New("2147483648 does not fit int32")},
		{"int64 beyond its border", "cf8000000000000000", new(int64), errors.New("9223372036854775808 does not fit int64")},
		{"int beyond its border", "cfffffffffffffffff", new(int), errors.New("18446744073709551615 does not fit int")},
		{"uint64 at its border", "cfffffffffffffffff", new(uint64), uint64(math.MaxUint64)},
		{"a negative integer where none can be", "ff", new(uint64), errors.New("-1 does not fit uint64")},
		{"uint8 beyond its border", "cd0100", new(uint8), errors.New("256 does not fit uint8")},
		{"a duration is an integer", "ce3b9aca00", new(time.Duration), time.Second},
		{"a named type by its kind", "cd012c", new(small), errors.New("300 does not fit codec_test.small")},
		// Floats where integers are declared.
		{"R's 1", "cb3ff0000000000000", new(int), 1},
		{"a float32 too", "ca3f800000", new(int8), int8(1)},
		{"minus zero is zero", "cb8000000000000000", new(int), 0},
		{"2^53 exactly", "cb4340000000000000", new(int64), int64(1 << 53)},
		{"the next float, which may be the rounding of 2^53+1", "cb4340000000000001", new(int64), errors.New("does not fit int64")},
		{"a fraction", "cb3ff8000000000000", new(int), errors.New("1.5 is not an integer")},
		{"a float that does not fit", "cb4072c00000000000", new(int8), errors.New("300 does not fit int8")},
		{"a negative float where none can be", "cbbff0000000000000", new(uint), errors.New("-1 does not fit uint")},
		{"NaN is no integer", "cb7ff8000000000000", new(int), errors.New("NaN is not an integer")},
		{"nor is infinity", "cb7ff0000000000000", new(int), errors.New("+Inf does not fit int")},
		// Floats.
		{"an integer where a float is declared", "07", new(float64), 7.0},
		{"JavaScript's 1.0", "01", new(float32), float32(1)},
		{"the library would make a negative number of this", "cf8000000000000000", new(float64), 9223372036854775808.0},
		{"and of this", "cfffffffffffffffff", new(float32), float32(1 << 32 * 1 << 32)},
		{"Python's floats are doubles", "cb3fb999999999999a", new(float32), float32(0.1)},
		{"a float32 widens", "ca3dcccccd", new(float64), float64(float32(0.1))},
		{"a double beyond float32", "cb7fefffffffffffff", new(float32), errors.New("does not fit float32")},
		{"infinity fits", "cb7ff0000000000000", new(float32), float32(math.Inf(1))},
		{"NaN is fine", "cb7ff8000000000000", new(float64), math.NaN()},
		{"NaN in single precision as well", "cb7ff8000000000000", new(float32), float32(math.NaN())},
		// nil is the zero value everywhere.
		{"nil as an integer", "c0", new(5), 0},
		{"nil as a float", "c0", new(5.0), 0.0},
		{"nil as a string", "c0", new("x"), ""},
		{"nil as a slice", "c0", &[]int{1}, []int(nil)},
		{"nil as a pointer", "c0", new(new(1)), (*int)(nil)},
		{"nil as a struct", "c0", &inner{N: 1}, inner{}},
		{"nil as a time, where the library panics", "c0", new(time.Now()), time.Time{}},
		// Nested.
		{"in a slice", "92 01 cd012c", new([]int8), errors.New("[1]: 300 does not fit int8")},
		{"in a slice of floats", "93 01 cf8000000000000000 cb3ff8000000000000", new([]float64), []float64{1, 1 << 63, 1.5}},
		{"in an array", "92 cb3ff0000000000000 02", new([2]int16), [2]int16{1, 2}},
		{"in a map's value", "81 a161 cd012c", new(map[string]int8), errors.New("a: 300 does not fit int8")},
		{"in a map's key", "81 cb3ff0000000000000 02", new(map[int]int), map[int]int{1: 2}},
		{"in a map's key that does not fit", "81 cd012c 02", new(map[int8]int), errors.New("300 does not fit int8")},
		{"in a field", "81 a16e cd012c", new(inner), errors.New("n: 300 does not fit int8")},
		{"in a field of a slice of a field", "81 a3696e73 92 80 81 a16e cd012c", new(wide), errors.New("ins[1].n: 300 does not fit int8")},
		{"in an embedded struct", "81 a16e cd012c", new(wide), errors.New("n: 300 does not fit int8")},
		{"in an embedded struct by its own name", "81 a5696e6e6572 81 a16e cd012c", new(wide), errors.New("inner.n: 300 does not fit int8")},
		{"in the array form of a struct", "92 cb3ff0000000000000 cb3ff8000000000000", new(inner), inner{N: 1, F: 1.5}},
		{"in the array form, out of range", "92 cd012c c0", new(inner), errors.New("[0]: 300 does not fit int8")},
		{"behind two pointers", "81 a27070 cd012c", new(wide), errors.New("pp: 300 does not fit int8")},
		{"in a recursive type", "81 a46e657874 81 a46e657874 81 a26938 cd012c", new(wide), errors.New("next.next.i8: 300 does not fit int8")},
		{"behind an interface that holds a pointer", "cd012c", new(any(new(int8))), errors.New("300 does not fit int8")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := codec.Unmarshal(unhex(t, tt.hex), tt.into)
			if want, isErr := tt.want.(error); isErr {
				if err == nil || !strings.Contains(err.Error(), want.Error()) {
					t.Errorf("error %v, decoded %v, want %q", err, reflect.ValueOf(tt.into).Elem(), want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.ValueOf(tt.into).Elem().Interface()
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

type small int8

func TestUnmarshalOthers(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 24, 8, 15, 0, 500, time.UTC)
	tests := []struct {
		name string
		raw  []byte
		into any
		want any
	}{
		{"strings and binary are read as each other", unhex(t, "c403616263"), new(string), "abc"},
		{"binary from a string", unhex(t, "a3616263"), new([]byte), []byte("abc")},
		{"binary from an array of bytes, as Rust writes it", unhex(t, "93 01 ccff cb4000000000000000"), new([]byte), []byte{1, 255, 2}},
		{"binary from an array of something else", unhex(t, "92 01 cd0100"), new([]byte), errors.New("[1]: not a byte")},
		{"a byte array", unhex(t, "81 a161 92 01 02"), new(wide), wide{A: [2]uint8{1, 2}}},
		{"a byte array that is too long", unhex(t, "81 a161 93 01 02 03"), new(wide), errors.New("decode into *codec_test.wide")},
		{"a time from RFC 3339", mustMarshal(t, when.Format(time.RFC3339Nano)), new(time.Time), when},
		{"a time in a struct from RFC 3339", mustMarshal(t, map[string]any{"t": "2026-11-24T09:15:00.0000005+01:00"}), new(wide), wide{T: when}},
		{"a time from a timestamp", mustMarshal(t, when), new(time.Time), when},
		{"a time from words", mustMarshal(t, "yesterday"), new(time.Time), errors.New("RFC 3339")},
		{"a time from a number", mustMarshal(t, 7), new(time.Time), errors.New("got an integer where time.Time is declared")},
		{"a time from binary", mustMarshal(t, []byte("2026")), new(time.Time), errors.New("got binary where time.Time is declared")},
		{"a nil time behind a pointer stays nil", unhex(t, "81 a27470 c0"), new(wide), wide{}},
		{"a big number has a decoder of its own", mustMarshal(t, map[string]any{"big": "123456789012345678901234567890"}), new(wide), wide{Big: bigInt("123456789012345678901234567890")}},
		{"so have raw bytes", unhex(t, "81 a3726177 cd012c"), new(wide), wide{Raw: unhex(t, "cd012c")}},
		{"raw bytes by themselves", unhex(t, "cd012c"), new(msgpack.RawMessage), msgpack.RawMessage(unhex(t, "cd012c"))},
		{"an address", mustMarshal(t, netip.MustParseAddr("10.0.0.1")), new(netip.Addr), netip.MustParseAddr("10.0.0.1")},
		{"unknown keys are ignored", unhex(t, "82 a178 92 c0 c0 a16e 01"), new(inner), inner{N: 1}},
		{"a field by a binary key", unhex(t, "81 c4016e cd012c"), new(inner), errors.New("n: 300 does not fit int8")},
		{"the exported name where a tag says another", unhex(t, "81 a14e 01"), new(inner), inner{}},
		{"an array with one element too few", unhex(t, "91 01"), new(inner), errors.New("an array of 1 where codec_test.inner has 2 fields")},
		{"an empty array", unhex(t, "90"), &inner{N: 1}, inner{}},
		{"a string where a number is declared", unhex(t, "81 a16e a178"), new(inner), errors.New("n: got a string where int8 is declared")},
		{"a string where a float is declared", unhex(t, "81 a166 a178"), new(inner), errors.New("f: got a string where float32 is declared")},
		{"a number where a string is declared", unhex(t, "81 a3737472 01"), new(wide), errors.New("str: got an integer where string is declared")},
		{"a number where a boolean is declared", unhex(t, "81 a26f6b 01"), new(wide), errors.New("ok: got an integer where bool is declared")},
		{"a number where a struct is declared", unhex(t, "81 a2696e 01"), new(wide), errors.New("in: got an integer where codec_test.inner is declared")},
		{"a number where a slice is declared", unhex(t, "81 a173 01"), new(wide), errors.New("s: got an integer where []int8 is declared")},
		{"a number where binary is declared", unhex(t, "81 a162 01"), new(wide), errors.New("b: got an integer where []uint8 is declared")},
		{"a number where a map is declared", unhex(t, "81 a16d 01"), new(wide), errors.New("m: got an integer where map[string]int8 is declared")},
		{"an extension where a map is declared: the library would read it as a map header", unhex(t, "81 a16d c70501 dfffffffff"), new(wide), errors.New("m: got an extension")},
		{"the same without a struct", unhex(t, "c70501 df7fffffff"), new(map[string]any), errors.New("got an extension")},
		{"an extension nobody knows", unhex(t, "d40001"), new(any), errors.New("unknown ext id=0")},
		{"an interface with methods", unhex(t, "01"), new(fmt.Stringer), errors.New("panic")},
		{"numbers without a declared type", unhex(t, "98 01 ff ccff cdffff ceffffffff cf7fffffffffffffff cfffffffffffffffff ca3f800000"), new(any),
			[]any{int64(1), int64(-1), int64(255), int64(65535), int64(1<<32 - 1), int64(math.MaxInt64), uint64(math.MaxUint64), 1.0}},
		{"maps without a declared type", unhex(t, "82 a161 d0ff a162 81 a163 93 c0 c3 c40101"), new(any),
			map[string]any{"a": int64(-1), "b": map[string]any{"c": []any{nil, true, []byte{1}}}}},
		{"maps of interfaces", unhex(t, "81 a161 01"), new(map[string]any), map[string]any{"a": int64(1)}},
		{"a field without a declared type", unhex(t, "81 a3616e79 92 01 a0"), new(wide), wide{Any: []any{int64(1), ""}}},
		{"keys that are not strings, without a declared type", unhex(t, "81 01 02"), new(any), errors.New("a map key is an integer, want a string")},
		{"keys that cannot be keys", unhex(t, "81 90 02"), new(map[any]any), errors.New("panic")},
		{"a channel", unhex(t, "c0"), new(chan int), errors.New("chan int cannot be encoded")},
		{"a struct that embeds itself", unhex(t, "80"), new(ouroboros), errors.New("embeds itself")},
		{"a decoder that panics", unhex(t, "01"), new(panicky), errors.New("panic: ouch")},
		{"a decoder that reads too little", unhex(t, "92 01 02"), new(lazy), errors.New("left bytes unread")},
		{"nothing", nil, new(int), errors.New("no bytes")},
		{"two values", unhex(t, "0101"), new(int), errors.New("1 bytes after")},
		{"the deadly array", unhex(t, "dd7fffffff"), new(any), errors.New("declares 2147483647")},
		{"no pointer", unhex(t, "01"), new(1), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := codec.Unmarshal(tt.raw, tt.into)
			if want, isErr := tt.want.(error); isErr {
				if err == nil || !strings.Contains(err.Error(), want.Error()) {
					t.Errorf("error %v, decoded %v, want %q", err, reflect.ValueOf(tt.into).Elem(), want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.ValueOf(tt.into).Elem().Interface()
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(wide{}), cmp.Comparer(sameBig), cmp.Comparer(sameAddr)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for name, v := range map[string]any{"nil": nil, "a value": 1, "a nil pointer": (*int)(nil), "a nil struct pointer": (*wide)(nil)} {
		if err := codec.Unmarshal([]byte{1}, v); err == nil || !strings.Contains(err.Error(), "want a non-nil pointer") {
			t.Errorf("into %s: %v, want an error", name, err)
		}
	}
}

func bigInt(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 10)
	return n
}

func sameBig(a, b *big.Int) bool    { return a == b || a != nil && b != nil && a.Cmp(b) == 0 }
func sameAddr(a, b netip.Addr) bool { return a == b }

type ouroboros struct {
	*ouroboros //nolint:unused // reflection finds it
	N          int
}

type panicky struct{}

func (panicky) EncodeMsgpack(*msgpack.Encoder) error  { panic("ouch") }
func (*panicky) DecodeMsgpack(*msgpack.Decoder) error { panic("ouch") }

type lazy struct{}

func (*lazy) DecodeMsgpack(d *msgpack.Decoder) error {
	_, err := d.DecodeArrayLen()
	return err
}

// A mebibyte of nils or empty arrays must not reserve what a mebibyte of elements of a large type would take.
func TestUnmarshalBoundsMemory(t *testing.T) {
	t.Parallel()
	type huge struct{ A [4096]int64 }
	list := func(element string) []byte {
		return append(unhex(t, "dd00100000"), bytes.Repeat(unhex(t, element), 1<<20)...)
	}
	for _, tt := range []struct {
		name   string
		raw    []byte
		into   any
		refuse bool
	}{
		{"a slice of large structs", list("c0"), new([]huge), true},
		{"large structs behind pointers", list("80"), new([]*huge), true},
		{"large arrays behind pointers", list("90"), new([]*[4096]int), true},
		{"pointers that are nil take little", list("c0"), new([]*huge), false},
		{"a map to large structs", append(unhex(t, "df00080000"), bytes.Repeat(unhex(t, "a0c0"), 1<<19)...), new(map[string]huge), true},
		{"small structs take little", list("80"), new([]inner), false},
		{"so do slices in a slice", list("90"), new([][]int), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := codec.Unmarshal(tt.raw, tt.into)
			if refused := err != nil && strings.Contains(err.Error(), "too much memory"); refused != tt.refuse {
				t.Errorf("%v, want refusal: %v", err, tt.refuse)
			}
		})
	}
}

func TestMarshal(t *testing.T) {
	t.Parallel()
	when := time.Unix(1, 0).UTC()
	tests := []struct {
		name string
		v    any
		hex  string
	}{
		{"nil", nil, "c0"},
		{"booleans", []bool{true, false}, "92 c3 c2"},
		{"integers of every type take the shortest form", []any{1, int8(1), int16(1), int32(1), int64(1), uint(1), uint8(1), uint16(1), uint32(1), uint64(1)}, "9a 01010101010101010101"},
		{"a float stays a float", 1.0, "cb3ff0000000000000"},
		{"a float32 stays short", float32(1), "ca3f800000"},
		{"a string", "é", "a2c3a9"},
		{"bytes are binary", []byte{1, 2}, "c4020102"},
		{"nil slices are nil", [][]int{nil, {}}, "92 c0 90"},
		{"nil bytes and floats are nil", []any{[]byte(nil), []float64(nil)}, "92 c0 c0"},
		{"floats", []float64{1}, "91 cb3ff0000000000000"},
		{"a struct is a map by its json names", inner{N: 1}, "82 a16e 01 a166 ca00000000"},
		{"msgpack names win, dashes and omitempty count", struct {
			A int `json:"x" msgpack:"y"`
			B int `json:"-"`
			C int `json:",omitempty"`
			d int
		}{A: 1, B: 1, d: 1}, "81 a179 01"},
		{"maps are sorted by key, whatever their type", map[string]int{"b": 1, "aa": 2, "a": 3}, "83 a16103 a2616102 a16201"},
		{"also inside", []any{map[int]any{2: map[string]any{"b": 1, "a": 2}, 1: nil}}, "91 82 01 c0 02 82 a16102 a16201"},
		{"a time is a timestamp", when, "d6ff00000001"},
		{"raw bytes are themselves", msgpack.RawMessage{0x01}, "01"},
		{"a pointer receiver's marshaler is found on a value", struct{ N big.Int }{*big.NewInt(7)}, "81 a14e c40137"},
		{"and in a slice", []big.Int{*big.NewInt(7)}, "91 c40137"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 20 { // map order is random
				got, err := codec.Marshal(tt.v)
				if want := unhex(t, tt.hex); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("got % x (%v), want % x", got, err, want)
				}
			}
		})
	}
}

func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	deep := any(1)
	for range codec.MaxValueDepth + 1 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{
		"a channel":                  make(chan int),
		"a function in a field":      struct{ F func() }{},
		"a complex number":           1i,
		"an open type":               []any{make(chan int)},
		"a marshaler's panic":        panicky{},
		"bad raw bytes":              []msgpack.RawMessage{{0xc1}},
		"no raw bytes":               []msgpack.RawMessage{{}},
		"too deep":                   deep,
		"a self-embedding type":      ouroboros{},
		"a self-pointing type":       selfPointer(nil),
		"a pointer to one":           new(selfPointer),
		"a list that ends in itself": ring(),
		"a map that holds itself":    selfMap(),
	} {
		if got, err := codec.Marshal(v); err == nil || !strings.Contains(err.Error(), "encode ") {
			t.Errorf("%s: % x, %v, want an error that names the type", name, got, err)
		}
	}
}

type selfPointer *selfPointer

type node struct{ Next *node }

func ring() *node {
	n := &node{}
	n.Next = &node{Next: n}
	return n
}

func selfMap() map[string]any {
	m := map[string]any{}
	m["m"] = []any{m}
	return m
}

func TestCheckType(t *testing.T) {
	t.Parallel()
	if err := codec.CheckType(reflect.TypeFor[wide]()); err != nil {
		t.Errorf("a good type: %v", err)
	}
	if err := codec.CheckType(reflect.TypeFor[struct{ C []chan int }]()); err == nil || !strings.Contains(err.Error(), "field C") {
		t.Errorf("a bad field: %v, want an error that names it", err)
	}
}

func TestHasher(t *testing.T) {
	t.Parallel()
	sum := func(parts ...string) [32]byte {
		var h codec.Hasher
		for _, p := range parts {
			h.Add([]byte(p))
		}
		return h.Sum()
	}
	// echo -n | sha256sum, and printf '\0\0\0\0\0\0\0\1a' | sha256sum
	if got := fmt.Sprintf("%x", sum()); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("no arguments hash to %s", got)
	}
	long := strings.Repeat("x", 10_000)
	different := [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {long}, {long, ""}, {"", long}, {long[:5000], long[5000:]}}
	seen := map[[32]byte][]string{}
	for _, parts := range different {
		s := sum(parts...)
		if other, ok := seen[s]; ok {
			t.Errorf("%.20q and %.20q have the same hash", parts, other)
		}
		seen[s] = parts
	}
	var h codec.Hasher
	h.Add([]byte("a"))
	first := h.Sum()
	if first != h.Sum() || first != sum("a") {
		t.Error("Sum changes the hash")
	}
	if h.Add([]byte("b")); h.Sum() != sum("a", "b") {
		t.Error("adding after Sum gives another hash than adding before")
	}
}
