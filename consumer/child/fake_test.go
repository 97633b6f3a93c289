//go:build unix

package child

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// fakeChild is a worker written for the tests: it does what the protocol says, and on request
// what it forbids.
type fakeChild struct {
	r     *bufio.Reader
	w     io.Writer
	id    int64
	frame map[string]any // the task frame
}

var fakeHandlers = []string{
	"selftest.echo", "selftest.context", "selftest.fail", "selftest.permanent", "selftest.detail", "selftest.unpackable",
	"selftest.print", "selftest.progress", "selftest.log", "selftest.sleep", "selftest.exit",
	"garbage", "zero", "cut", "other id", "twice", "not msgpack", "no bin", "eat", "hang", "stubborn", "family", "signal", "leave", "pid", "cancellable", "until quiet", "closed", "bad result", "env",
}

// fake runs the fake child and returns its exit status.
func fake(how string) int {
	c := &fakeChild{r: bufio.NewReader(os.NewFile(fdIn, "in")), w: os.NewFile(fdOut, "out")}
	v := 1
	switch versions := os.Getenv("STARBURST_PROTOCOL"); {
	case versions == "":
		fmt.Fprintln(os.Stderr, "a worker, to be started by starburst worker --serve")
		return 64
	case !strings.HasSuffix(versions, "1"):
		return 76
	case how == "die":
		fmt.Fprintln(os.Stderr, "cannot import numpy")
		return 7
	case how == "silent":
		time.Sleep(time.Hour)
	case how == "newer":
		v = 2
	case how == "no version":
		fmt.Fprintln(os.Stderr, "I speak version 9")
		return 76
	case how == "rude":
		_, _ = os.Stdout.WriteString("hello\n")
		_, _ = io.WriteString(c.w, "hello\n")
		time.Sleep(time.Hour)
	case how == "nameless":
		c.say(map[string]any{"t": "hello", "v": 1, "handlers": []string{}})
	case strings.HasPrefix(how, "once "): // the first child works, those after it die
		if f, err := os.OpenFile(how[5:], os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return 8
		} else if f.Close() != nil {
			return 1
		}
	}
	c.say(map[string]any{"t": "hello", "v": v, "handlers": fakeHandlers, "lang": "go", "lib": "fake", "pid": os.Getpid(), "later": true})
	for {
		f, err := c.read()
		if err != nil || f["t"] == "bye" {
			return 0
		}
		if f["t"] != "task" {
			continue
		}
		c.frame = f
		c.id = number(f["id"])
		for _, task := range f["tasks"].([]any) {
			pair := task.([]any)
			c.task(number(pair[0]), pair[1].([]byte))
			c.id++
		}
	}
}

func number(v any) int64 {
	var n int64
	_, _ = fmt.Sscan(fmt.Sprint(v), &n)
	return n
}

func (c *fakeChild) read() (map[string]any, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, err
	}
	f := map[string]any{}
	return f, msgpack.Unmarshal(b, &f)
}

func (c *fakeChild) say(m map[string]any) {
	b, err := msgpack.Marshal(m)
	if err != nil {
		panic(err)
	}
	c.raw(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
}

func (c *fakeChild) raw(b []byte) {
	if _, err := c.w.Write(b); err != nil {
		os.Exit(0)
	}
}

func (c *fakeChild) done(v any) {
	b, err := msgpack.Marshal(v)
	if err != nil {
		panic(err)
	}
	c.say(map[string]any{"t": "done", "id": c.id, "result": b})
}

func (c *fakeChild) fail(m map[string]any) {
	m["t"], m["id"] = "fail", c.id
	c.say(m)
}

// task runs one task.
func (c *fakeChild) task(index int64, arg []byte) {
	var v any
	err := codec.Guard(arg, codec.MaxValueDepth)
	if err == nil {
		err = msgpack.Unmarshal(arg, &v)
	}
	if err != nil {
		c.fail(map[string]any{"kind": "decode", "message": err.Error()})
		return
	}
	text, _ := v.(string)
	switch h := c.frame["handler"]; h {
	case "selftest.echo":
		c.say(map[string]any{"t": "done", "id": float64(c.id), "result": arg, "later": nil})
	case "selftest.context":
		c.done(map[string]any{"job": c.frame["job"], "task": c.frame["task"], "index": index, "attempt": c.frame["attempt"], "deadline_ms": c.frame["deadline_ms"]})
	case "selftest.fail":
		c.fail(map[string]any{"type": "FakeError", "message": text, "stack": "in a fake", "kind": "new"})
	case "selftest.permanent":
		c.fail(map[string]any{"type": "FakeError", "message": text, "permanent": true})
	case "selftest.detail":
		c.fail(map[string]any{"message": "see the detail", "detail": arg})
	case "selftest.unpackable":
		c.fail(map[string]any{"kind": "result", "message": "a function"})
	case "selftest.print":
		fmt.Fprint(os.Stdout, text+"\n")
		fmt.Fprint(os.Stderr, text+"\n")
		c.done(nil)
	case "selftest.progress":
		c.say(map[string]any{"t": "progress", "id": c.id, "done": 1, "total": 2, "message": text})
		c.done(nil)
	case "selftest.log":
		c.say(map[string]any{"t": "log", "id": c.id, "level": "warn", "message": text, "fields": map[string]any{"a": 1}})
		c.say(map[string]any{"t": "of another version"})
		c.done(nil)
	case "selftest.sleep":
		var s float64
		_, _ = fmt.Sscan(fmt.Sprint(v), &s)
		time.Sleep(time.Duration(s * float64(time.Second)))
		c.done(nil)
	case "selftest.exit":
		fmt.Fprintln(os.Stderr, "now I go")
		os.Exit(int(number(v)))
	case "pid":
		c.done(os.Getpid())
	case "env":
		c.done(os.Environ())
	default:
		c.misbehave(h, v)
	}
}

// misbehave is what tests of the worker's patience ask for.
func (c *fakeChild) misbehave(h, v any) {
	switch h {
	case "garbage":
		c.raw([]byte("Traceback (most recent call last)\n"))
		time.Sleep(time.Hour)
	case "zero":
		c.raw([]byte{0, 0, 0, 0})
		time.Sleep(time.Hour)
	case "cut":
		c.raw([]byte{0, 0, 1, 0, 0x81})
		time.Sleep(time.Hour)
	case "not msgpack":
		c.raw([]byte{0, 0, 0, 5, 0xdd, 0x7f, 0xff, 0xff, 0xff})
		time.Sleep(time.Hour)
	case "other id":
		c.id += 7
		c.done(nil)
		time.Sleep(time.Hour)
	case "twice":
		c.done(1)
		c.done(2)
	case "no bin":
		c.say(map[string]any{"t": "done", "id": c.id, "result": "text"})
		time.Sleep(time.Hour)
	case "bad result":
		c.say(map[string]any{"t": "done", "id": c.id, "result": []byte{0xdd, 0x7f, 0xff, 0xff, 0xff}})
	case "closed":
		_ = syscall.Close(fdOut)
		time.Sleep(time.Hour)
	case "eat":
		var held [][]byte
		for range 1 << 12 {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
			time.Sleep(time.Millisecond)
		}
		c.done(len(held))
	case "hang":
		fmt.Fprintln(os.Stderr, "hanging")
		time.Sleep(time.Hour)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "I stay")
		time.Sleep(time.Hour)
	case "family":
		cmd := exec.Command("sleep", "1000")
		cmd.Stdout = os.Stdout
		_ = cmd.Start()
		c.done(cmd.Process.Pid)
	case "signal":
		_ = syscall.Kill(os.Getpid(), syscall.Signal(number(v)))
		time.Sleep(time.Hour)
	case "leave":
		c.done(os.Getpid())
		c.say(map[string]any{"t": "bye", "reason": "tired"})
		os.Exit(0)
	case "until quiet":
		f, err := c.read()
		if err == nil {
			c.done(f["t"])
		}
	case "cancellable":
		f, err := c.read()
		if err == nil && f["t"] == "cancel" && number(f["id"]) == c.id {
			c.fail(map[string]any{"message": "as you wish: " + fmt.Sprint(f["reason"])})
		}
	default:
		c.fail(map[string]any{"message": fmt.Sprintf("no handler %v", h), "permanent": true})
	}
}
