package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/testmain"
)

// envMain makes the test binary be the command.
const envMain = "TEST_STARBURST_MAIN"

// TestMain is also the command under test, and the program that sessions start as worker and endpoint.
func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" || os.Getenv("STARBURST_ROLE") != "" || len(os.Args) > 1 && os.Args[1] == "worker" {
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

// process makes a process of the command. The end of ctx interrupts it, as Ctrl-C does.
func process(ctx context.Context, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), envMain+"=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// starburst runs the command to its end.
func starburst(ctx context.Context, stdin string, args ...string) output {
	cmd := process(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	_ = cmd.Run() // the exit code is what is tested
	return output{exit.Code(cmd.ProcessState.ExitCode()), stdout.String(), stderr.String()}
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

// startDev runs `starburst dev` with an exec worker and a state of its own until
// the test ends, and makes the other commands find it.
func startDev(t *testing.T, argv ...string) {
	t.Helper()
	startDevWith(t, nil, argv...)
}

// startDevWith is startDev with flags.
func startDevWith(t *testing.T, flags []string, argv ...string) {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	out := &syncWriter{w: &stdout}
	errs := &syncWriter{w: &stderr}
	done := make(chan exit.Code, 1)
	dev := process(ctx, slices.Concat([]string{"dev", "--port", "0"}, flags, []string{"--", self, "worker", "--exec", "--"}, argv)...)
	dev.Stdout, dev.Stderr = out, errs
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = dev.Wait()
		done <- exit.Code(dev.ProcessState.ExitCode())
	}()
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
