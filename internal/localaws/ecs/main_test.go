package ecs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// The test binary is the tasks' command and the endpoint to be killed as well:
// these variables say which part it plays.
const (
	roleVariable = "LOCAL_ECS_ROLE"
	dirVariable  = "LOCAL_ECS_DIR" // its removal ends every role
)

func TestMain(m *testing.M) {
	role, dir := os.Getenv(roleVariable), os.Getenv(dirVariable)
	if role == "" {
		goleak.VerifyTestMain(m)
		return
	}
	go func() { // nothing outlives its test
		for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(100 * time.Millisecond) {
			if _, err := os.Stat(dir); err != nil {
				break
			}
		}
		os.Exit(9)
	}()
	if err := play(role, dir); err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play is a task, until SIGTERM or the end of what its role does.
func play(role, dir string) error {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	started := filepath.Join(dir, "started-"+strconv.Itoa(os.Getpid()))
	switch role {
	case "worker":
		if err := os.WriteFile(started, nil, 0o600); err != nil {
			return err
		}
		<-term
		return os.WriteFile(filepath.Join(dir, "terminated-"+strconv.Itoa(os.Getpid())), nil, 0o600)
	case "stubborn":
		if err := os.WriteFile(started, nil, 0o600); err != nil {
			return err
		}
		select {}
	case "crash":
		return errors.New("cannot find the model file")
	case "quick":
		fmt.Fprintln(os.Stdout, "done", os.Args[1:])
		return nil
	case "parent": // with a child in its group that ignores SIGTERM
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), roleVariable+"=stubborn")
		if err := child.Start(); err != nil {
			return err
		}
		<-term
		return nil
	case "ask": // what its agent says, into a file
		return ask(dir)
	case "endpoint":
		return serveEndpoint(dir)
	}
	return fmt.Errorf("no role %q", role)
}

func ask(dir string) error {
	var all []string
	for _, q := range []struct{ method, url, body string }{
		{"GET", os.Getenv(metadataVariable) + "/task", ""},
		{"GET", os.Getenv(metadataVariable), ""},
		{"PUT", os.Getenv(agentVariable) + "/task-protection/v1/state", `{"ProtectionEnabled":true,"ExpiresInMinutes":60}`},
		{"GET", os.Getenv(agentVariable) + "/task-protection/v1/state", ""},
		{"PUT", os.Getenv(agentVariable) + "/task-protection/v1/state", `{"ProtectionEnabled":true,"ExpiresInMinutes":0}`},
		{"GET", os.Getenv(metadataVariable) + "/stats", ""},
	} {
		req, err := http.NewRequest(q.method, q.url, strings.NewReader(q.body))
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		all = append(all, fmt.Sprintf("%d %s", res.StatusCode, body))
	}
	all = append(all, strings.Join(os.Environ(), "\n"))
	tmp := filepath.Join(dir, "answers.tmp")
	if err := os.WriteFile(tmp, []byte(strings.Join(all, "\n---\n")), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, "answers"))
}

// serveEndpoint is an endpoint on a database in dir, until it is killed.
func serveEndpoint(dir string) error {
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + l.Addr().String()
	s, err := New(d, Options{BaseURL: url, Dir: dir})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "url.tmp"), []byte(url), 0o600); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "url.tmp"), filepath.Join(dir, "url")); err != nil {
		return err
	}
	return http.Serve(l, s)
}

// eventually asks until the answer is yes. Processes and their ends are outside
// of any synctest bubble, so there is nothing to wait on.
func eventually(tb testing.TB, what string, yes func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatalf("it never came about that %s", what)
		}
	}
}

// files counts the files in dir whose name begins with prefix.
func files(tb testing.TB, dir, prefix string) (names []string) {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), prefix); ok {
			names = append(names, name)
		}
	}
	return names
}
