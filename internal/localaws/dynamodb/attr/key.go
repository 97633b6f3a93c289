package attr

import "hash/fnv"

// Limits of key attributes in bytes (DynamoDB, "Service, account, and table quotas").
const (
	MaxPartitionKey = 2048
	MaxSortKey      = 1024
)

// AppendKey appends the bytes of a key attribute (S, N or B); the order of the bytes is the order of
// the values. Both sides of a comparison are of one type, which the table's definition guarantees.
func AppendKey(dst []byte, v Value) []byte {
	if v.Kind == N {
		return v.Decimal().appendOrdered(dst)
	}
	return append(dst, v.Text...)
}

// PartitionKey is AppendKey behind four bytes of hash. Items thus lie in hash order, as in
// DynamoDB: a scan's order tells nothing, and the segments of a parallel scan are ranges.
func PartitionKey(v Value) []byte {
	dst := AppendKey(make([]byte, 4, 4+len(v.Text)), v)
	h := fnv.New32a()
	_, _ = h.Write(dst[4:])
	sum := mix(h.Sum32())
	dst[0], dst[1], dst[2], dst[3] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	return dst
}

// mix is the finalizer of MurmurHash3: FNV alone leaves the top bits of short, similar keys alike,
// and the top bits decide the segment.
func mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// appendOrdered writes a class byte (0 negative, 1 zero, 2 positive), the exponent, and the digits two
// a byte plus one. For negatives all is complemented and 0xff ends it, so that the longer of two equal
// beginnings, which is the smaller number, sorts first.
func (d Decimal) appendOrdered(dst []byte) []byte {
	if d.digits == "" {
		return append(dst, 1)
	}
	flip := byte(0)
	class := byte(2)
	if d.neg {
		flip, class = 0xff, 0
	}
	dst = append(dst, class, byte(d.exp-MinExponent)^flip)
	for i := 0; i < len(d.digits); i += 2 {
		pair := (d.digits[i] - '0') * 10
		if i+1 < len(d.digits) {
			pair += d.digits[i+1] - '0'
		}
		dst = append(dst, (pair+1)^flip)
	}
	if d.neg {
		dst = append(dst, 0xff)
	}
	return dst
}
