package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// benchResult is the result of a message of n tasks that each return a map of three numbers.
func benchResult(b *testing.B, j store.Job, first, n int) store.Result {
	b.Helper()
	rnd := rand.New(rand.NewPCG(uint64(first), 1))
	r := store.Result{Job: j.ID, Identity: codec.RootIdentity(first), Token: "0d5c2b6e-6f0e-4f0e-9a51-6d2f3d1f7b11", Worker: "w", Handler: j.Handler, Attempt: 1}
	for i := first; i < first+n; i++ {
		v, err := msgpack.Marshal(map[string]float64{"mean": rnd.NormFloat64(), "sd": math.Abs(rnd.NormFloat64()), "max": float64(i)})
		if err != nil {
			b.Fatal(err)
		}
		r.Settled = append(r.Settled, store.Settled{Index: i, Value: v})
	}
	return r
}

// BenchmarkPutResult measures the store's own work for a put: checks, encoding, compression.
func BenchmarkPutResult(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			mem := newMemTable(1000)
			s := store.New(mem, "t")
			j := store.Job{ID: "bench", Handler: "h", Fleet: "f", N: n, Plan: store.Plan{Chunk: n}, Shards: 1, MaxAttempts: 1, Created: created}
			r := benchResult(b, j, 0, n)
			b.ReportAllocs()
			for b.Loop() {
				mem.clear()
				if _, err := s.PutResult(b.Context(), j, r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "settled/s")
		})
	}
}

// BenchmarkResults measures the store's own work for reading a job back: merge, decompression, decoding.
func BenchmarkResults(b *testing.B) {
	for _, c := range []struct{ n, chunk, shards int }{{100_000, 1000, 1}, {100_000, 100, 1}, {100_000, 1, 8}} {
		b.Run(fmt.Sprintf("n=%d/chunk=%d", c.n, c.chunk), func(b *testing.B) {
			s := store.New(newMemTable(1000), "t")
			j := store.Job{ID: "bench", Handler: "h", Fleet: "f", N: c.n, Plan: store.Plan{Chunk: c.chunk}, Shards: c.shards, MaxAttempts: 1, Created: created}
			for first := 0; first < c.n; first += c.chunk {
				if _, err := s.PutResult(b.Context(), j, benchResult(b, j, first, c.chunk)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range s.Results(b.Context(), j, store.ReadOptions{}) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != c.n {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(b.N)*float64(c.n)/b.Elapsed().Seconds(), "settled/s")
		})
	}
}

// BenchmarkOverTheWire is the same against the server under test, the SDK included.
func BenchmarkOverTheWire(b *testing.B) {
	for _, c := range []struct{ n, chunk, shards int }{{100_000, 1000, 1}, {10_000, 1, 8}} {
		s, _ := setup(b)
		j := store.Job{ID: "bench", Handler: "h", Fleet: "f", N: c.n, Plan: store.Plan{Chunk: c.chunk}, Shards: c.shards, MaxAttempts: 1, Created: created}
		for first := 0; first < c.n; first += c.chunk {
			if _, err := s.PutResult(b.Context(), j, benchResult(b, j, first, c.chunk)); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("results/n=%d/chunk=%d", c.n, c.chunk), func(b *testing.B) {
			for b.Loop() {
				got, err := collect(s.Results(b.Context(), j, store.ReadOptions{}))
				if err != nil || len(got) != c.n {
					b.Fatal(len(got), err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(c.n)/b.Elapsed().Seconds(), "settled/s")
		})
		b.Run(fmt.Sprintf("recount/n=%d/chunk=%d", c.n, c.chunk), func(b *testing.B) {
			for b.Loop() {
				if c, err := s.Recount(b.Context(), j); err != nil || !c.Complete() {
					b.Fatal(c, err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(c.n)/b.Elapsed().Seconds(), "settled/s")
		})
	}
}

// BenchmarkPutLedger is one snapshot of a worker, the SDK and the endpoint in this process
// included. A worker writes 25 in ten minutes; 0.1 % of a processor would be 24 ms each.
func BenchmarkPutLedger(b *testing.B) {
	s, _ := setup(b)
	l := store.Ledger{Fleet: "f", Worker: "w", Slots: 1, Updated: created, Jobs: map[string]store.JobCount{}, Hist: map[int]int64{},
		Cost: store.CostSample{Provider: "FARGATE", Arch: "ARM64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: created, Ready: created,
			Requests: map[string]int64{"sqs.receive": 1000, "sqs.delete": 100, "ddb.wru": 5000, "bytes.in": 1 << 30}}}
	for i := range store.MaxLedgerJobs {
		l.Jobs[fmt.Sprintf("job-%d", i)] = store.JobCount{OK: 1000, BusyMS: 600_000}
	}
	for i := range 30 {
		l.Hist[60+i] = int64(1000 * i)
	}
	for b.Loop() {
		l.Seq++
		if err := s.PutLedger(b.Context(), l); err != nil {
			b.Fatal(err)
		}
	}
}
