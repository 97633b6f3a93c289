package localaws

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"github.com/starburst-go/starburst/internal/localaws/sqs"
)

// watchedConn is a connection that knows whether its last answer was read: a peer
// that closes its end with unread bytes in the kernel's buffer, by itself or by
// being killed, sends a reset instead of an orderly end; one that closes it
// before the rest of an answer comes resets it then, after the orderly end.
type watchedConn struct {
	*net.TCPConn // with its ReadFrom, which S3 uses to send files

	mu   sync.Mutex // protects undo
	undo func()
}

var _ sqs.Conn = (*watchedConn)(nil)

// OnUnread implements sqs.Conn.
func (c *watchedConn) OnUnread(undo func()) { c.swap(undo) }

func (c *watchedConn) swap(undo func()) (old func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, c.undo = c.undo, undo
	return old
}

// Read implements net.Conn. The HTTP server always has a read under way or soon:
// for the next request, or to notice that the client has gone.
func (c *watchedConn) Read(p []byte) (n int, err error) {
	n, err = c.TCPConn.Read(p)
	if n > 0 {
		c.swap(nil) // the client has read the answer and asks something else
	} else {
		c.check(err)
	}
	return n, err
}

// Write implements net.Conn.
func (c *watchedConn) Write(p []byte) (n int, err error) {
	n, err = c.TCPConn.Write(p)
	c.check(err)
	return n, err
}

// check calls undo after an error that says the peer has cut the connection. The
// server's own interruptions of a read are timeouts, and mean nothing.
func (c *watchedConn) check(err error) {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		if undo := c.swap(nil); undo != nil {
			undo()
		}
	}
}

// Close implements net.Conn. A reset that followed the peer's orderly end is seen
// by no read; on loopback it is here as soon as the bytes are written.
func (c *watchedConn) Close() error {
	if undo := c.swap(nil); undo != nil && wasReset(c.TCPConn) {
		undo()
	}
	return c.TCPConn.Close()
}

// watchedListener makes accepted connections watched ones.
type watchedListener struct{ net.Listener }

// Accept implements net.Listener.
func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &watchedConn{TCPConn: tcp}, nil
	}
	return c, err
}

// withConn is an http.Server's ConnContext hook.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if w, ok := c.(*watchedConn); ok {
		return sqs.WithConn(ctx, w)
	}
	return ctx
}
