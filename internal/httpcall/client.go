package httpcall

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Defaults and limits.
const (
	// DefaultHeaderTimeout is how long an answer may take to begin.
	DefaultHeaderTimeout = 35 * time.Second
	// DefaultMaxIdle is how many connections to one server stay open without a call.
	DefaultMaxIdle = 64
	// idleTimeout is when an unused connection is closed; the SDK's own transport has the same.
	idleTimeout = 90 * time.Second
	// bodyTimeout is how long an answer's body may take once its header is there.
	bodyTimeout = 30 * time.Second
	// maxRequest bounds the bodies that are held in memory.
	maxRequest = 2 << 20
	// MaxAnswer bounds an answer's body. DynamoDB's and SQS's are 1 MiB of data at most, which JSON makes longer.
	MaxAnswer = 64 << 20
)

// ErrTooLong is returned for an answer of more than [MaxAnswer] bytes.
var ErrTooLong = errors.New("the answer is longer than a client may read")

// Options of a Client.
type Options struct {
	// Transport has the TLS settings, dialler and proxy to use, and takes the calls that are not for this client. Needed.
	Transport *http.Transport
	// HeaderTimeout is how long an answer may take to begin. Default: [DefaultHeaderTimeout].
	HeaderTimeout time.Duration
	// MaxIdle is how many unused connections to one server are kept. Default: [DefaultMaxIdle].
	MaxIdle int
}

// Client makes calls. It is safe for use by several goroutines.
type Client struct {
	opt  Options
	idle pool
}

// New makes a Client.
func New(o Options) *Client {
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, DefaultHeaderTimeout)
	o.MaxIdle = cmp.Or(o.MaxIdle, DefaultMaxIdle)
	return &Client{opt: o, idle: pool{most: o.MaxIdle}}
}

// Do sends the request and reads its answer to the end; the answer's body is in memory. It follows no redirects and
// does not try again: the SDK decides about both. Errors are those of the connection, or the context's.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	if !c.takes(r) {
		return c.opt.Transport.RoundTrip(r)
	}
	// The SDK closes its body as soon as an answer arrives.
	body := make([]byte, r.ContentLength)
	if r.Body != nil {
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, fmt.Errorf("read the request's body: %w", err)
		}
	}
	ctx := r.Context()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx, r.URL)
	if err != nil {
		return nil, err
	}
	// The end of the context makes reads and writes of the connection return at once.
	cut := context.AfterFunc(ctx, func() { conn.interrupt() })
	resp, err := conn.call(r, body, c.opt.HeaderTimeout)
	if !cut() { // it has ended: the connection's deadlines may still be moved
		conn.close()
		if err != nil {
			err = cmp.Or(context.Cause(ctx), err)
		}
		return resp, err
	}
	if err != nil {
		conn.close()
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Host, err)
	}
	if resp.Close || conn.hasLeftovers() {
		conn.close()
	} else {
		c.idle.put(conn)
	}
	return resp, nil
}

// CloseIdleConnections closes what no call uses.
func (c *Client) CloseIdleConnections() {
	c.idle.closeAll()
	c.opt.Transport.CloseIdleConnections()
}

// takes is whether the request is one for this client.
func (c *Client) takes(r *http.Request) bool {
	if r.ContentLength < 0 || r.ContentLength > maxRequest || r.ContentLength == 0 && r.Body != nil && r.Body != http.NoBody {
		return false
	}
	if r.Method != http.MethodPost || r.Close || r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return false
	}
	if c.opt.Transport.Proxy == nil {
		return true
	}
	proxy, err := c.opt.Transport.Proxy(r)
	return proxy == nil && err == nil
}

// connect takes an idle connection or makes one.
func (c *Client) connect(ctx context.Context, u *url.URL) (*conn, error) {
	to := server{scheme: u.Scheme, host: u.Host}
	if conn := c.idle.take(to, time.Now()); conn != nil {
		return conn, nil
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	dial := c.opt.Transport.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: c.opt.HeaderTimeout}).DialContext
	}
	plain, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if u.Scheme == "http" {
		return newConn(to, plain, plain), nil
	}
	secured, err := c.secure(ctx, plain, u.Hostname())
	if err != nil {
		_ = plain.Close() // the handshake's error says more
		return nil, err
	}
	return newConn(to, secured, plain), nil
}

func (c *Client) secure(ctx context.Context, plain net.Conn, host string) (net.Conn, error) {
	cfg := c.opt.Transport.TLSClientConfig.Clone()
	if cfg == nil {
		cfg = new(tls.Config)
	}
	cfg.ServerName = cmp.Or(cfg.ServerName, host)
	cfg.NextProtos = []string{"http/1.1"}
	if limit := c.opt.Transport.TLSHandshakeTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	secured := tls.Client(plain, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS with %s: %w", host, err)
	}
	return secured, nil
}

// inMemory makes of an answer one whose body has been read.
func inMemory(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }() // at its end, or the connection is closed
	if resp.ContentLength > MaxAnswer {
		return ErrTooLong
	}
	var b []byte
	var err error
	if resp.ContentLength >= 0 {
		b = make([]byte, resp.ContentLength)
		_, err = io.ReadFull(resp.Body, b)
	} else {
		b, err = io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
		if len(b) > MaxAnswer {
			err = ErrTooLong
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return err
}
