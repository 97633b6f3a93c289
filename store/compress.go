package store

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// A packed value begins with one byte that tells how the rest is stored.
const (
	packedRaw  = 0
	packedZstd = 1
)

const (
	// packMin is the size from which compression is tried: items are billed by the KiB, so smaller ones cannot get cheaper.
	packMin = 512
	// maxUnpacked bounds what a packed value may grow to; the bytes may be foreign.
	maxUnpacked = 256 << 20
)

var errTooLarge = errors.New("larger than the limit when unpacked")

// compressor holds the zstd coder pair; both are safe for concurrent use and start no goroutines.
type compressor struct {
	limit int // bytes a packed value may grow to
	enc   *zstd.Encoder
	dec   *zstd.Decoder
	err   error // of the set-up; reported by pack and unpack, because constructors here do not fail
}

func newCompressor(limit int) *compressor {
	c := compressor{limit: limit}
	// The fastest level: results are mostly numbers, where higher levels gain little and cost the worker's time.
	c.enc, c.err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if c.err != nil {
		return &c
	}
	c.dec, c.err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(uint64(limit)), zstd.WithDecoderLowmem(true))
	return &c
}

// pack prefixes raw with its tag, compressed when that makes it smaller.
func (c *compressor) pack(raw []byte) ([]byte, error) {
	if c.err != nil {
		return nil, fmt.Errorf("set up compression: %w", c.err)
	}
	if len(raw) > c.limit {
		return nil, &TooLargeError{What: "the message's results", Size: len(raw), Limit: c.limit}
	}
	if len(raw) >= packMin {
		z := c.enc.EncodeAll(raw, append(make([]byte, 0, len(raw)/2+64), packedZstd))
		if len(z) <= len(raw) {
			return z, nil
		}
	}
	return append(append(make([]byte, 0, len(raw)+1), packedRaw), raw...), nil
}

// unpack is the inverse of pack. Its result may alias b.
func (c *compressor) unpack(b []byte) ([]byte, error) {
	switch {
	case c.err != nil:
		return nil, fmt.Errorf("set up compression: %w", c.err)
	case len(b) == 0:
		return nil, errors.New("no bytes")
	case b[0] == packedRaw && len(b) <= c.limit:
		return b[1:], nil
	case b[0] == packedRaw:
		return nil, errTooLarge
	case b[0] == packedZstd:
		raw, err := c.dec.DecodeAll(b[1:], nil)
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			err = errTooLarge
		}
		return raw, err
	}
	return nil, fmt.Errorf("unknown packing %d", b[0])
}
