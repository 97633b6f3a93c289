package dynamodb

import (
	"context"
	"encoding/binary"
)

// maxSegments is the limit of TotalSegments (DynamoDB API reference, Scan).
const maxSegments = 1_000_000

func (s *Service) scan(ctx context.Context, q *request) (raw, error) {
	p, err := q.prepare(s.engine)
	if err != nil {
		return nil, err
	}
	w, err := s.scanWalk(q, p)
	if err != nil {
		return nil, err
	}
	return s.page(ctx, q, w)
}

// scanWalk is the walk through a whole table or a segment of it.
func (s *Service) scanWalk(q *request, p prepared) (*walk, error) {
	w, err := s.walk(q, p)
	if err != nil {
		return nil, err
	}
	if w.from, w.until, err = segment(q.segment, q.segments); err != nil {
		return nil, err
	}
	if err := w.startAt(q.startKey); err != nil {
		return nil, err
	}
	if w.after != nil && (string(w.after.pk) < string(w.from) || w.until != nil && string(w.after.pk) >= string(w.until)) {
		return nil, invalid("The provided starting key is invalid: The provided Exclusive start key does not map to the provided segment")
	}
	return w, nil
}

// segment is the part of the hash space that a parallel scan's worker reads, as bounds on partition
// keys, which begin with their hash. nil means open.
func segment(number, total *int64) (from, until []byte, err error) {
	switch {
	case number == nil && total == nil:
		return nil, nil, nil
	case total == nil:
		return nil, nil, invalid("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case number == nil:
		return nil, nil, invalid("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	case *total < 1 || *total > maxSegments:
		return nil, nil, invalid("1 validation error detected: Value '%d' at 'totalSegments' failed to satisfy constraint: Member must have value between 1 and %d", *total, maxSegments)
	case *number < 0 || *number >= *total:
		return nil, nil, invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", *number, *total)
	}
	bound := func(n int64) []byte {
		if n == 0 || n == *total {
			return nil
		}
		return binary.BigEndian.AppendUint32(nil, uint32(uint64(n)<<32/uint64(*total)))
	}
	return bound(*number), bound(*number + 1), nil
}
