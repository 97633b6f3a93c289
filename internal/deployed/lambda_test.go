package deployed

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// lambda is Lambda's runtime interface for a function whose emulator does not run it: it
// hands out an event, takes the answer, and hands out the next when it is time.
// (Lambda runtime API, version 2018-06-01.)
type lambda struct {
	every time.Duration
	stop  chan struct{}

	mu      sync.Mutex
	next    time.Time // guarded by mu
	events  int       // guarded by mu
	answers []string  // guarded by mu
	errors  []string  // guarded by mu
}

// startLambda runs the bootstrap file with the function's variables until the test ends.
func startLambda(t *testing.T, bootstrap string, env []string, every time.Duration) *lambda {
	t.Helper()
	l := &lambda{every: every, stop: make(chan struct{}), next: time.Now()}
	server := httptest.NewServer(l)
	cmd := exec.Command(bootstrap) // it is stopped below, as Lambda does
	cmd.Env = append(slices.Clone(env), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=starburst-scaler",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "PATH="+os.Getenv("PATH"))
	log, err := os.Create(t.TempDir() + "/scaler.log")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(l.stop)
		_ = cmd.Process.Kill() // Lambda gives no signal either
		_ = cmd.Wait()
		server.Close()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("the autoscaler's log:\n%s", tail(said, 8000))
		}
		_ = log.Close()
	})
	return l
}

// ServeHTTP implements http.Handler.
func (l *lambda) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const prefix = "/2018-06-01/runtime/"
	path, _ := strings.CutPrefix(r.URL.Path, prefix)
	switch {
	case path == "invocation/next":
		l.serveNext(r.Context(), w)
	case strings.HasSuffix(path, "/response"):
		l.note(&l.answers, r.Body)
		w.WriteHeader(http.StatusAccepted)
	case strings.HasSuffix(path, "/error"):
		l.note(&l.errors, r.Body)
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, r)
	}
}

func (l *lambda) serveNext(ctx context.Context, w http.ResponseWriter) {
	l.mu.Lock()
	wait := time.Until(l.next)
	l.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-l.stop:
		return
	case <-ctx.Done():
		return
	}
	l.mu.Lock()
	l.events++
	id := strconv.Itoa(l.events)
	l.next = time.Now().Add(l.every)
	l.mu.Unlock()
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
	w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(2*time.Minute).UnixMilli(), 10))
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:starburst-scaler")
	_, _ = io.WriteString(w, `{"source":"schedule"}`)
}

func (l *lambda) note(where *[]string, body io.Reader) {
	b, _ := io.ReadAll(io.LimitReader(body, 1<<20))
	l.mu.Lock()
	defer l.mu.Unlock()
	*where = append(*where, string(b))
}

// outcome is how often the function was invoked, and what it answered.
func (l *lambda) outcome() (events int, answers, errors []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events, append([]string(nil), l.answers...), append([]string(nil), l.errors...)
}
