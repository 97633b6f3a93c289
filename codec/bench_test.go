package codec_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

func mustMarshal(t testing.TB, v any) msgpack.RawMessage {
	t.Helper()
	raw, err := codec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func BenchmarkGuard(b *testing.B) {
	floats := make([]float64, 10_000)
	strs := make([]string, 10_000)
	ints := make([]int, 10_000)
	records := make([]map[string]any, 1_000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range floats {
		floats[i], ints[i] = rng.Float64(), i%100
		strs[i] = fmt.Sprintf("string-%d", i)
	}
	for i := range records {
		records[i] = map[string]any{"id": i, "name": strs[i], "price": floats[i], "tags": []string{"a", "b"}, "ok": true}
	}
	for _, bb := range []struct {
		name string
		v    any
	}{
		{"Doubles", floats}, {"Strings", strs}, {"SmallInts", ints}, {"Records", records},
	} {
		raw := mustMarshal(b, bb.v)
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := codec.Guard(raw, codec.MaxDepth); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// path is a task as the Monte Carlo example has it.
type path struct {
	Seed  uint64  `json:"seed"`
	Days  int     `json:"days"`
	Drift float64 `json:"drift"`
	Vol   float64 `json:"vol"`
}

func chunk(t testing.TB, n int) *codec.Message {
	t.Helper()
	m := &codec.Message{Handler: "simulate", Job: "montecarlo-2026-11-24", First: 1200, Attempt: 1}
	for i := range n {
		m.Args = append(m.Args, mustMarshal(t, path{Seed: uint64(1200 + i), Days: 252, Drift: 0.05, Vol: 0.2}))
	}
	return m
}

func BenchmarkEncode100(b *testing.B) {
	m := chunk(b, 100)
	raw, err := codec.AppendMessage(nil, m)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Raw", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		buf := make([]byte, 0, 2*len(raw))
		for b.Loop() {
			if buf, err = codec.AppendMessage(buf[:0], m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Body", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.Encode(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode100(b *testing.B) {
	raw, err := codec.AppendMessage(nil, chunk(b, 100))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Raw", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.DecodeMessage(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, bb := range []struct {
		name string
		f    codec.BodyFormat
	}{{"Plain", codec.Plain}, {"Zstd", codec.Zstd}, {"JSON", codec.JSON}} {
		body, err := codec.EncodeBodyAs(bb.f, raw)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("Body"+bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Decode(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMarshal(b *testing.B) {
	floats := make([]float64, 1000)
	for _, bb := range []struct {
		name string
		v    any
	}{{"Int", 42}, {"Float64s", floats}, {"Struct", path{Seed: 1, Days: 252}}, {"Map", map[string]any{"lr": 0.1, "depth": 4}}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Marshal(bb.v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	run := func(name string, v any, target func() any) {
		raw := mustMarshal(b, v)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := codec.Unmarshal(raw, target()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("Int", 42, func() any { return new(int) })
	run("Float64s", make([]float64, 1000), func() any { return new([]float64) })
	run("Struct", path{Seed: 1, Days: 252, Drift: 0.1}, func() any { return new(path) })
	run("StructConverted", map[string]any{"seed": 1.0, "days": 252.0, "drift": 1}, func() any { return new(path) })
	run("Any", map[string]any{"lr": 0.1, "depth": 4}, func() any { return new(any) })
}

func BenchmarkHasher(b *testing.B) {
	raw := mustMarshal(b, path{Seed: 1, Days: 252, Drift: 0.1})
	var h codec.Hasher
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		h.Add(raw)
	}
}
