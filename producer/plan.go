package producer

import (
	"encoding/binary"
	"iter"
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
	var messages []int
	tasks, bytes := 0, 0
	for size := range s.all() {
		if tasks == chunk || tasks > 0 && bytes+size > limit {
			messages = append(messages, tasks)
			tasks, bytes = 0, 0
		}
		tasks++
		bytes += size
	}
	messages = append(messages, tasks)
	return normal(messages)
}

// normal returns the plan of the messages: regular when all but the last, which may be smaller, are alike.
func normal(messages []int) store.Plan {
	size, last := messages[0], len(messages)-1
	for i, n := range messages {
		if n > size || n < size && i < last {
			return store.Plan{Sizes: messages}
		}
	}
	return store.Plan{Chunk: size}
}

// sizes remembers how many bytes each argument of a job has, as varints: one or
// two bytes a task, so that a job of a million tasks can be cut after they are counted.
type sizes struct {
	varints []byte
	n       int
	total   int64
}

func (s *sizes) add(size int) {
	s.varints = binary.AppendUvarint(s.varints, uint64(size))
	s.n++
	s.total += int64(size)
}

func (s *sizes) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for b := s.varints; len(b) > 0; {
			size, n := binary.Uvarint(b)
			if !yield(int(size)) {
				return
			}
			b = b[n:]
		}
	}
}
