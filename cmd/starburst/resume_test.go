package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/stack"
)

// behind points the commands at the running dev through a proxy that passes the
// first sends and hands the later ones to rest. The returned function takes it away again.
func behind(t *testing.T, sends int64, rest http.HandlerFunc) (direct func()) {
	t.Helper()
	s, err := laptop.Find(t.Context(), laptop.DevState)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendMessageBatch") && n.Add(1) > sends {
			rest(w, r)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	t.Setenv(stack.EnvQueueURL, s.QueueURL)
	t.Setenv(stack.EnvTable, s.Table)
	t.Setenv(stack.EnvLocal, srv.URL)
	return func() { t.Setenv(stack.EnvLocal, s.Endpoint) }
}

// resumed checks what a submit that was cut off says, and runs the command that it names.
func resumed(t *testing.T, got output, cause string) {
	t.Helper()
	if got.code != exit.Partly || !regexp.MustCompile(`"half": [1-9]\d* of 200 tasks are enqueued: `+cause).MatchString(got.stderr) {
		t.Fatalf("cut off: %+v; want exit 9 and how far it came", got)
	}
	_, again, found := strings.Cut(got.stderr, "try:   starburst ")
	if !found || !strings.Contains(again, "--job half") {
		t.Fatalf("it does not say how to send the rest: %s", got.stderr)
	}
	words, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s\\n' "+again).Output()
	if err != nil {
		t.Fatal(err)
	}
	rest := starburst(t.Context(), "", strings.Split(strings.TrimSpace(string(words)), "\n")...)
	if rest.code != exit.OK || !strings.Contains(rest.stderr, "job half exists; ") {
		t.Errorf("the named command %q: %+v", again, rest)
	}
	if res := starburst(t.Context(), "", "results", "--wait", "half"); res.code != exit.OK || strings.Count(res.stdout, "\n") != 200 {
		t.Errorf("results of the whole: exit %d, %d lines: %s", res.code, strings.Count(res.stdout, "\n"), res.stderr)
	}
}

func TestASubmitThatFailsInTheMiddleSaysHowToSendTheRest(t *testing.T) {
	startDev(t, "echo")
	direct := behind(t, 3, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
	})
	got := starburst(t.Context(), "", "submit", "exec", "--grid", "a=1,2,3,4,5,6,7,8,9,10", "--grid", "b c='x,2,3,4,5,6,7,8,9,10", "--grid", "d=1,2", "--chunk", "1", "--job", "half")
	direct()
	resumed(t, got, "")
}

func TestAnInterruptedSubmitSaysHowToSendTheRest(t *testing.T) {
	startDev(t, "echo")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	direct := behind(t, 3, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
		cancel()
		<-r.Context().Done()
	})
	got := starburst(ctx, "", "submit", "exec", "--range", "1:200", "--chunk", "1", "--job", "half")
	direct()
	resumed(t, got, "interrupted")
}
