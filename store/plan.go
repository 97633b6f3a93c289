package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"sort"
	"strconv"

	"github.com/starburst-go/starburst/codec"
)

// Roots returns the number of root messages that n tasks are cut into.
func (p Plan) Roots(n int) int {
	if p.Sizes != nil {
		return len(p.Sizes)
	}
	if p.Chunk <= 0 {
		return 0
	}
	return (n + p.Chunk - 1) / p.Chunk
}

// At returns the first index and the number of tasks of the i-th root message,
// 0 ≤ i < Roots(n). An irregular plan is summed up to i: to walk all, use All.
func (p Plan) At(i, n int) (first, size int) {
	if p.Sizes == nil {
		first = i * p.Chunk
		return first, min(p.Chunk, n-first)
	}
	for _, s := range p.Sizes[:i] {
		first += s
	}
	return first, p.Sizes[i]
}

// All yields the first index and the number of tasks of each root message, in order.
func (p Plan) All(n int) iter.Seq2[int, int] { return p.from(0, n) }

// from is All beginning with the root that holds index.
func (p Plan) from(index, n int) iter.Seq2[int, int] {
	return func(yield func(first, size int) bool) {
		if p.Sizes == nil {
			if p.Chunk <= 0 {
				return
			}
			for first := index / p.Chunk * p.Chunk; first < n; first += p.Chunk {
				if !yield(first, min(p.Chunk, n-first)) {
					return
				}
			}
			return
		}
		first := 0
		for _, size := range p.Sizes {
			if first+size > index && !yield(first, size) {
				return
			}
			first += size
		}
	}
}

// check reports why the plan does not cut n tasks into messages of 1..codec.MaxTasks tasks.
func (p Plan) check(n int) error {
	if p.Sizes == nil {
		if p.Chunk < 1 || p.Chunk > codec.MaxTasks {
			return fmt.Errorf("plan: chunk is %d; 1 to %d are allowed", p.Chunk, codec.MaxTasks)
		}
		return nil
	}
	sum := 0
	for i, s := range p.Sizes {
		if s < 1 || s > codec.MaxTasks {
			return fmt.Errorf("plan: message %d has %d tasks; 1 to %d are allowed", i, s, codec.MaxTasks)
		}
		sum += s
	}
	if sum != n {
		return fmt.Errorf("plan: the messages hold %d tasks together; the job has %d", sum, n)
	}
	return nil
}

// encodeSizes writes sizes as zigzag varints of the differences between
// neighbours: files cut by bytes give long runs of nearly equal sizes.
func encodeSizes(sizes []int) []byte {
	b := make([]byte, 0, 2*len(sizes)+8)
	prev := 0
	for _, s := range sizes {
		b = binary.AppendVarint(b, int64(s-prev))
		prev = s
	}
	return b
}

// decodeSizes is the inverse of encodeSizes; n bounds the sum and so the count.
func decodeSizes(b []byte, n int) ([]int, error) {
	sizes := make([]int, 0, min(len(b), n))
	var size, sum int64
	for len(b) > 0 {
		d, k := binary.Varint(b)
		if k <= 0 || d > math.MaxInt32 || d < math.MinInt32 {
			return nil, errors.New("plan: a size is malformed")
		}
		b = b[k:]
		size += d
		if size < 1 || size > codec.MaxTasks {
			return nil, fmt.Errorf("plan: a message has %d tasks", size)
		}
		if sum += size; sum > int64(n) {
			return nil, fmt.Errorf("plan: the messages hold more than the job's %d tasks", n)
		}
		sizes = append(sizes, int(size))
	}
	if sum != int64(n) {
		return nil, fmt.Errorf("plan: the messages hold %d tasks; the job has %d", sum, n)
	}
	return sizes, nil
}

// Find returns the root message that holds index.
func (p Plan) Find(index, n int) (first, size int, ok bool) {
	if index < 0 || index >= n {
		return 0, 0, false
	}
	for first, size := range p.from(index, n) {
		return first, size, true
	}
	return 0, 0, false
}

// Range is a run of consecutive task indices: From, From+1, …, To-1.
type Range struct{ From, To int }

// Len returns the number of indices.
func (r Range) Len() int { return r.To - r.From }

// String renders the range as people write it: "7" or "7-9".
func (r Range) String() string {
	if r.Len() == 1 {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To-1)
}

// rangesOf compacts strictly increasing indices.
func rangesOf(indices []int) []Range {
	var rs []Range
	for _, i := range indices {
		rs = addIndex(rs, i)
	}
	return rs
}

// addIndex extends rs, whose indices are all below i.
func addIndex(rs []Range, i int) []Range {
	if k := len(rs) - 1; k >= 0 && rs[k].To == i {
		rs[k].To++
		return rs
	}
	return append(rs, Range{i, i + 1})
}

// addRange extends rs, whose indices are all below r.
func addRange(rs []Range, r Range) []Range {
	if k := len(rs) - 1; k >= 0 && rs[k].To == r.From {
		rs[k].To = r.To
		return rs
	}
	return append(rs, r)
}

func lenOf(rs []Range) (n int) {
	for _, r := range rs {
		n += r.Len()
	}
	return n
}

// indicesOf is the inverse of rangesOf.
func indicesOf(rs []Range) []int {
	out := make([]int, 0, lenOf(rs))
	for _, r := range rs {
		for i := r.From; i < r.To; i++ {
			out = append(out, i)
		}
	}
	return out
}

// union merges sets that must be disjoint; ok is false when they overlap.
func union(sets ...[]Range) (all []Range, ok bool) {
	n := 0
	for _, s := range sets {
		n += len(s)
	}
	flat := make([]Range, 0, n)
	for _, s := range sets {
		flat = append(flat, s...)
	}
	sort.Slice(flat, func(i, j int) bool { return flat[i].From < flat[j].From })
	all = flat[:0]
	for _, r := range flat {
		if k := len(all) - 1; k >= 0 && r.From < all[k].To {
			return nil, false
		}
		all = addRange(all, r)
	}
	return all, true
}
