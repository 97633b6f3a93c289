package httpcall

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// bufferBytes is a connection's buffer in each direction: most requests and answers fit.
const bufferBytes = 4 << 10

// server is what a connection leads to.
type server struct{ scheme, host string }

// conn is a connection that one call at a time has to itself.
type conn struct {
	to     server
	stream net.Conn // with TLS, if any
	plain  net.Conn // the TCP connection below
	r      *bufio.Reader
	w      *bufio.Writer
	since  time.Time // it has been idle

	mu          sync.Mutex // protects the field below, and the order of deadlines
	interrupted bool
}

func newConn(to server, stream, plain net.Conn) *conn {
	return &conn{to: to, stream: stream, plain: plain, r: bufio.NewReaderSize(stream, bufferBytes), w: bufio.NewWriterSize(stream, bufferBytes)}
}

// call writes the request and reads the answer.
func (c *conn) call(r *http.Request, body []byte, header time.Duration) (*http.Response, error) {
	c.limit(header)
	out := *r // a shallow copy: a client must not change the request
	out.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 {
		out.Body = http.NoBody
	}
	if err := out.Write(c.w); err != nil {
		return nil, err
	}
	if err := c.w.Flush(); err != nil {
		return nil, err
	}
	resp, err := c.answer(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength < 0 || resp.ContentLength > int64(c.r.Buffered()) {
		c.limit(bodyTimeout)
	}
	return resp, inMemory(resp)
}

// answer reads a header, after those that only say "go on".
func (c *conn) answer(r *http.Request) (*http.Response, error) {
	const mostInterim = 5 // as net/http has it
	for range mostInterim {
		resp, err := http.ReadResponse(c.r, r)
		if err == nil && resp.StatusCode >= 100 && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		if errors.Is(err, io.EOF) { // nothing came at all
			err = io.ErrUnexpectedEOF
		}
		return resp, err
	}
	return nil, http.ErrNotSupported
}

// limit lets the connection's next reads and writes take so long, unless the call was interrupted.
func (c *conn) limit(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted {
		_ = c.stream.SetDeadline(time.Now().Add(d)) // fails for a closed connection, as what follows does
	}
}

// interrupt ends the call from another goroutine.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	_ = c.stream.SetDeadline(time.Unix(1, 0)) // long ago
}

// hasLeftovers is whether the server has sent more than the answer: the next one could not be trusted.
func (c *conn) hasLeftovers() bool { return c.r.Buffered() > 0 }

func (c *conn) close() { _ = c.stream.Close() } // nothing is owed to the other side

// pool holds connections that no call uses, per server, the last used on top.
type pool struct {
	most int

	mu   sync.Mutex // protects idle
	idle map[server][]*conn
}

// take returns an open connection to the server, or nil. What has waited too long, or was closed by the server, is closed.
func (p *pool) take(to server, now time.Time) *conn {
	for {
		p.mu.Lock()
		list := p.idle[to]
		if len(list) == 0 {
			p.mu.Unlock()
			return nil
		}
		c := list[len(list)-1]
		p.idle[to] = list[:len(list)-1]
		p.mu.Unlock()
		if now.Sub(c.since) < idleTimeout && isOpen(c.plain) {
			return c
		}
		c.close()
	}
}

// put keeps the connection for later calls. The oldest goes when there are too many, or it has waited too long.
func (p *pool) put(c *conn) {
	c.since = time.Now()
	p.mu.Lock()
	list := p.idle[c.to]
	var old *conn
	if len(list) > 0 && (len(list) >= p.most || c.since.Sub(list[0].since) > idleTimeout) {
		old = list[0]
		list = append(list[:0], list[1:]...)
	}
	if p.idle == nil {
		p.idle = map[server][]*conn{}
	}
	p.idle[c.to] = append(list, c)
	p.mu.Unlock()
	if old != nil {
		old.close()
	}
}

func (p *pool) closeAll() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, list := range idle {
		for _, c := range list {
			c.close()
		}
	}
}
