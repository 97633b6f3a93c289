package otelstarburst

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Limits of the exporter (OTLP specification 1.x, "OTLP/HTTP"; SDK specification, "OpenTelemetry Protocol Exporter").
const (
	defaultEndpoint = "http://localhost:4318"
	tracesPath      = "/v1/traces"
	defaultTimeout  = 10 * time.Second
	firstPause      = 500 * time.Millisecond
	longestPause    = 5 * time.Second
	mostOfAnswer    = 4 << 10
)

// client sends spans by OTLP over HTTP; the exporter of go.opentelemetry.io/otel/exporters/otlp/otlptrace makes messages of them.
type client struct {
	http    *http.Client
	url     string
	headers map[string]string
	gzip    bool
	timeout time.Duration
}

// newClient reads the standard variables OTEL_EXPORTER_OTLP_… and their forms for traces alone.
func newClient(getenv func(string) string) (*client, error) {
	get := func(name string) string {
		return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), getenv("OTEL_EXPORTER_OTLP_"+name))
	}
	if p := get("PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; Starburst speaks http/protobuf: collectors listen for it at port 4318", p)
	}
	c := &client{http: &http.Client{}, timeout: defaultTimeout}
	var err error
	if c.url, err = endpoint(getenv); err != nil {
		return nil, err
	}
	if c.headers, err = headers(get("HEADERS")); err != nil {
		return nil, err
	}
	switch v := get("COMPRESSION"); v {
	case "", "none":
	case "gzip":
		c.gzip = true
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_COMPRESSION is %q; known are gzip and none", v)
	}
	if v := get("TIMEOUT"); v != "" {
		ms, err := strconv.Atoi(v)
		if err != nil || ms < 1 {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT is %q, not a number of milliseconds", v)
		}
		c.timeout = time.Duration(ms) * time.Millisecond
	}
	if file := get("CERTIFICATE"); file != "" {
		if c.http.Transport, err = trusting(file); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// endpoint is the traces' own as it is, or the common one with the traces' path.
func endpoint(getenv func(string) string) (string, error) {
	name, text, suffix := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), ""
	if text == "" {
		name, text, suffix = "OTEL_EXPORTER_OTLP_ENDPOINT", cmp.Or(getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), defaultEndpoint), tracesPath
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s is %q, not an address such as http://localhost:4318", name, text)
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + suffix
	return u.String(), nil
}

// headers reads key=value pairs, separated by commas, percent-encoded (W3C Baggage without properties).
func headers(text string) (map[string]string, error) {
	all := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !ok || key == "" || err != nil {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS holds something other than key=value pairs, separated by commas") // its values are secrets
		}
		all[key] = decoded
	}
	return all, nil
}

// trusting returns a transport that trusts the authorities of a PEM file.
func trusting(file string) (http.RoundTripper, error) {
	pem, err := os.ReadFile(file) // the operator names it
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s holds no certificate", file)
	}
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http says so
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// Start implements otlptrace.Client.
func (c *client) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. It tries again, with growing pauses, while the collector asks for that, until the time limit.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// The request's message has another name and the same fields (opentelemetry-proto, ExportTraceServiceRequest); its package
	// is the one that would link gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if c.gzip {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(body) // a buffer takes everything
		_ = w.Close()
		body = b.Bytes()
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		again, after, err := c.post(ctx, body)
		if err == nil || !again {
			return err
		}
		timer := time.NewTimer(max(after, pause/2+rand.N(pause/2)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("not sent within %v: %w", c.timeout, err)
		}
	}
}

// post sends the body once and tells whether, and when at the soonest, to do so again.
func (c *client) post(ctx context.Context, body []byte) (again bool, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	for k, v := range c.headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "starburst")
	if c.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return true, 0, fmt.Errorf("send spans: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, mostOfAnswer)) // so that the connection is used again
	if resp.StatusCode/100 == 2 {
		return false, 0, nil
	}
	switch resp.StatusCode { // the four that the specification calls retryable
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	if s, e := strconv.Atoi(resp.Header.Get("Retry-After")); e == nil && s > 0 {
		after = time.Duration(min(s, int(longestPause/time.Second))) * time.Second
	}
	return again, after, fmt.Errorf("send spans: the collector at %s answers %s", c.url, resp.Status)
}
