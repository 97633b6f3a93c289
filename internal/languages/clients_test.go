package languages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// envPrepared names the folder in which scripts/languages/test.sh has built what
// the clients need.
const envPrepared = "STARBURST_TEST_LANGUAGES"

// clientTimeout bounds one client; a JVM or an interpreter on a busy machine starts slowly.
const clientTimeout = 2 * time.Minute

// clients are the commands that enqueue, run in their folder of examples/enqueue with
// an identity as their last argument; $PREPARED is the folder of envPrepared.
var clients = []struct {
	folder  string
	command []string
}{
	{"go", []string{"$PREPARED/go-enqueue"}},
	{"java", []string{"java", "-cp", "target/dependency/*", "Enqueue.java"}},
	{"node", []string{"node", "enqueue.mjs"}},
	{"python", []string{"$PREPARED/venv/bin/python", "enqueue.py"}},
	{"rust", []string{"$PREPARED/rust/debug/enqueue"}},
	{"shell", []string{"./enqueue.sh"}},
}

// results are what the worker's program makes of each client's five tasks: the task's
// index and what it was given. Text is given as it is, all else as JSON.
var results = []string{
	`0 żółw, 日本, 𝄞`,
	`1 [0.1, -2.5, 1e300]`,
	`2 [9007199254740993, -9223372036854775808, 18446744073709551615]`,
	`3 {"option": {"type": "put", "strikes": [95, 100.5], "note": null, "american": true}}`,
	`4 {"$bin": "AAH+/w=="}`,
}

func TestClientsInEveryLanguage(t *testing.T) {
	t.Parallel()
	prepared := os.Getenv(envPrepared)
	if prepared == "" {
		t.Skip("run by: make test-languages")
	}
	binary := build(t)
	for _, server := range []struct {
		name  string
		start func(*testing.T, string) world
	}{
		{"starburst dev", startDev},
		{"ElasticMQ and DynamoDB Local", startForeign},
	} {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			w := server.start(t, binary)
			w.env = append(w.env, "PATH="+filepath.Join(prepared, "venv", "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
			t.Run("clients", func(t *testing.T) {
				for _, c := range clients {
					t.Run(c.folder, func(t *testing.T) {
						t.Parallel()
						enqueue(t, w, prepared, c.folder, c.command)
					})
				}
				runHelpersTests(t, w)
			})
		})
	}
}

// enqueue runs a client and compares what becomes of its tasks.
func enqueue(t *testing.T, w world, prepared, folder string, command []string) {
	t.Helper()
	id := "task of " + folder
	var argv []string
	for _, a := range command {
		argv = append(argv, strings.ReplaceAll(a, "$PREPARED", prepared))
	}
	printed := w.run(t, filepath.Join("..", "..", "examples", "enqueue", folder), append(argv, id)...)
	if strings.TrimSpace(printed) != id {
		t.Errorf("it printed %q, want the identity %q", printed, id)
	}
	settled := w.await(t, id)
	if len(settled) != len(results) {
		t.Fatalf("%d tasks are settled, want %d", len(settled), len(results))
	}
	for i, s := range settled {
		var got string
		if s.Index != i || s.Failure != nil {
			t.Errorf("task %d came in place %d, failure %+v", s.Index, i, s.Failure)
			continue
		}
		if err := codec.Unmarshal(s.Value, &got); err != nil {
			t.Errorf("task %d: %v", i, err)
			continue
		}
		if diff := cmp.Diff(parse(results[i]), parse(got), sameNumber); diff != "" {
			t.Errorf("task %d (-want +got):\n%s", i, diff)
		}
	}
}

// parse splits a result into the index and the argument, which is a value if it is JSON.
func parse(result string) [2]any {
	index, arg, _ := strings.Cut(result, " ")
	d := json.NewDecoder(strings.NewReader(arg))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return [2]any{index, arg}
	}
	return [2]any{index, v}
}

// sameNumber takes 1e300 and 1e+300 for the same, but not 1 and 1.0: an integer must arrive as one.
var sameNumber = cmp.Comparer(func(a, b json.Number) bool {
	if isInteger(a) || isInteger(b) {
		return a == b
	}
	x, err := a.Float64()
	y, err2 := b.Float64()
	return err == nil && err2 == nil && x == y
})

func isInteger(n json.Number) bool { return !strings.ContainsAny(string(n), ".eE") }

// runHelpersTests runs clients/*/test.sh, which end with 0 when all is well.
func runHelpersTests(t *testing.T, w world) {
	t.Helper()
	scripts, err := filepath.Glob("../../clients/*/test.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		folder := filepath.Dir(script)
		t.Run("helper "+filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			t.Log(w.run(t, folder, "./test.sh"))
		})
	}
}

// run runs a command to its end in the folder and returns its standard output.
func (w world) run(t *testing.T, folder string, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = folder, w.env, time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s\n%s", argv, err, &stdout, &stderr)
	}
	return stdout.String()
}

// await reads the results of a task without a job; the servers offer no signal to wait for.
func (w world) await(t *testing.T, id string) []store.Settled {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	for {
		res, found, err := w.store.LooseResult(ctx, id, "0")
		if err == nil && found {
			return res.Settled
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no result of %q: %v", id, errors.Join(ctx.Err(), err))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
