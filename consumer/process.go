package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Limits of a program's output, in bytes. More than MaxOutput fails the task;
// of standard error the last stderrTail bytes are kept.
const (
	MaxOutput  = 64 << 20
	stderrTail = 4 << 10
)

// killAfter is how long a program may go on after it was asked to end.
const killAfter = 2 * time.Second

// Process returns a handler that runs a program once per task. Every {} in the
// arguments is replaced by the task's argument: text as it is, anything else as
// JSON; without a {} the argument is appended. What the program writes to
// standard output, without the last line end, is the task's result, as text.
// A non-zero exit fails the attempt, with the tail of standard error.
//
// The program gets STARBURST_JOB, STARBURST_INDEX and STARBURST_ATTEMPT, and is
// started in a process group of its own, so that ending it ends its children.
func Process(argv []string) (Handler, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("no program to run was given")
	}
	if !strings.Contains(argv[0], "{}") {
		if _, err := exec.LookPath(argv[0]); err != nil {
			return nil, fmt.Errorf("program %q cannot be run: %w", argv[0], err)
		}
	}
	return func(ctx context.Context, t Task) ([]byte, error) {
		text, err := argumentText(t.Arg)
		if err != nil {
			return nil, BadArgument("program "+argv[0], err)
		}
		return runProgram(ctx, expand(argv, text), t)
	}, nil
}

// argumentText is the argument as a person would write it on a command line.
func argumentText(arg msgpack.RawMessage) (string, error) {
	var text string
	if err := codec.Unmarshal(arg, &text); err == nil && isText(arg) {
		return text, nil
	}
	b, err := codec.MsgpackToJSON(arg)
	return string(b), err
}

// isText reports whether the value is a msgpack string (and not nil, which
// would decode into an empty one).
func isText(arg msgpack.RawMessage) bool {
	return len(arg) > 0 && (arg[0]&0xe0 == 0xa0 || arg[0] == 0xd9 || arg[0] == 0xda || arg[0] == 0xdb)
}

func expand(argv []string, text string) []string {
	out := make([]string, 0, len(argv)+1)
	found := false
	for _, a := range argv {
		found = found || strings.Contains(a, "{}")
		out = append(out, strings.ReplaceAll(a, "{}", text))
	}
	if !found {
		out = append(out, text)
	}
	return out
}

func runProgram(ctx context.Context, argv []string, t Task) ([]byte, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(),
		"STARBURST_JOB="+t.Job, "STARBURST_INDEX="+strconv.Itoa(t.Index), "STARBURST_ATTEMPT="+strconv.Itoa(t.Attempt))
	var stdout limitedBuffer
	stderr := tailBuffer{limit: stderrTail}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ownGroup(cmd)
	cmd.WaitDelay = killAfter
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case stdout.over:
		return nil, &Error{Kind: store.FailResult, Final: true, Err: fmt.Errorf("the program wrote more than %d MiB to standard output", MaxOutput>>20)}
	case err != nil:
		return nil, programError(err, stderr.String())
	}
	return codec.Marshal(strings.TrimSuffix(strings.TrimSuffix(stdout.String(), "\n"), "\r"))
}

// programError tells a program that failed from one that was killed or could not start.
func programError(err error, stderr string) error {
	e := &Error{Kind: store.FailError, Err: err, Stack: stderr}
	if last := lastLine(stderr); last != "" {
		e.Err = fmt.Errorf("%w: %s", err, last)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 0 {
		e.Kind = store.FailDied // ended by a signal
	}
	return e
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// limitedBuffer keeps up to MaxOutput bytes and notes when there was more.
type limitedBuffer struct {
	bytes.Buffer
	over bool
}

// Write never fails: a program must not be stopped by a broken pipe, it must be
// told apart by what it did.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxOutput {
		b.over = true
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// tailBuffer keeps the last limit bytes.
type tailBuffer struct {
	limit int
	buf   []byte
}

func (b *tailBuffer) Write(p []byte) (int, error) {
	b.buf = append(b.buf, p...)
	if over := len(b.buf) - b.limit; over > 0 {
		b.buf = append(b.buf[:0], b.buf[over:]...)
	}
	return len(p), nil
}

func (b *tailBuffer) String() string { return string(b.buf) }
