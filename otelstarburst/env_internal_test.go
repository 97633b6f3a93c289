package otelstarburst

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, c := range []struct {
		name string
		env  map[string]string
		want bool
		err  string
	}{
		{"nothing asks for it", nil, false, ""},
		{"a collector is named", map[string]string{endpoint: "http://localhost:4318"}, true, ""},
		{"one for traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318"}, true, ""},
		{"by our own variable", map[string]string{EnvTracing: "otlp"}, true, ""},
		{"off is off", map[string]string{EnvTracing: "off", endpoint: "http://localhost:4318"}, false, ""},
		{"the SDK is off", map[string]string{endpoint: "http://localhost:4318", "OTEL_SDK_DISABLED": "TRUE"}, false, ""},
		{"traces go elsewhere", map[string]string{endpoint: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "console"}, false, ""},
		{"a word that is none", map[string]string{EnvTracing: "yes"}, false, "known are otlp, off and auto"},
	} {
		got, err := wanted(func(name string) string { return c.env[name] })
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestSettingsOfTheExporter(t *testing.T) {
	t.Parallel()
	const common, traces = "OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"
	for _, c := range []struct {
		name     string
		env      map[string]string
		url, err string
	}{
		{"the usual", nil, "http://localhost:4318/v1/traces", ""},
		{"a common endpoint has a path", map[string]string{common + "ENDPOINT": "https://host/otlp/"}, "https://host/otlp/v1/traces", ""},
		{"the traces' is as it is", map[string]string{common + "ENDPOINT": "https://host", traces + "ENDPOINT": "https://other/x"}, "https://other/x", ""},
		{"no address", map[string]string{common + "ENDPOINT": "host:4318"}, "", "not an address"},
		{"another protocol", map[string]string{common + "PROTOCOL": "grpc"}, "", "port 4318"},
		{"an odd compression", map[string]string{traces + "COMPRESSION": "brotli"}, "", "gzip and none"},
		{"no time", map[string]string{common + "TIMEOUT": "10s"}, "", "milliseconds"},
		{"headers that are none", map[string]string{common + "HEADERS": "secret"}, "", "key=value"},
		{"no file", map[string]string{common + "CERTIFICATE": "/nowhere/ca.pem"}, "", "CERTIFICATE"},
	} {
		got, err := newClient(func(name string) string { return c.env[name] })
		if (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret")) || err == nil && got.url != c.url {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

// What asks to come again is tried again, what does not is given up.
func TestAnswersOfACollector(t *testing.T) {
	t.Parallel()
	for status, tries := range map[int]int{http.StatusOK: 1, http.StatusBadRequest: 1, http.StatusTooManyRequests: 2} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked++; asked == 1 {
				w.WriteHeader(status)
			}
		}))
		c, err := newClient(func(name string) string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		err = c.UploadTraces(t.Context(), nil)
		_ = c.Stop(t.Context())
		server.Close()
		if asked != tries || (err == nil) != (status != http.StatusBadRequest) {
			t.Errorf("%d: asked %d times, %v", status, asked, err)
		}
	}
}

func TestContextsTravel(t *testing.T) {
	t.Parallel()
	const parent = "00-4efaaf4d1e8720b39541901950019ee5-53995c3f42cd8ad8-01"
	if got := traceparent(within(context.Background(), parent)); got != parent {
		t.Errorf("%q", got)
	}
	for text, want := range map[string]string{
		"Root=1-4efaaf4d-1e8720b39541901950019ee5;Parent=53995c3f42cd8ad8;Sampled=1": "53995c3f42cd8ad8",
		"Root=1-4efaaf4d-1e8720b39541901950019ee5":                                   "", "": "", "Root=;Parent=;Sampled=": "", strings.Repeat("x", 1<<10): "",
	} {
		c := fromAWS(text)
		if c.IsValid() != (want != "") || c.IsValid() && c.SpanID().String() != want {
			t.Errorf("%.40q: %v", text, c)
		}
	}
	if got := within(t.Context(), "no traceparent"); trace.SpanContextFromContext(got).IsValid() {
		t.Error("what is no traceparent began a trace")
	}
}
