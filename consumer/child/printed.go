package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// pipeRoom is more than a pipe holds (64 KiB on Linux, up to a megabyte when its owner asks).
const pipeRoom = 1 << 20

// printed is a pipe from a child's standard output or error. It can be read up to what
// the child has written so far, so that lines are told of the task that has printed them.
type printed struct {
	pipe *os.File
	raw  syscall.RawConn
	any  *atomic.Bool // set when something comes

	mu  sync.Mutex // held from a read until out has what was read
	out io.Writer
	buf [16 << 10]byte
}

// newPrinted makes the pipe, and its end for the child.
func newPrinted(out io.Writer, anything *atomic.Bool) (*printed, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe for what a child prints: %w", err)
	}
	raw, err := r.SyscallConn()
	if err != nil {
		_, _ = r.Close(), w.Close()
		return nil, nil, fmt.Errorf("make a pipe for what a child prints: %w", err)
	}
	return &printed{pipe: r, raw: raw, any: anything, out: out}, w, nil
}

// follow reads until the last writer is gone, or the time of end is over.
func (p *printed) follow() {
	_ = p.raw.Read(func(fd uintptr) bool {
		for {
			n, err := p.take(fd)
			switch {
			case errors.Is(err, syscall.EAGAIN):
				return false
			case errors.Is(err, syscall.EINTR):
			case err != nil || n == 0:
				return true
			}
		}
	})
}

// catchUp reads what is in the pipe.
func (p *printed) catchUp() {
	_ = p.raw.Control(func(fd uintptr) {
		for read := 0; read < pipeRoom; {
			n, err := p.take(fd)
			if err != nil && !errors.Is(err, syscall.EINTR) || err == nil && n == 0 {
				return
			}
			read += max(0, n)
		}
	})
}

func (p *printed) take(fd uintptr) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := readNow(fd, p.buf[:])
	if n > 0 {
		p.any.Store(true)
		_, _ = p.out.Write(p.buf[:n]) // neither a log's output nor a tail fails
	}
	return n, err
}

// end bounds the wait for writers that have outlived the child.
func (p *printed) end() { _ = p.pipe.SetReadDeadline(time.Now().Add(linger)) }

func (p *printed) close() { _ = p.pipe.Close() }
