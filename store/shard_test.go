package store_test

import (
	"testing"

	"github.com/starburst-go/starburst/store"
)

// The roots of a job are multiples of its chunk, the input on which simple
// hashes fail: 5.7 times the mean for FNV-1a alone, 32 for the remainder.
func TestShardOfSpreadsEveryChunkSize(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{8, 16, 32} {
		for chunk := 1; chunk <= 1000; chunk++ {
			perShard := make([]int, shards)
			const mean = 200
			for i := range mean * shards {
				perShard[store.ShardOf(i*chunk, shards)]++
			}
			peak := 0
			for _, n := range perShard {
				peak = max(peak, n)
			}
			if got := float64(peak) / mean; got > 1.3 {
				t.Errorf("chunk %d, %d shards: peak/mean = %.2f, want ≤ 1.3", chunk, shards, got)
			}
		}
	}
}

func TestShardsForGivesEachShardEnoughRoots(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ messages, want int }{
		{0, 1}, {1, 1}, {1_999, 1}, {2_000, 8}, {99_999, 8}, {100_000, 16}, {999_999, 16}, {1_000_000, 32}, {1 << 31, 32},
	} {
		got := store.ShardsFor(c.messages)
		if got != c.want {
			t.Errorf("ShardsFor(%d) = %d, want %d", c.messages, got, c.want)
		}
		// The spread is a law of large numbers: below some 200 roots a shard it would not hold.
		if got > 1 && c.messages/got < 200 {
			t.Errorf("ShardsFor(%d) leaves %d messages a shard", c.messages, c.messages/got)
		}
	}
}
