package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/starburst-go/starburst/codec"
)

// MaxFrame bounds a frame, both ways, in bytes: an argument of 64 MiB and what is around it.
const MaxFrame = 65 << 20

// request is any frame of the caller.
type request struct {
	Op    string `msgpack:"op"`
	Token string `msgpack:"token"`
	// ID of the first task (put), or of the question (ask).
	ID    int64    `msgpack:"id"`
	Tasks [][]byte `msgpack:"tasks"`
	IDs   []int64  `msgpack:"ids"`
	// What is asked; which of the fields below count depends on it.
	What    string `msgpack:"what"`
	Job     string `msgpack:"job"`
	Prefix  string `msgpack:"prefix"`
	Label   string `msgpack:"label"`
	SinceMS int64  `msgpack:"since_ms"`
	UntilMS int64  `msgpack:"until_ms"`
	From    int    `msgpack:"from"`
	Workers int    `msgpack:"workers"`
}

// readFrame reads one frame and decodes it into v. io.EOF means that the caller has gone between two frames.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > MaxFrame {
		return fmt.Errorf("a frame of %d bytes: 1 to %d are allowed", n, MaxFrame)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return fmt.Errorf("a frame ends too early: %w", err)
	}
	if err := codec.Unmarshal(b, v); err != nil {
		return fmt.Errorf("a frame that is not understood: %w", err)
	}
	return nil
}

// writer sends frames in the background, so that the reader of requests never
// waits for a caller that is busy. Outcomes that wait together go in one frame.
type writer struct {
	mu       sync.Mutex
	wake     *sync.Cond
	frames   [][]byte // encoded, in order
	outcomes []any    // after them
	size     int      // of the outcomes, about
	closed   bool
	err      error
}

// Bounds of one frame of outcomes.
const (
	outcomesAtOnce = 256
	bytesAtOnce    = 4 << 20
)

func newWriter() *writer {
	w := &writer{}
	w.wake = sync.NewCond(&w.mu)
	return w
}

// send queues a frame.
func (w *writer) send(v any) {
	b, err := codec.Marshal(v)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && len(b) > MaxFrame {
		err = fmt.Errorf("a frame of %d bytes, of at most %d", len(b), MaxFrame)
	}
	if err != nil {
		w.err = errors.Join(w.err, err)
	} else {
		w.pack()
		w.frames = append(w.frames, b)
	}
	w.wake.Signal()
}

// outcome queues what became of a task.
func (w *writer) outcome(o outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes = append(w.outcomes, o.wire())
	if w.size += len(o.value) + 64; w.size >= bytesAtOnce || len(w.outcomes) >= outcomesAtOnce {
		w.pack()
	}
	w.wake.Signal()
}

// pack makes a frame of the waiting outcomes. The caller holds the lock.
func (w *writer) pack() {
	if len(w.outcomes) == 0 {
		return
	}
	b, err := codec.Marshal(map[string]any{"t": "out", "o": w.outcomes})
	w.outcomes, w.size = nil, 0
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.frames = append(w.frames, b)
}

// close ends run when everything is sent.
func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.wake.Signal()
}

// run writes until close, or until the caller does not read any more.
func (w *writer) run(to io.Writer) error {
	for {
		b, err := w.next()
		if b == nil || err != nil {
			return err
		}
		if _, err := to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)); err != nil { // bounded by MaxFrame
			return err
		}
	}
}

// next waits for a frame; nil when there will be none.
func (w *writer) next() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.frames) == 0 && len(w.outcomes) == 0 && !w.closed && w.err == nil {
		w.wake.Wait()
	}
	if w.err != nil {
		return nil, w.err
	}
	if len(w.frames) == 0 {
		w.pack()
	}
	if len(w.frames) == 0 {
		return nil, w.err
	}
	b := w.frames[0]
	w.frames = w.frames[1:]
	return b, nil
}
