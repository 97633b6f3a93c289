package store

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/codec"
)

// drawIndices draws strictly increasing indices, sometimes dense and sometimes sparse.
func drawIndices(t *rapid.T, from int) []int {
	gap := rapid.SampledFrom([]int{1, 2, 1000, 1 << 20}).Draw(t, "gap")
	out := make([]int, rapid.IntRange(0, 200).Draw(t, "n"))
	for i := range out {
		from += rapid.IntRange(1, gap).Draw(t, "step")
		out[i] = from
	}
	return out
}

func TestIndexRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := index{ok: rangesOf(drawIndices(t, -1)), failed: rangesOf(drawIndices(t, -1))}
		for n := range rapid.IntRange(0, 3).Draw(t, "children") {
			want.children = append(want.children, childSet{n + 1, n, rangesOf(drawIndices(t, -1))})
		}
		raw, err := encodeIndex(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeIndex(raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(index{}, childSet{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("index (-want +got):\n%s", d)
		}
	})
}

func TestOutcomesRoundTrip(t *testing.T) {
	t.Parallel()
	c := newCompressor(maxUnpacked)
	rapid.Check(t, func(t *rapid.T) {
		var want []Settled
		for _, i := range drawIndices(t, -1) {
			s := Settled{Index: i}
			if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
				s.Failure = &Failure{
					Kind: FailError, Message: rapid.String().Draw(t, "message"), Stack: rapid.String().Draw(t, "stack"),
					Attempts: rapid.IntRange(0, 9).Draw(t, "attempts"),
				}
				if rapid.Bool().Draw(t, "with argument") {
					s.Failure.Argument = drawValue(t)
					if rapid.Bool().Draw(t, "with detail") {
						s.Failure.Detail = drawValue(t)
					}
				}
			} else {
				s.Value = drawValue(t)
			}
			want = append(want, s)
		}
		raw, err := encodeOutcomes(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := oneValue(raw); err != nil {
			t.Fatalf("the encoding is not msgpack: %v", err)
		}
		packed, err := c.pack(raw)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = c.unpack(packed); err != nil {
			t.Fatal(err)
		}
		got, err := decodeOutcomes(raw, indexOf(Result{Settled: want}))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("outcomes (-want +got):\n%s", d)
		}
	})
}

// drawValue draws an encoded msgpack value.
func drawValue(t *rapid.T) []byte {
	var v any
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		v = nil
	case 1:
		v = rapid.Int64().Draw(t, "int")
	case 2:
		v = rapid.Float64().Draw(t, "float")
	case 3:
		v = rapid.String().Draw(t, "string")
	case 4:
		v = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
	case 5:
		v = rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Int())).Draw(t, "map")
	case 6:
		v = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seconds"), 7) // an extension type
	}
	b, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What another implementation reads; a change here is a change of the format.
func TestGoldenItem(t *testing.T) {
	t.Parallel()
	r := Result{
		Identity: "100", Children: []Child{{Identity: "100.1", Indices: []int{103, 105, 106}, Attempt: 2}},
		Settled: []Settled{
			{Index: 100, Value: []byte{0x07}}, {Index: 101},
			{Index: 102, Failure: &Failure{Kind: FailPanic, Message: "m", Stack: "s", Argument: []byte{0x01}, Attempts: 3}},
			{Index: 104, Value: []byte{0xa1, 'x'}},
		},
	}
	ix, err := encodeIndex(indexOf(r))
	if err != nil {
		t.Fatal(err)
	}
	d, err := encodeOutcomes(r.Settled)
	if err != nil {
		t.Fatal(err)
	}
	var got [2]any
	for i, raw := range [][]byte{ix, d} {
		if err := msgpack.Unmarshal(raw, &got[i]); err != nil {
			t.Fatal(err)
		}
	}
	want := [2]any{
		map[string]any{
			"o": []any{int8(100), int8(2), int8(2), int8(1)},
			"e": []any{int8(102), int8(1)},
			"c": []any{[]any{int8(1), int8(2), []any{int8(103), int8(1), int8(1), int8(2)}}},
		},
		map[string]any{
			"r": []any{int8(7), nil, "x"},
			"f": []any{[]any{"panic", "m", "s", int8(3), int8(1)}},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ix and d (-want +got):\n%s", d)
	}
}

func TestForeignBytesAreErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		raw  []byte
	}{
		{"nothing", nil},
		{"not a map", []byte{0x90}},
		{"2 GiB of elements in 5 bytes", []byte{0x81, 0xa1, 'o', 0xdd, 0x7f, 0xff, 0xff, 0xff}},
		{"an odd set", []byte{0x81, 0xa1, 'o', 0x91, 0x01}},
		{"an empty range", []byte{0x81, 0xa1, 'o', 0x92, 0x01, 0x00}},
		{"more indices than a message has", []byte{0x81, 0xa1, 'o', 0x92, 0x00, 0xcd, 0x27, 0x11}},
		{"a negative gap", []byte{0x81, 0xa1, 'o', 0x92, 0xff, 0x01}},
		{"an index beyond 31 bits", []byte{0x81, 0xa1, 'o', 0x92, 0xce, 0xff, 0xff, 0xff, 0xff, 0x01}},
		{"a child without its set", []byte{0x81, 0xa1, 'c', 0x91, 0x92, 0x01, 0x01}},
		{"a cut map", []byte{0x82, 0xa1, 'o', 0x90}},
		{"an unused code", []byte{0x81, 0xa1, 'z', 0xc1}},
	} {
		if x, err := decodeIndex(tc.raw); err == nil {
			t.Errorf("%s: decoded as %+v", tc.name, x)
		}
	}
}

func TestUnpackingIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	bomb, err := newCompressor(100 * limit).pack(make([]byte, 100*limit))
	if err != nil {
		t.Fatal(err)
	}
	c := newCompressor(limit)
	for name, b := range map[string][]byte{
		"a bomb that declares its size":        bomb,
		"two frames that are too large as one": slices.Concat(mustPack(t, c, limit), mustPack(t, c, limit)[1:]),
		"plain bytes":                          make([]byte, limit+2),
	} {
		if raw, err := c.unpack(b); !errors.Is(err, errTooLarge) {
			t.Errorf("%s: %d bytes, %v; want errTooLarge", name, len(raw), err)
		}
	}
	for name, b := range map[string][]byte{"nothing": nil, "an unknown packing": {9, 1}, "no frame": {packedZstd, 1, 2, 3}} {
		if _, err := c.unpack(b); err == nil {
			t.Errorf("%s was unpacked", name)
		}
	}
	if _, err := c.pack(make([]byte, limit+1)); !errors.As(err, new(*TooLargeError)) {
		t.Errorf("packing too much: %v, want a TooLargeError", err)
	}
}

func mustPack(t *testing.T, c *compressor, zeros int) []byte {
	t.Helper()
	b, err := c.pack(make([]byte, zeros))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUnknownKeysAreForLaterVersions(t *testing.T) {
	t.Parallel()
	raw, err := msgpack.Marshal(map[string]any{"o": []int{5, 2}, "new": map[string]any{"x": []int{1}}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := decodeIndex(raw)
	if err != nil || lenOf(x.ok) != 2 || x.ok[0].From != 5 {
		t.Errorf("index = %+v, %v", x, err)
	}
}

func TestLedgerIsSmall(t *testing.T) {
	t.Parallel()
	l := Ledger{
		Fleet: "default", Worker: "w", Seq: 1 << 40, Started: time.Now(), Updated: time.Now(), Slots: 8, Busy: 8, Held: 20,
		Jobs: map[string]JobCount{}, Hist: map[int]int64{},
		Cost: CostSample{
			Provider: "FARGATE_SPOT", Arch: "X86_64", VCPUMilli: 2048, MemoryMiB: 4096, DiskGiB: 20, Launched: time.Now(), Ready: time.Now(),
			IdleMS: 1e7, CPUMS: 1e8, Requests: map[string]int64{},
		},
	}
	for _, r := range []string{"sqs.receive", "sqs.delete", "sqs.visibility", "sqs.send", "ddb.put", "ddb.get", "ddb.update", "s3.put", "s3.get"} {
		l.Cost.Requests[r] = 123_456
	}
	for i := range MaxLedgerJobs {
		l.Jobs["montecarlo-20261124-0715-3fa9c1"+string(rune('a'+i))] = JobCount{OK: 1e6, Failed: 1000, BusyMS: 1e9, WastedMS: 1e6, FailedMS: 5e5, InterruptedMS: 3e5, RunningMS: 3e4}
	}
	for i := range 30 {
		l.Hist[60+i] = 10_000 + int64(i*i*i)
	}
	raw, err := encodeLedger(l)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := newCompressor(maxUnpacked).pack(raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, packed %d", len(raw), len(packed))
	if len(packed) > 900 { // 1 KiB with the keys
		t.Errorf("a ledger of %d jobs takes %d bytes", MaxLedgerJobs, len(packed))
	}
	got, err := decodeLedger(raw)
	if err != nil || !maps.Equal(got.Jobs, l.Jobs) || !maps.Equal(got.Hist, l.Hist) || !maps.Equal(got.Cost.Requests, l.Cost.Requests) {
		t.Errorf("ledger read back as %+v, %v", got, err)
	}
}

func TestIntegersOfEveryWidth(t *testing.T) {
	t.Parallel()
	for _, want := range []int64{
		0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64,
		-1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64,
	} {
		var buf bytes.Buffer
		if err := msgpack.NewEncoder(&buf).EncodeInt(want); err != nil {
			t.Fatal(err)
		}
		s := scanner{b: buf.Bytes()}
		if got := s.int(); got != want || s.err != nil || len(s.b) > 0 {
			t.Errorf("%d read as %d, %v", want, got, s.err)
		}
	}
	s := scanner{b: []byte{0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	if got := s.int(); s.err == nil {
		t.Errorf("2^64-1 read as %d", got)
	}
}

// What decodes must encode to what decodes to the same; nothing may panic or allocate by a declared size.
func FuzzDecode(f *testing.F) {
	ix, _ := encodeIndex(index{ok: []Range{{0, 3}, {5, 6}}, failed: []Range{{3, 5}}, children: []childSet{{1, 2, []Range{{7, 9}}}}})
	d, _ := encodeOutcomes([]Settled{{Index: 1, Value: []byte{0xc0}}, {Index: 2, Failure: &Failure{Kind: FailError}}})
	led, _ := encodeLedger(Ledger{Slots: 1, Jobs: map[string]JobCount{"a": {OK: 1}}, Hist: map[int]int64{3: 4}})
	for _, b := range [][]byte{ix, d, led, {0xdd, 0x7f, 0xff, 0xff, 0xff}, {0x81, 0xa1, 'o', 0xdf, 0xff, 0xff, 0xff, 0xff}} {
		f.Add(b)
	}
	c := newCompressor(maxUnpacked)
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = decodeOutcomes(raw, index{ok: []Range{{1, 2}}, failed: []Range{{2, 3}}})
		_, _ = c.unpack(raw)
		_, _ = decodeSizes(raw, 1000)
		if l, err := decodeLedger(raw); err == nil && len(l.Jobs) <= MaxLedgerJobs {
			again, err := encodeLedger(l)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decodeLedger(again); err != nil {
				t.Fatalf("ledger %+v does not decode again: %v", l, err)
			}
		}
		x, err := decodeIndex(raw)
		if err != nil {
			return
		}
		again, err := encodeIndex(x)
		if err != nil {
			t.Fatal(err)
		}
		y, err := decodeIndex(again)
		if err != nil {
			t.Fatalf("%+v does not decode again: %v", x, err)
		}
		if d := cmp.Diff(x, y, cmp.AllowUnexported(index{}, childSet{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
		for _, r := range x.ok {
			if r.Len() < 1 || r.To > codec.MaxIndex+1 {
				t.Fatalf("range %v", r)
			}
		}
	})
}
