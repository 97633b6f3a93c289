package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// maxBody bounds requests and answers: a DynamoDB request has at most 16 MiB.
const maxBody = 16 << 20

// Config of a Proxy. Upstream is required.
type Config struct {
	// Upstream is the endpoint's URL.
	Upstream string
	Plan     Plan
	// Before, if set, is called with each call before anything happens to it. It may
	// block; its context ends with the call's connection. Tests use it to hold a
	// call until something else has happened.
	Before func(ctx context.Context, c Call)
	// Log receives what went wrong with the proxy itself. Default: discarded.
	Log *slog.Logger
}

// Call is a request on its way to the endpoint.
type Call struct {
	// Service is SQS or DynamoDB, Operation such as "PutItem".
	Service, Operation string
	Body               []byte
}

// Proxy is a running proxy. Make one with Start.
type Proxy struct {
	cfg       Config
	upstream  *url.URL
	transport *http.Transport
	server    *http.Server
	url       string
	started   time.Time
	served    chan struct{}
	base      context.Context //nolint:containedctx // of the proxy's life; ends with Close
	end       context.CancelFunc
	serving   sync.WaitGroup
	repeats   repeats

	mu     sync.Mutex // protects the maps
	calls  map[string]uint64
	counts map[string]int
}

// Start listens on a port of the loopback interface until Close.
func Start(c Config) (*Proxy, error) {
	if err := c.Plan.Validate(); err != nil {
		return nil, err
	}
	u, err := url.Parse(c.Upstream)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("faults: Upstream is %q, not a URL", c.Upstream)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local listen waits for nothing
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	base, end := context.WithCancel(context.Background())
	p := &Proxy{
		cfg: c, upstream: u, transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		url: "http://" + l.Addr().String(), started: time.Now(), served: make(chan struct{}), base: base, end: end,
		calls: map[string]uint64{}, counts: map[string]int{},
	}
	p.server = &http.Server{
		Handler: p, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // cut connections are the purpose
	}
	go func() {
		defer close(p.served)
		if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("fault proxy", "err", err)
		}
	}()
	return p, nil
}

// URL is where the proxy listens.
func (p *Proxy) URL() string { return p.url }

// Close cuts every connection.
func (p *Proxy) Close() error {
	p.end()
	err := p.server.Close()
	<-p.served
	p.serving.Wait()
	p.transport.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	return nil
}

// Counts returns how often each fault was injected, by its name such as
// "PutItem: response dropped".
func (p *Proxy) Counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

func (p *Proxy) count(operation, what string, n int) {
	if n > 0 {
		p.mu.Lock()
		p.counts[operation+": "+what] += n
		p.mu.Unlock()
	}
}

// next numbers the calls of an operation.
func (p *Proxy) next(operation string) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.calls[operation]
	p.calls[operation] = n + 1
	return n
}

// errCut ends a connection without an answer.
var errCut = errors.New("cut")

// ServeHTTP forwards one call, or does to it what the plan says.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.serving.Add(1)
	defer p.serving.Done()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c := Call{Body: body}
	c.Service, c.Operation = splitTarget(r.Header.Get("X-Amz-Target"))
	if c.Service == "" {
		err = p.pass(w, r, body)
	} else {
		if p.cfg.Before != nil {
			p.cfg.Before(r.Context(), c)
		}
		err = p.serve(w, r, c)
	}
	if err != nil {
		if !errors.Is(err, errCut) && r.Context().Err() == nil {
			p.cfg.Log.Error("fault proxy", "operation", c.Operation, "err", err)
		}
		panic(http.ErrAbortHandler) // the server closes the connection without a word
	}
}

// pass forwards a call unharmed.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, body []byte) error {
	res, err := p.forward(r, body)
	if err != nil {
		return err
	}
	return res.write(w)
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, c Call) error {
	v := p.cfg.Plan.Decide(c.Operation, p.next(c.Operation))
	if err := p.hold(r.Context(), c, v.Before); err != nil {
		return err
	}
	if p.cfg.Plan.Expired(c.Service, time.Since(p.started)) {
		p.count(c.Operation, "credentials expired", 1)
		expired.write(w)
		return nil
	}
	switch v.End {
	case RequestDropped:
		p.count(c.Operation, "request dropped", 1)
		return errCut
	case Throttled:
		p.count(c.Operation, "throttled", 1)
		throttle(c.Service, c.Operation, v.Pick).write(w)
		return nil
	case Broken:
		p.count(c.Operation, "server error", 1)
		breaks[v.Pick%len(breaks)].write(w)
		return nil
	case Answered, ResponseDropped:
	}
	res, err := p.carryOut(r, c, v)
	if err != nil {
		return err
	}
	if err := p.hold(r.Context(), c, v.After); err != nil {
		return err
	}
	if v.End == ResponseDropped {
		p.count(c.Operation, "response dropped", 1)
		return errCut
	}
	return res.write(w)
}

// hold waits for the delay and then until the service is not frozen.
func (p *Proxy) hold(ctx context.Context, c Call, delay time.Duration) error {
	if delay > 0 {
		p.count(c.Operation, "delayed", 1)
	}
	frozen := p.cfg.Plan.Frozen(c.Service, time.Since(p.started)+delay)
	if frozen > 0 {
		p.count(c.Operation, "frozen", 1)
	}
	if delay += frozen; delay == 0 {
		return nil
	}
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errCut
	}
}

// carryOut forwards the call with the entries that are to be carried out, and
// makes the answer.
func (p *Proxy) carryOut(r *http.Request, c Call, v Verdict) (*response, error) {
	body := unmark(c.Operation, c.Body)
	switch {
	case batches[c.Operation] && v.rates.FailEntry+v.rates.OmitEntry > 0:
		return p.carryOutBatch(r, c, body, v)
	case c.Operation == "BatchGetItem" && v.rates.FailEntry+v.rates.OmitEntry > 0:
		cut, left, err := keysLeft(body, v.Entry)
		if err != nil {
			return nil, err
		}
		res, err := p.forward(r, cut)
		if err != nil || res.status != http.StatusOK || left == nil {
			return res, err
		}
		p.count(c.Operation, "keys unprocessed", 1)
		return res.with(addUnprocessed(res.body, left))
	case c.Operation == "ReceiveMessage":
		var req receiveRequest
		if err := json.Unmarshal(body, &req); err != nil {
			return nil, fmt.Errorf("a receive: %w", err)
		}
		res, err := p.forward(r, body)
		if err != nil || res.status != http.StatusOK || v.End == ResponseDropped {
			return res, err
		}
		out, repeated, corrupted, err := p.received(v, req, res.body)
		p.count(c.Operation, "repeated", repeated)
		p.count(c.Operation, "corrupted", corrupted)
		return res.with(out, err)
	}
	return p.forward(r, body)
}

func (p *Proxy) carryOutBatch(r *http.Request, c Call, body []byte, v Verdict) (*response, error) {
	body, b, err := cutBatch(body, v.Entry)
	if err != nil {
		return nil, err
	}
	for _, f := range b.fates {
		if f == FailedDone || f == FailedUndone {
			p.count(c.Operation, "entries failed", 1)
		} else {
			p.count(c.Operation, "entries omitted", 1)
		}
	}
	res := &response{status: http.StatusOK, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}}
	if b.entries > 0 {
		if res, err = p.forward(r, body); err != nil || res.status != http.StatusOK {
			return res, err
		}
	}
	return res.with(b.answer(res.body))
}

// response is the endpoint's answer, read to its end.
type response struct {
	status int
	header http.Header
	body   []byte
}

// forwardLimit bounds a call at the endpoint: above the longest poll of 20 s.
const forwardLimit = 30 * time.Second

// forward makes the call at the endpoint. It does not end with the caller's
// connection: what has been sent is carried out, and a receive whose caller was
// killed may still take messages (aws-sdk-go-v2#2068).
func (p *Proxy) forward(r *http.Request, body []byte) (*response, error) {
	ctx, cancel := context.WithTimeout(p.base, forwardLimit)
	defer cancel()
	u := *r.URL
	u.Scheme, u.Host = p.upstream.Scheme, p.upstream.Host
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(body)) //nolint:gosec // the host is the configured upstream
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	req.Header = r.Header.Clone()
	for _, h := range []string{"Connection", "Content-Length", "Accept-Encoding"} {
		req.Header.Del(h)
	}
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return &response{res.StatusCode, res.Header, b}, nil
}

// with is the response with another body.
func (r *response) with(body []byte, err error) (*response, error) {
	if err != nil {
		return nil, err
	}
	h := r.header.Clone()
	h.Del("X-Amz-Crc32") // of the old body
	return &response{r.status, h, body}, nil
}

func (r *response) write(w http.ResponseWriter) error {
	maps.Copy(w.Header(), r.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	w.Header().Del("Connection")
	w.WriteHeader(r.status)
	_, err := w.Write(r.body) //nolint:gosec // an AWS endpoint's answer to an SDK, not a page
	return err
}
