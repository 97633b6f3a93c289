package producer

import (
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"github.com/starburst-go/starburst/store"
)

const (
	// chunksPerSlot is how many messages each slot gets if all work equally fast: enough
	// that the last of them, when the others are done, is a small part of the run.
	chunksPerSlot = 16
	// maxChunk bounds the default: a message that is lost with its worker is run again whole.
	maxChunk = 1000
	// longestChunk bounds the time of a chunk for the same reason, and shortestChunk
	// keeps what a message costs (some milliseconds) small beside it.
	longestChunk  = 30 * time.Second
	shortestChunk = time.Second
	// chunkBytes is the most raw bytes of a message with more than one task: 64 KiB in
	// base64, which is what SQS bills as one request.
	chunkBytes = 48 << 10
)

// ChunkSize returns the default number of tasks in a message for a job of n tasks
// on workers with so many slots each: 1/16 of a slot's share, but 1 to 1000. When taskTime,
// the duration of a task, is known (not 0), a chunk also takes no longer than 30 s, and
// no less than 1 s as long as every slot still gets a chunk.
func ChunkSize(n, workers, slots int, taskTime time.Duration) int {
	all := max(1, workers) * max(1, slots)
	size := min(max(ceilDiv(n, chunksPerSlot*all), 1), maxChunk)
	if taskTime > 0 {
		second := int(min((shortestChunk+taskTime-1)/taskTime, maxChunk))
		size = max(size, min(second, ceilDiv(n, all)))
		size = min(size, max(1, int(min(longestChunk/taskTime, maxChunk))))
	}
	return size
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// cut groups the arguments into messages of up to chunk tasks and, if there is
// more than one, up to limit bytes. A regular plan is stored as one number.
func cut(s *sizes, chunk, limit int) store.Plan {
	var plan planner
	tasks, bytes := 0, 0
	for size := range s.all() {
		if tasks == chunk || tasks > 0 && bytes+size > limit {
			plan.add(tasks)
			tasks, bytes = 0, 0
		}
		tasks++
		bytes += size
	}
	plan.add(tasks)
	return plan.plan()
}

// planner collects messages. As long as they are alike it only counts them: a job of a billion tasks has
// hundreds of millions.
type planner struct {
	size, alike int   // the first messages: how many tasks each has, and how many messages that are
	rest        []int // the others, from the first that differs on
}

func (p *planner) add(tasks int) {
	switch {
	case p.alike == 0:
		p.size, p.alike = tasks, 1
	case p.rest == nil && tasks == p.size:
		p.alike++
	default:
		p.rest = append(p.rest, tasks)
	}
}

// plan is regular when all messages but the last, which may be smaller, are alike.
func (p *planner) plan() store.Plan {
	if len(p.rest) == 0 || len(p.rest) == 1 && p.rest[0] < p.size {
		return store.Plan{Chunk: p.size}
	}
	return store.Plan{Sizes: append(slices.Repeat([]int{p.size}, p.alike), p.rest...)}
}

// sizes remembers how many bytes each argument of a job has, so that it can be cut after its tasks are
// counted: a few bytes for each run of arguments of one size, and at most one to three for each task.
type sizes struct {
	runs  []byte // of each run that has ended: its size, doubled, plus 1 if its length follows
	size  int    // of the run that is being added to
	run   int    // its length
	n     int
	total int64
}

func (s *sizes) add(size int) {
	if size != s.size || s.run == 0 {
		s.runs = appendRun(s.runs, s.size, s.run)
		s.size, s.run = size, 0
	}
	s.run++
	s.n++
	s.total += int64(size)
}

func appendRun(b []byte, size, n int) []byte {
	switch n {
	case 0:
		return b
	case 1:
		return binary.AppendUvarint(b, uint64(size)<<1)
	}
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(size)<<1|1), uint64(n))
}

func (s *sizes) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for b := appendRun(s.runs, s.size, s.run); len(b) > 0; {
			size, k := binary.Uvarint(b)
			b = b[k:]
			run := uint64(1)
			if size&1 == 1 {
				run, k = binary.Uvarint(b)
				b = b[k:]
			}
			for range run {
				if !yield(int(size >> 1)) {
					return
				}
			}
		}
	}
}
