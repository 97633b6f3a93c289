//go:build unix

package laptop

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
)

// TestMain is also the endpoint process under test.
func TestMain(m *testing.M) {
	if dir := os.Getenv(EnvDir); dir != "" {
		if err := Serve(context.Background(), dir, os.Getenv(EnvAddr), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func start(t *testing.T, dir string) *Endpoint {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e, err := StartEndpoint(t.Context(), dir, []string{self}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func healthy(url string) bool {
	resp, err := http.Get(url + "/_starburst/health")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func TestAKilledEndpointComesBackAtTheSameAddress(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir())
	url, pid := e.URL(), e.PID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); e.PID() == pid || !healthy(url); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the endpoint did not come back within 20 s")
		}
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if healthy(url) {
		t.Error("the endpoint still answers after Close")
	}
}

func TestOneStateHasOneEndpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := start(t, dir)
	self, _ := os.Executable()
	var inUse *InUseError
	if _, err := StartEndpoint(t.Context(), dir, []string{self}, nil); !errors.As(err, &inUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second endpoint on the state: %v, want an *InUseError that names it", err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnEndpointThatDoesNotGreetIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := StartEndpoint(t.Context(), t.TempDir(), []string{"/bin/sh", "-c", "exit 1"}, nil); err == nil {
		t.Error("no error from a program that is no endpoint")
	}
	if _, err := StartEndpoint(t.Context(), t.TempDir(), []string{"/no/such/program"}, nil); err == nil {
		t.Error("no error from a program that is not there")
	}
}

func TestStateNames(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, bad := range []string{"", "../x", "a/b", ".hidden", strings.Repeat("x", 65)} {
		if _, err := Dir(bad); exit.CodeOf(err) != exit.Usage {
			t.Errorf("Dir(%q): %v, want exit code 2", bad, err)
		}
	}
	dir, err := Dir("good-1.2_x")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the state's directory: %v, %v; want only its owner to read it", info.Mode(), err)
	}
}

func TestFindOnlyWhatAnswers(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir, err := Dir("found")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), "found"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nothing announced: %v", err)
	}
	e := start(t, dir)
	want := stack.Stack{Endpoint: e.URL(), Table: "t", QueueURL: "q"}
	withdraw, err := Announce(dir, want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Find(t.Context(), "found"); err != nil || !cmp.Equal(got, want) {
		t.Errorf("found %+v, %v; want %+v", got, err, want)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	// A killed dev leaves its announcement behind.
	if _, err := Find(t.Context(), "found"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("announced and gone: %v", err)
	}
	if err := withdraw(); err != nil {
		t.Error(err)
	}
}
