package store

// ShardOf returns the partition, 0..shards-1, in which the results of the
// chunk whose first task has index root live. It is FNV-1a over the index's
// four bytes followed by the finaliser of MurmurHash3.
//
// Plain `root mod shards` would put all the roots of a job with chunk 32 into
// one of 8, 16 or 32 shards. FNV-1a alone is little better: its low bits
// depend on the low bits of its input only, and roots are multiples of the chunk.
// The finaliser makes every input bit reach every output bit, so that any set of
// roots spreads as well as random placement would: peak/mean ≤ 1.29 for each chunk of 1…1000 over 8,
// 16 or 32 shards from 200 roots a shard on (ShardsFor gives 250 and more), 1.45 at 100.
// Multiplicative hashes (golden ratio and searched constants) are more even
// on most chunks, but each meets some chunk that it puts into a few shards, up to 18 times the mean.
func ShardOf(root, shards int) int {
	if shards <= 1 {
		return 0
	}
	h := uint32(2166136261)
	for v, i := uint32(root), 0; i < 4; i++ {
		h = (h ^ v&0xff) * 16777619
		v >>= 8
	}
	return int(mix(h) % uint32(shards))
}

// mix is the 32-bit finaliser of MurmurHash3 (public domain, Austin Appleby).
func mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	h ^= h >> 16
	return h
}

// ShardsFor returns how many partitions the results of a job of so many root
// messages are spread over.
//
// One partition takes 1,000 write units/s and a new on-demand table 4,000 in
// total (DynamoDB); one message is one write of 1 unit or a few. Reading back
// costs a query a shard, so few messages want few shards: below 2,000 one
// shard writes the whole job within seconds, 8 already exceed a new table's
// total, and more pay only for jobs that are long enough to warm the table up.
func ShardsFor(messages int) int {
	switch {
	case messages < 2_000:
		return 1
	case messages < 100_000:
		return 8
	case messages < 1_000_000:
		return 16
	default:
		return 32
	}
}

// MaxShards bounds Job.Shards.
const MaxShards = 64
