package httpcall_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/httpcall"
)

// echo answers with what it was sent, and counts connections.
func echo(t *testing.T, secure bool) (url string, o httpcall.Options, connections *atomic.Int64) {
	t.Helper()
	connections = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Target", r.Header.Get("X-Amz-Target"))
		if strings.HasPrefix(string(b), "chunked") {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(b)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that are to fail
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	if secure {
		s.StartTLS()
		transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL, httpcall.Options{Transport: transport}, connections
}

func newClient(t *testing.T, o httpcall.Options) *httpcall.Client {
	t.Helper()
	c := httpcall.New(o)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func post(ctx context.Context, c *httpcall.Client, url, body string) (string, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem")
	resp, err := c.Do(r)
	if err != nil {
		return "", nil, err
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), resp.Header, errors.Join(err, resp.Body.Close())
}

func TestCallsShareAConnection(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		url, o, connections := echo(t, secure)
		c := newClient(t, o)
		for _, body := range []string{"", "{}", "chunked and more", strings.Repeat("x", 1<<20), "chunked" + strings.Repeat("y", 1<<20)} {
			got, header, err := post(t.Context(), c, url, body)
			if err != nil || got != body || header.Get("X-Target") != "DynamoDB_20120810.PutItem" {
				t.Errorf("TLS %v: %d bytes came back of %d: %v", secure, len(got), len(body), err)
			}
		}
		if n := connections.Load(); n != 1 {
			t.Errorf("TLS %v: %d connections for one call after the other", secure, n)
		}
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	url, o, connections := echo(t, false)
	o.MaxIdle = 3
	c := newClient(t, o)
	var calls sync.WaitGroup
	for i := range 16 {
		calls.Go(func() {
			for k := range 50 {
				want := fmt.Sprintf("call %d of %d", k, i)
				if got, _, err := post(t.Context(), c, url, want); got != want || err != nil {
					t.Errorf("%q instead of %q: %v", got, want, err)
				}
			}
		})
	}
	calls.Wait()
	t.Logf("%d connections", connections.Load())
}

// The SDK makes the call again after any error, so none may come of a connection that was closed while nobody used it.
func TestAConnectionThatTheServerClosedIsNotUsed(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	var once sync.Once
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	s.Config.IdleTimeout = 60 * time.Millisecond
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			once.Do(func() { close(closed) })
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := newClient(t, httpcall.Options{Transport: &http.Transport{}})
	for range 2 {
		if got, _, err := post(t.Context(), c, s.URL, "x"); got != "ok" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		<-closed
	}
}

// raw serves each connection with a function.
func raw(t *testing.T, serve func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { defer c.Close(); serve(c, bufio.NewReader(c)) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return "http://" + l.Addr().String()
}

func TestTheEndOfTheContextEndsTheCall(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	url := raw(t, func(_ net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			close(asked)
		}
		_, _ = io.Copy(io.Discard, r) // until the client is gone
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, _, err := post(ctx, newClient(t, httpcall.Options{Transport: &http.Transport{}}), url, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	if _, _, err := post(ctx, newClient(t, httpcall.Options{Transport: &http.Transport{}}), url, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that began too late ended with %v", err)
	}
}

func TestAnAnswerThatDoesNotBegin(t *testing.T) {
	t.Parallel()
	url := raw(t, func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) })
	c := newClient(t, httpcall.Options{Transport: &http.Transport{}, HeaderTimeout: 20 * time.Millisecond})
	if _, _, err := post(t.Context(), c, url, "x"); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the call ended with %v", err)
	}
}

func TestOddAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, answer, want, err string }{
		{"none", "", "", "unexpected EOF"},
		{"a part of a header", "HTTP/1.1 200", "", "unexpected EOF"},
		{"no HTTP", "220 mail.example.com ESMTP\r\n\r\n", "", "malformed HTTP"},
		{"a body cut short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "", "unexpected EOF"},
		{"too long", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "", httpcall.ErrTooLong.Error()},
		{"until the end of the connection", "HTTP/1.1 200 OK\r\n\r\nabc", "abc", ""},
		{"after one that says to go on", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", ""},
	} {
		url := raw(t, func(conn net.Conn, r *bufio.Reader) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(conn, c.answer)
			}
		})
		got, _, err := post(t.Context(), newClient(t, httpcall.Options{Transport: &http.Transport{}}), url, "")
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// After such an answer the connection is of no use, though the server keeps it open.
func TestAnswersThatEndAConnection(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 500 Forged\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
	} {
		var connections atomic.Int64
		url := raw(t, func(conn net.Conn, r *bufio.Reader) {
			connections.Add(1)
			for {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, answer)
			}
		})
		client := newClient(t, httpcall.Options{Transport: &http.Transport{}})
		for range 2 {
			if got, _, err := post(t.Context(), client, url, ""); got != "abc" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if n := connections.Load(); n != 2 {
			t.Errorf("%d connections for two calls after %q", n, answer)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	_ = l.Close()
	if _, _, err := post(t.Context(), newClient(t, httpcall.Options{Transport: &http.Transport{}}), url, "x"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

func TestACertificateThatIsNotKnown(t *testing.T) {
	t.Parallel()
	url, _, _ := echo(t, true)
	if _, _, err := post(t.Context(), newClient(t, httpcall.Options{Transport: &http.Transport{}}), url, "x"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

// What is not a short call goes through net/http, as does what a proxy must carry.
func TestTheRestGoesThroughNetHTTP(t *testing.T) {
	t.Parallel()
	base, o, _ := echo(t, false)
	var carried atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		carried.Add(1)
		_, _ = w.Write([]byte("by the proxy"))
	}))
	t.Cleanup(proxy.Close)
	to, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	behind := o.Transport.Clone()
	behind.Proxy = http.ProxyURL(to)
	if got, _, err := post(t.Context(), newClient(t, httpcall.Options{Transport: behind}), base, "x"); got != "by the proxy" || err != nil {
		t.Errorf("%q, %v", got, err)
	}

	long := strings.Repeat("z", 3<<20)
	if got, _, err := post(t.Context(), newClient(t, o), base, long); got != long || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newClient(t, o).Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

func BenchmarkCall(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer s.Close()
	c := httpcall.New(httpcall.Options{Transport: &http.Transport{}})
	defer c.CloseIdleConnections()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := post(b.Context(), c, s.URL, "{}"); err != nil {
			b.Fatal(err)
		}
	}
}
