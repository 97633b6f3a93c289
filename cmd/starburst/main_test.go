package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/testmain"
)

// TestMain is also the program that sessions start as worker and endpoint.
func TestMain(m *testing.M) {
	if os.Getenv("STARBURST_ROLE") != "" || len(os.Args) > 1 && os.Args[1] == "worker" {
		main()
		return
	}
	os.Exit(testmain.Run(m))
}

// output of one command.
type output struct {
	code           exit.Code
	stdout, stderr string
}

// starburst runs the command line as main does.
func starburst(ctx context.Context, stdin string, args ...string) output {
	var stdout, stderr bytes.Buffer
	code := run(ctx, append([]string{"starburst"}, args...), strings.NewReader(stdin), &stdout, &syncWriter{w: &stderr})
	return output{code, stdout.String(), stderr.String()}
}

// syncWriter serialises writes: progress and errors come from several goroutines.
type syncWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

func (s *syncWriter) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.String()
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startDev runs `starburst dev` with an exec worker until the test ends and makes
// the other commands find it.
func startDev(t *testing.T, argv ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	out := &syncWriter{w: &stdout}
	errs := &syncWriter{w: &stderr}
	done := make(chan exit.Code, 1)
	args := append([]string{"starburst", "dev", "--port", "0", "--", self, "worker", "--exec", "--"}, argv...)
	go func() { done <- run(ctx, args, strings.NewReader(""), out, errs) }()
	t.Cleanup(func() {
		cancel()
		select {
		case code := <-done:
			if code != exit.OK {
				t.Errorf("dev ended with %d: %s", code, errs.String())
			}
		case <-time.After(30 * time.Second):
			t.Error("dev did not end within 30 s")
		}
	})
	for end := time.Now().Add(20 * time.Second); !strings.Contains(out.String(), "export STARBURST_QUEUE_URL="); {
		select {
		case code := <-done:
			t.Fatalf("dev ended with %d: %s", code, errs.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("dev does not print its export lines: %s", errs.String())
		}
	}
}
