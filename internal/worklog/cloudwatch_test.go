package worklog

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/awscall"
)

const prefix = "worker/main/"

// event is one of the fake's.
type event struct {
	stream string
	second int
	text   string
}

// fakeLogs answers FilterLogEvents as AWS documents it: two events a page, and an error when a stream that is named
// does not exist.
type fakeLogs struct {
	events []event
	calls  int
}

func (f *fakeLogs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.calls++
	var in filterLogEvents
	b, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(b, &in); err != nil || r.Header.Get("X-Amz-Target") != "Logs_20140328.FilterLogEvents" {
		http.Error(w, `{"__type":"InvalidParameterException"}`, http.StatusBadRequest)
		return
	}
	fail := func(what string) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":"ResourceNotFoundException","message":"The specified %s does not exist."}`, what)
	}
	if in.Group != "workers" {
		fail("log group")
		return
	}
	for _, name := range in.Names {
		if !slices.ContainsFunc(f.events, func(e event) bool { return e.stream == name }) {
			fail("log stream")
			return
		}
	}
	var found []map[string]any
	for i, e := range f.events {
		at := noon.Add(time.Duration(e.second) * time.Second).UnixMilli()
		if len(in.Names) > 0 && !slices.Contains(in.Names, e.stream) || !strings.HasPrefix(e.stream, in.Prefix) || at < in.From || in.To > 0 && at > in.To {
			continue
		}
		found = append(found, map[string]any{"eventId": strconv.Itoa(i), "logStreamName": e.stream, "timestamp": at, "message": e.text})
	}
	at, _ := strconv.Atoi(in.Token)
	out := map[string]any{"events": found[min(at, len(found)):min(at+2, len(found))]}
	if at+2 < len(found) {
		out["nextToken"] = strconv.Itoa(at + 2)
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		panic(err)
	}
}

func logsOf(t *testing.T, f http.Handler) CloudWatch {
	t.Helper()
	s := httptest.NewServer(f)
	transport := &http.Transport{}
	t.Cleanup(s.Close)
	t.Cleanup(transport.CloseIdleConnections)
	return CloudWatch{Group: "workers", Prefix: prefix, Ask: awscall.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), HTTPClient: &http.Client{Transport: transport},
	})}
}

func TestCloudWatch(t *testing.T) {
	t.Parallel()
	f := &fakeLogs{events: []event{
		{prefix + "a", 1, "plain"}, {prefix + "b", 2, record(2, "msg=second job=k")}, {"sidecar/x", 3, "no worker"},
		{prefix + "a", 4, `{"time":"2026-11-24T12:00:04Z","msg":"third","job":"j"}`}, {prefix + "a", 5, "four"}, {prefix + "b", 6, "five"},
	}}
	c := logsOf(t, f)
	var many []string
	for i := range maxStreams + 1 {
		many = append(many, "w"+strconv.Itoa(i))
	}
	for _, tc := range []struct {
		what string
		q    Query
		want []string
	}{
		{"all pages of all workers", Query{}, []string{"a: plain", "b: second", "a: third", "a: four", "b: five"}},
		{"one worker", Query{Workers: []string{"b"}}, []string{"b: second", "b: five"}},
		{"a worker that has printed nothing, too", Query{Workers: []string{"silent", "b"}}, []string{"b: second", "b: five"}},
		{"that one alone", Query{Workers: []string{"silent"}}, nil},
		{"more than a call can name", Query{Workers: append(many, "a")}, []string{"a: plain", "a: third", "a: four"}},
		{"nobody", Query{Workers: []string{}}, nil},
		{"a time", Query{From: noon.Add(4 * time.Second), To: noon.Add(5 * time.Second)}, []string{"a: third"}},
		{"a job, whoever names it", Query{Job: "j", Workers: []string{"b"}, Anyone: true}, []string{"a: third", "b: five"}},
		{"a job", Query{Job: "j", Workers: []string{"a", "b"}}, []string{"a: plain", "a: third", "a: four", "b: five"}},
	} {
		if diff := cmp.Diff(tc.want, messages(t, c, tc.q)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tc.what, diff)
		}
	}
	c.Group = "gone"
	n := 0
	for _, err := range c.Lines(t.Context(), Query{Workers: []string{"a"}}) {
		if n++; err == nil || !strings.Contains(err.Error(), "log group") {
			t.Errorf("a group that is not there: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("a group that is not there yields %d times", n)
	}
}

// An endpoint that gives the same token again and again does not hold the reader for ever.
func TestCloudWatchSameToken(t *testing.T) {
	t.Parallel()
	calls := 0
	c := logsOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = io.WriteString(w, `{"events":[],"nextToken":"t"}`)
	}))
	if got := messages(t, c, Query{}); got != nil || calls != 2 {
		t.Errorf("%d calls, lines %v", calls, got)
	}
}

// TestMotoLogs reads what was put into the logs of another implementation of CloudWatch Logs.
func TestMotoLogs(t *testing.T) {
	t.Parallel()
	url := os.Getenv("STARBURST_TEST_MOTO")
	if url == "" {
		t.Skip("needs a moto server: make test-aws-calls")
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	ask := awscall.New(aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), HTTPClient: &http.Client{Transport: transport}})
	group := fmt.Sprintf("workers-%d", time.Now().UnixNano())
	call := func(operation string, in any) {
		t.Helper()
		if _, err := ask.JSON(t.Context(), awscall.Logs, operation, in, nil); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().Truncate(time.Millisecond)
	call("CreateLogGroup", map[string]string{"logGroupName": group})
	for _, w := range []string{"a", "b"} {
		call("CreateLogStream", map[string]string{"logGroupName": group, "logStreamName": prefix + w})
		call("PutLogEvents", map[string]any{"logGroupName": group, "logStreamName": prefix + w, "logEvents": []map[string]any{
			{"timestamp": now.Add(-2 * time.Second).UnixMilli(), "message": "old " + w}, {"timestamp": now.UnixMilli(), "message": "new " + w},
		}})
	}
	c := CloudWatch{Ask: ask, Group: group, Prefix: prefix}
	if diff := cmp.Diff([]string{"b: new b"}, messages(t, c, Query{Workers: []string{"b", "silent"}, From: now.Add(-time.Second)})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := messages(t, c, Query{}); len(got) != 4 {
		t.Errorf("all: %v", got)
	}
}
