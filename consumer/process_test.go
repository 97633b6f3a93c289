//go:build unix

package consumer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// programTask is the task that these tests run programs for.
func programTask(t *testing.T, arg any) Task {
	t.Helper()
	raw, err := codec.Marshal(arg)
	if err != nil {
		t.Fatal(err)
	}
	return Task{Job: "j", Index: 4, Attempt: 2, Arg: raw}
}

func TestProgramsArgumentsAreFilledIn(t *testing.T) {
	t.Parallel()
	option := map[string]any{"name": "AAPL", "strike": 187.5, "market": map[string]any{"spot": 12, "tags": []string{"a b"}}}
	for _, tc := range []struct {
		story string
		argv  []string
		stdin bool
		arg   any
		want  []string
		err   string
	}{
		{"the argument in its place", []string{"sim", "{}", "--seed", "{index}"}, false, "x y", []string{"sim", "x y", "--seed", "4"}, ""},
		{"inside of a word, more than once", []string{"sim", "a{}b{}"}, false, 7, []string{"sim", "a7b7"}, ""},
		{"appended when nothing names it", []string{"echo", "n"}, false, 7, []string{"echo", "n", "7"}, ""},
		{"not appended when something else is named", []string{"sim", "{index}"}, false, 7, []string{"sim", "4"}, ""},
		{"not appended when it comes on standard input", []string{"sim"}, true, 7, []string{"sim"}, ""},
		{"the number as GNU parallel counts", []string{"sim", "{#}"}, false, 7, []string{"sim", "5"}, ""},
		{"fields", []string{"sim", "{.name}", "{.strike}", "{.market.spot}", "{.market.tags}"}, false, option, []string{"sim", "AAPL", "187.5", "12", `["a b"]`}, ""},
		{"a map is JSON", []string{"sim", "{}"}, false, map[string]int{"a": 1}, []string{"sim", `{"a":1}`}, ""},
		{"other braces stay", []string{"awk", "{print $1}", "{}{x}{.}{ }"}, false, "f", []string{"awk", "{print $1}", "f{x}{.}{ }"}, ""},
		{"what is put in is not looked at again", []string{"echo", "{}"}, false, "{index} $HOME `x`", []string{"echo", "{index} $HOME `x`"}, ""},
		{"a missing field", []string{"sim", "{.vol}"}, false, option, nil, `{.vol}: there is no field "vol" in the argument`},
		{"a field of no map", []string{"sim", "{.vol}"}, false, 7, nil, "{.vol}: the argument is no map with text keys there"},
		{"a zero byte", []string{"sim", "{}"}, false, "a\x00b", nil, "has a zero byte"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			t.Parallel()
			got, err := newTemplate(tc.argv, tc.stdin).fill(programTask(t, tc.arg))
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %q", err, tc.err)
			}
		})
	}
}

func TestProgramsOutcomes(t *testing.T) {
	t.Parallel()
	type want struct {
		Value any
		Kind  store.FailureKind
		Final bool
		Error string
		Stack string
	}
	sh := func(script string) []string { return []string{"sh", "-c", script, "sh", "{}"} }
	for _, tc := range []struct {
		story string
		p     Program
		arg   any
		want  want
	}{
		{"standard output is the result", Program{Argv: sh("echo $1")}, "hi", want{Value: "hi"}},
		{"or the file", Program{Argv: sh(`echo noise; printf 'kept' >"$STARBURST_OUTPUT"`)}, "", want{Value: "kept"}},
		{"an empty file counts", Program{Argv: sh(`echo noise; : >"$STARBURST_OUTPUT"`)}, "", want{Value: ""}},
		{"as JSON", Program{Argv: sh(`echo '{"price":1.5}'`), Result: JSON}, "", want{Value: map[string]any{"price": 1.5}}},
		{"as msgpack", Program{Argv: sh(`printf '\223\001\002\003'`), Result: Msgpack}, "", want{Value: []any{int64(1), int64(2), int64(3)}}},
		{"no JSON where JSON is wanted", Program{Argv: []string{"echo", "x"}, Result: JSON}, "", want{Kind: store.FailResult, Final: true, Error: "result of program echo: bad message (json)"}},
		{"no msgpack where msgpack is wanted", Program{Argv: []string{"printf", `\335\177\377\377\377`}, Result: Msgpack, Stdin: Text}, "", want{Kind: store.FailResult, Final: true, Error: "result of program printf: "}},
		{"the argument as JSON", Program{Argv: []string{"cat"}, Stdin: JSON}, map[string]any{"a": 1.0}, want{Value: `{"a":1.0}`}},
		{"the argument as msgpack", Program{Argv: []string{"cat"}, Stdin: Msgpack, Result: Msgpack}, []any{"a", nil}, want{Value: []any{"a", nil}}},
		{"the argument as text", Program{Argv: []string{"cat"}, Stdin: Text}, "line", want{Value: "line"}},
		{"without, standard input is empty", Program{Argv: []string{"sh", "-c", "cat; echo {}"}}, "end", want{Value: "end"}},
		{"a failure", Program{Argv: sh("echo why >&2; exit 3")}, "", want{Kind: store.FailError, Error: "exit status 3: why", Stack: "why\n"}},
		{"try again", Program{Argv: sh("exit 75")}, "", want{Kind: store.FailError, Error: "exit status 75"}},
		{"for good", Program{Argv: sh("echo bad data >&2; exit 65")}, "", want{Kind: store.FailError, Final: true, Error: "exit status 65: bad data", Stack: "bad data\n"}},
		{"a signal", Program{Argv: sh("kill -s SEGV $$")}, "", want{Kind: store.FailDied, Error: "ended by a signal: segmentation fault"}},
		{"out of memory", Program{Argv: sh("exit 137")}, "", want{Kind: store.FailDied, Error: "out of memory, or killed from outside (SIGKILL, exit status 137)"}},
		{"not there", Program{Argv: []string{"./{}"}}, "no-such", want{Kind: store.FailError, Error: "no such file"}},
		{"an argument that does not fit", Program{Argv: []string{"echo", "{.x}"}}, 1, want{Kind: store.FailDecode, Final: true, Error: "argument of program echo: {.x}: "}},
		{"a folder for an output", Program{Argv: sh(`mkdir "$STARBURST_OUTPUT"`)}, "", want{Error: "not a file"}},
	} {
		t.Run(tc.story, func(t *testing.T) {
			t.Parallel()
			h, err := tc.p.Handler()
			if err != nil {
				t.Fatal(err)
			}
			b, err := h(t.Context(), programTask(t, tc.arg))
			var got want
			if err == nil {
				err = codec.Unmarshal(b, &got.Value)
			}
			if e, ok := errors.AsType[*Error](err); ok {
				got.Kind, got.Final, got.Stack = e.Kind, e.Final, e.Stack
			}
			if err != nil && strings.Contains(err.Error(), tc.want.Error) && tc.want.Error != "" {
				got.Error = tc.want.Error
			} else if err != nil {
				got.Error = err.Error()
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestProgramsFindTheirTaskInTheEnvironment(t *testing.T) {
	t.Parallel()
	h, err := Program{Argv: []string{"sh", "-c", `
		test -d "$STARBURST_TMPDIR" && test "$(dirname "$STARBURST_OUTPUT")" = "$STARBURST_TMPDIR" && echo "$STARBURST_TMPDIR" &&
		echo "$STARBURST_JOB $STARBURST_TASK $STARBURST_INDEX $STARBURST_ATTEMPT ${STARBURST_DEADLINE_MS:-none}"`}}.Handler()
	if err != nil {
		t.Fatal(err)
	}
	loose := programTask(t, nil)
	loose.Job, loose.ID = "", "order-1"
	limited := programTask(t, nil)
	limited.Deadline = time.UnixMilli(4102444800000)
	for _, tc := range []struct {
		task Task
		want string
	}{
		{programTask(t, nil), "j j/4 4 2 none"}, {loose, " order-1/4 4 2 none"}, {limited, "j j/4 4 2 4102444800000"},
	} {
		b, err := h(t.Context(), tc.task)
		var out string
		if err != nil || codec.Unmarshal(b, &out) != nil {
			t.Fatal(err)
		}
		dir, line, _ := strings.Cut(out, "\n")
		if line != tc.want {
			t.Errorf("got %q, want %q", line, tc.want)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder %s is still there: %v", dir, err)
		}
	}
}

// A program that does not listen to SIGTERM, and has children, ends all the same, in the worker's patience.
func TestProgramsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "started")
	h, err := Program{Argv: []string{"sh", "-c", `trap "" TERM; echo here >&2; sleep 100 & : >"$0"; while :; do wait; done`, mark}, Stdin: Text}.Handler()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for {
			if _, err := os.Stat(mark); err == nil {
				cancel(ErrTimeout)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	began := time.Now()
	_, err = h(ctx, programTask(t, nil))
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrTimeout) || e.Stack != "here\n" {
		t.Errorf("got %#v", err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestProgramsMemoryIsLimited(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("only Linux tells how much memory a process has")
	}
	h, err := Program{Argv: []string{"sh", "-c", `x=y; while :; do x=$x$x; done`}, Memory: 64 << 20}.Handler()
	if err != nil {
		t.Fatal(err)
	}
	_, err = h(t.Context(), programTask(t, nil))
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != store.FailDied || !strings.HasPrefix(e.Error(), "out of memory: ") {
		t.Errorf("got %v", err)
	}
}
