package child

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/procgroup"
)

// stepTimeout bounds one step of a conversation after the hello.
const stepTimeout = 20 * time.Second

// Report is what became of one vector.
type Report struct {
	Vector Vector
	// Err says at which step the child did something else; nil when it did all that was expected.
	Err error
	// Stderr is the end of what the child has printed there.
	Stderr string
}

// ErrNoHello is in the report on a child that did not begin with a valid hello.
var ErrNoHello = errors.New("no hello")

// SelfTest plays the vectors against the command of c, one child each, and yields what became of each in their order. A report
// with [ErrNoHello] is the last: the other vectors would only wait for the same.
func SelfTest(ctx context.Context, c Config, vectors []Vector) iter.Seq[Report] {
	c = c.withDefaults()
	c.SelfTest = true
	return func(yield func(Report) bool) {
		for _, v := range vectors {
			r := converse(ctx, c, v)
			if ctx.Err() != nil || !yield(r) || errors.Is(r.Err, ErrNoHello) {
				return
			}
		}
	}
}

// conversation is one vector being played.
type conversation struct {
	cfg    Config
	cmd    *exec.Cmd
	in     *os.File
	out    *os.File
	frames frameReader
	ended  chan struct{}
	stdout procgroup.Tail
	stderr procgroup.Tail
}

// converse plays one vector.
func converse(ctx context.Context, c Config, v Vector) Report {
	t := &conversation{cfg: c, ended: make(chan struct{}), stdout: procgroup.Tail{Limit: maxLine}, stderr: procgroup.Tail{Limit: maxText}}
	var err error
	t.cmd, t.in, t.out, err = launch(c, vectorEnv(c, v), &t.stdout, &t.stderr)
	if err != nil {
		return Report{Vector: v, Err: fmt.Errorf("%w: %w", ErrNoHello, err)}
	}
	t.frames = frameReader{r: bufio.NewReader(t.out)}
	var waiting sync.WaitGroup
	waiting.Go(func() { _ = procgroup.Wait(t.cmd, nil); close(t.ended) })
	stop := context.AfterFunc(ctx, func() { _ = procgroup.Kill(t.cmd.Process.Pid) })
	err = t.play(v)
	stop()
	t.leave()
	waiting.Wait()
	_ = t.out.Close()
	return Report{Vector: v, Err: errors.Join(ctx.Err(), err), Stderr: t.stderr.String()}
}

// leave lets the child clean up, as far as it listens.
func (t *conversation) leave() {
	_ = t.in.Close()
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	select {
	case <-t.ended:
	case <-limit.C:
		_ = procgroup.Kill(t.cmd.Process.Pid)
	}
}

// vectorEnv is the child's environment with the vector's changes.
func vectorEnv(c Config, v Vector) []string {
	env := environment(c, 0)
	for k, value := range v.Env {
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, k+"=") })
		if value != nil {
			env = append(env, k+"="+*value)
		}
	}
	return env
}

func (t *conversation) play(v Vector) error {
	if v.Steps[0].Exit == nil {
		if err := t.hello(); err != nil {
			return err
		}
	}
	for i, s := range v.Steps {
		if err := t.step(s); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (t *conversation) hello() error {
	_ = t.out.SetReadDeadline(time.Now().Add(t.cfg.StartTimeout))
	b, err := t.next()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoHello, err)
	}
	s, err := decodeFrame(b)
	if err == nil {
		err = s.checkHello()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoHello, err)
	}
	return nil
}

// next reads a frame, and says how the child ended when there is none.
func (t *conversation) next() ([]byte, error) {
	b, err := t.frames.next()
	if errors.Is(err, io.EOF) {
		select {
		case <-t.ended:
			return nil, fmt.Errorf("the child ended: %s", procgroup.ExitOf(t.cmd.ProcessState))
		case <-time.After(linger):
			return nil, errors.New("the child closed descriptor 4")
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, errors.New("nothing came in time")
	}
	return b, err
}

func (t *conversation) step(s Step) error {
	switch {
	case s.Send != nil:
		b, err := payload(s.Send)
		if err != nil {
			return err
		}
		return t.send(b, len(b))
	case s.SendHex != "" || s.Drip != "":
		b, err := hex.DecodeString(s.SendHex + s.Drip)
		if err != nil {
			return fmt.Errorf("a vector's bytes: %w", err)
		}
		if s.Drip != "" {
			return t.send(b, 1)
		}
		return t.send(b, len(b))
	case s.Expect != nil:
		return t.expect(s.Expect)
	case s.Close:
		return t.in.Close()
	case s.Exit != nil:
		return t.exit(*s.Exit)
	case s.Stdout != "":
		return await(&t.stdout, "standard output", s.Stdout)
	case s.Stderr != "":
		return await(&t.stderr, "standard error", s.Stderr)
	}
	return errors.New("the vector's step says nothing")
}

func (t *conversation) send(b []byte, piece int) error {
	_ = t.in.SetWriteDeadline(time.Now().Add(stepTimeout))
	for p := range slices.Chunk(b, piece) {
		if _, err := t.in.Write(p); err != nil {
			return fmt.Errorf("the child does not take the frame: %w", err)
		}
	}
	return nil
}

// expect waits for the frame; progress, logs and what is of no known kind may come before it.
func (t *conversation) expect(want json.RawMessage) error {
	w, err := viewOf(want)
	if err != nil {
		return err
	}
	_ = t.out.SetReadDeadline(time.Now().Add(stepTimeout))
	for {
		b, err := t.next()
		if err != nil {
			return fmt.Errorf("%w; expected %s", err, show(w))
		}
		have, err := view(b)
		if err != nil {
			return err
		}
		if err = match(w, have, "frame"); err == nil {
			return nil
		}
		kind, _ := have.(map[string]any)["t"].(string)
		if slices.Contains([]string{"hello", "done", "fail", "bye"}, kind) {
			return err
		}
	}
}

func viewOf(text json.RawMessage) (any, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err := dec.Decode(&v)
	return v, err
}

// exit waits for the child's end.
func (t *conversation) exit(want int) error {
	limit := time.NewTimer(t.cfg.StartTimeout)
	defer limit.Stop()
	select {
	case <-t.ended:
	case <-limit.C:
		return errors.New("the child has not ended")
	}
	if have := procgroup.ExitOf(t.cmd.ProcessState); want >= 0 && have.Code != want {
		return fmt.Errorf("the child ended with %s, want %d", have, want)
	}
	return nil
}

// await waits until the text was printed: a child may buffer, but not for ever.
func await(printed *procgroup.Tail, where, want string) error {
	for end := time.Now().Add(stepTimeout); ; time.Sleep(10 * time.Millisecond) {
		if strings.Contains(printed.String(), want) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%q was not printed to %s", want, where)
		}
	}
}
