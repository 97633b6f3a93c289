package otelstarburst_test

import (
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/starburst-go/starburst"
	"github.com/starburst-go/starburst/otelstarburst"
)

// collector takes spans by OTLP over HTTP, as OpenTelemetry's own does.
type collector struct {
	mu       sync.Mutex // protects the fields below
	spans    []*tracepb.Span
	services map[string]bool
	refused  int // the first request is, as a collector does that is busy
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == 0 {
		c.refused++
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, err := gzip.NewReader(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("Api-Key") != "a b" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	raw, err := io.ReadAll(body)
	var data tracepb.TracesData
	if err != nil || proto.Unmarshal(raw, &data) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, r := range data.GetResourceSpans() {
		for _, a := range r.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				c.services[a.GetValue().GetStringValue()] = true
			}
		}
		for _, s := range r.GetScopeSpans() {
			c.spans = append(c.spans, s.GetSpans()...)
		}
	}
}

// attributes of a span, as text.
func attributes(s *tracepb.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		all[a.GetKey()] = strings.Trim(a.GetValue().String(), `"`)
		if v := a.GetValue().GetStringValue(); v != "" {
			all[a.GetKey()] = v
		}
	}
	return all
}

func TestOneTraceFromTheSubmissionToTheRecords(t *testing.T) {
	c := &collector{services: map[string]bool{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_SERVICE_NAME", "halves")

	s, err := starburst.New(starburst.Config{State: "traced", Workers: 1, Progress: io.Discard}, halve, starburst.WithTracing(otelstarburst.FromEnv))
	if err != nil {
		t.Fatal(err)
	}
	results, err := starburst.Map(t.Context(), s, halve, []int{2, 3, 4}, starburst.WithID("halves"), starburst.WithChunk(1))
	if failed := (*starburst.TaskErrors)(nil); !errors.As(err, &failed) || !slices.Equal(results, []int{1, 0, 2}) {
		t.Fatalf("%v, %v", results, err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	byName := map[string][]*tracepb.Span{}
	for _, span := range c.spans {
		name, _, _ := strings.Cut(span.GetName(), " ")
		byName[name] = append(byName[name], span)
	}
	if len(byName["send"]) != 1 || len(byName["process"]) != 3 || len(byName["record"]) != 3 || len(byName["receive"]) == 0 || len(byName["settle"]) == 0 {
		t.Fatalf("%d spans: %v", len(c.spans), slices.Collect(maps.Keys(byName)))
	}
	send := byName["send"][0]
	if a := attributes(send); a["messaging.system"] != "aws_sqs" || a["starburst.job.id"] != "halves" || send.GetKind() != tracepb.Span_SPAN_KIND_PRODUCER {
		t.Errorf("send: %v %v", send.GetKind(), a)
	}
	failed := 0
	for _, span := range slices.Concat(byName["process"], byName["record"]) {
		if !slices.Equal(span.GetTraceId(), send.GetTraceId()) || !slices.Equal(span.GetParentSpanId(), send.GetSpanId()) {
			t.Errorf("%s is in trace %s, a child of %s; want %s and %s", span.GetName(), hex.EncodeToString(span.GetTraceId()),
				hex.EncodeToString(span.GetParentSpanId()), hex.EncodeToString(send.GetTraceId()), hex.EncodeToString(send.GetSpanId()))
		}
		if span.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
			failed++
			if a := attributes(span); a["starburst.task.index"] == "" || a["error.type"] != "error" || !strings.Contains(span.GetStatus().GetMessage(), "odd") {
				t.Errorf("%v: %v", span.GetStatus(), a)
			}
		}
	}
	if failed != 1 {
		t.Errorf("%d spans failed, want the one of the task that did", failed)
	}
	for _, span := range byName["receive"] {
		if len(span.GetLinks()) != 1 || !slices.Equal(span.GetLinks()[0].GetSpanId(), send.GetSpanId()) {
			t.Errorf("a receive has the links %v, want one to the send", span.GetLinks())
		}
	}
	if !maps.Equal(c.services, map[string]bool{"halves": true}) {
		t.Errorf("spans of %v", c.services)
	}
}

// Nothing is lost but the spans.
func TestACollectorThatIsNotThere(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "200")
	s, err := starburst.New(starburst.Config{State: "untraced", Workers: 1, Progress: io.Discard}, halve, starburst.WithTracing(otelstarburst.FromEnv))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	results, err := starburst.Map(t.Context(), s, halve, []int{2, 4})
	if err != nil || !slices.Equal(results, []int{1, 2}) {
		t.Errorf("%v, %v", results, err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	t.Log(time.Since(began))
}
