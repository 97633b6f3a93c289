package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/internal/procgroup"
	"github.com/starburst-go/starburst/store"
)

// linger is how long a pipe is read on after its process has ended, and how long
// a process may go on after it has closed its pipe.
const linger = 500 * time.Millisecond

// process is one child. Whoever has it may send frames; its own goroutines read what
// it says, and notice when it ends.
type process struct {
	cfg  Config
	slot int
	log  *slog.Logger
	cmd  *exec.Cmd
	in   *os.File // to the child
	born time.Time

	hello   said
	greeted chan struct{} // closed when hello is there
	answers chan said     // done and fail, in order; room for all that are due
	gone    chan struct{} // closed when the child has ended and end is set
	end     death
	writing sync.Mutex // held while a frame is written
	stderr  procgroup.Tail
	prints  []*output
	pipes   []*printed  // what the prints are read from
	talked  atomic.Bool // something was printed since it was last asked

	current atomic.Int64           // the index of the task that runs, −1 when none does
	job     atomic.Pointer[string] // of the tasks last handed over, or the id of one without a job
	leaving atomic.Bool            // it said bye

	mu        sync.Mutex // protects the fields below
	sent      int64      // the last id that was handed over
	answered  int64      // the last id that was answered
	indices   []int      // of the tasks that are due, the running one first
	breach    error      // why the child was ended by us, first reason wins
	outOf     string     // the memory limit that it passed
	toldToEnd bool       // it was asked to end
	reaped    bool       // its id may be another's by now
}

// death is how a child ended.
type death struct {
	exit   procgroup.Exit
	cause  error  // a breach, or the reason it was ended for
	memory string // what it passed, when that was a memory limit of ours
	stderr string
	asked  bool // it ended as it was asked to
}

// Error says it in one line.
func (d death) Error() string {
	switch {
	case d.memory != "":
		return "out of memory: " + d.memory
	case d.cause != nil:
		return d.cause.Error()
	}
	s := "the child ended: " + d.exit.String()
	if last := strings.TrimSpace(d.stderr); last != "" {
		s += ": " + last[strings.LastIndexByte(last, '\n')+1:]
	}
	return s
}

// environment is the child's: the worker's without its role, and the protocol's variables.
func environment(c Config, slot int) []string {
	own := []string{"STARBURST_ROLE=", "STARBURST_WORKER=", "STARBURST_PROTOCOL=", "STARBURST_FD_IN=", "STARBURST_FD_OUT=", "STARBURST_MAX_FRAME=", "STARBURST_SLOT=", "STARBURST_MEMORY=", "STARBURST_SELFTEST="}
	env := slices.DeleteFunc(slices.Clone(c.Env), func(kv string) bool {
		return slices.ContainsFunc(own, func(p string) bool { return strings.HasPrefix(kv, p) })
	})
	env = append(env, "STARBURST_PROTOCOL="+strconv.Itoa(Version), "STARBURST_FD_IN="+strconv.Itoa(fdIn), "STARBURST_FD_OUT="+strconv.Itoa(fdOut),
		"STARBURST_MAX_FRAME="+strconv.Itoa(MaxFrame), "STARBURST_SLOT="+strconv.Itoa(slot))
	if c.Memory > 0 {
		env = append(env, "STARBURST_MEMORY="+strconv.FormatInt(c.Memory, 10))
	}
	if c.SelfTest {
		env = append(env, "STARBURST_SELFTEST=1")
	}
	return env
}

// launch starts a child, with what is changed in its command, and returns the worker's ends of its pipes.
func launch(c Config, env []string, stdout, stderr io.Writer, change ...func(*exec.Cmd)) (cmd *exec.Cmd, in, out *os.File, err error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make a pipe to a child: %w", err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		_, _ = childIn.Close(), in.Close()
		return nil, nil, nil, fmt.Errorf("make a pipe from a child: %w", err)
	}
	cmd = exec.Command(c.Command[0], c.Command[1:]...) //nolint:noctx // the user's program; it outlives any one task's context
	cmd.Env = env
	cmd.ExtraFiles = []*os.File{childIn, childOut}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = linger
	procgroup.Own(cmd)
	for _, f := range change {
		f(cmd)
	}
	err = cmd.Start()
	_, _ = childIn.Close(), childOut.Close() // the child has its own
	if err != nil {
		_, _ = in.Close(), out.Close()
		return nil, nil, nil, fmt.Errorf("start %q: %w", c.Command[0], err)
	}
	procgroup.SacrificeFirst(cmd.Process.Pid)
	return cmd, in, out, nil
}

// start starts a child, from a thread that must outlive it (see starter). It has said nothing yet.
func start(c Config, slot int) (*process, error) {
	p := &process{
		cfg: c, slot: slot, log: c.Log.With("slot", slot), born: time.Now(),
		greeted: make(chan struct{}), answers: make(chan said, maxChunk), gone: make(chan struct{}),
		stderr: procgroup.Tail{Limit: store.MaxStack},
	}
	p.current.Store(-1)
	stdout, stderr := &output{log: p.log, stream: "stdout", task: p.running}, &output{log: p.log, stream: "stderr", task: p.running}
	p.prints = []*output{stdout, stderr}
	ends, err := p.openPrints(stdout, io.MultiWriter(&p.stderr, stderr))
	defer closeAll(ends)
	if err != nil {
		return nil, err
	}
	cmd, in, out, err := launch(c, environment(c, slot), ends[0], ends[1], procgroup.DieWithThread)
	if err != nil {
		for _, pipe := range p.pipes {
			pipe.close()
		}
		return nil, err
	}
	p.cmd, p.in = cmd, in
	go p.live(out)
	return p, nil
}

// openPrints makes the pipes for what the child prints, and returns the child's ends.
func (p *process) openPrints(outs ...io.Writer) (ends []*os.File, err error) {
	for _, out := range outs {
		pipe, end, err := newPrinted(out, &p.talked)
		if err != nil {
			for _, pipe := range p.pipes {
				pipe.close()
			}
			return ends, err
		}
		p.pipes, ends = append(p.pipes, pipe), append(ends, end)
	}
	return ends, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// running is the task that runs, for the log.
func (p *process) running() (job, index any) {
	n, of := p.current.Load(), p.job.Load()
	if n < 0 || of == nil {
		return nil, nil
	}
	return *of, n
}

// live follows the child to its end.
func (p *process) live(out *os.File) {
	var printing sync.WaitGroup
	for _, pipe := range p.pipes {
		printing.Go(pipe.follow)
	}
	read := make(chan error, 1)
	go func() { read <- p.read(out) }()
	exited := make(chan struct{})
	go func() { _ = procgroup.Wait(p.cmd, p.reap); close(exited) }() // ProcessState says more than the error
	if p.cfg.Memory > 0 {
		go p.watchMemory(exited)
	}
	select {
	case err := <-read:
		p.afterReading(err, exited)
	case <-exited:
		_ = out.SetReadDeadline(time.Now().Add(linger)) // its last words are in there already
		<-read                                          //nolint:errcheck // how it ended says more than how its words did
	}
	for _, pipe := range p.pipes {
		pipe.end()
	}
	printing.Wait()
	for i, o := range p.prints {
		o.flush()
		p.pipes[i].close()
	}
	p.mu.Lock()
	p.end = death{exit: procgroup.ExitOf(p.cmd.ProcessState), cause: p.breach, memory: p.outOf, stderr: p.stderr.String(), asked: p.toldToEnd}
	p.mu.Unlock()
	close(p.gone)
	_, _ = p.in.Close(), out.Close()
}

// reap notes that no signal may be sent any more.
func (p *process) reap() {
	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
}

// afterReading ends a child that has closed its pipe, or must not be listened to any more.
func (p *process) afterReading(err error, exited <-chan struct{}) {
	if !errors.Is(err, io.EOF) {
		p.kill(err)
		<-exited
		return
	}
	// It has closed its end. Most have exited; one that goes on is no use.
	t := time.AfterFunc(linger, func() { p.kill(breachf("it closed descriptor %d and went on", fdOut)) })
	defer t.Stop()
	<-exited
}

// read takes the child's frames until its end, or a breach.
func (p *process) read(out *os.File) error {
	r := frameReader{r: bufio.NewReaderSize(out, 64<<10), deadline: out.SetReadDeadline, timeout: p.cfg.FrameTimeout}
	for first := true; ; first = false {
		payload, err := r.next()
		if err != nil {
			return err
		}
		s, err := decodeFrame(payload)
		if err != nil {
			return err
		}
		if first {
			if err := s.checkHello(); err != nil {
				return err
			}
			p.hello = s
			close(p.greeted)
			continue
		}
		if err := p.hear(s); err != nil {
			return err
		}
	}
}

// hear deals with a frame after the hello.
func (p *process) hear(s said) error {
	switch s.kind {
	case "hello":
		return breachf("a second hello")
	case "done", "fail":
		p.catchUp()
		p.mu.Lock()
		if p.answered == p.sent || s.id != p.answered+1 {
			err := breachf("%s for task id %d; the running one is %d of %d", s.kind, s.id, p.answered+1, p.sent)
			p.mu.Unlock()
			return err
		}
		p.answered++
		p.indices = p.indices[1:]
		p.follow()
		p.mu.Unlock()
		s.at = time.Now()
		p.answers <- s // never blocks: there is room for all that are due
	case "bye":
		p.leaving.Store(true)
		p.log.Info("the child wants to be replaced", "reason", s.reason)
	case "progress":
		job, task := p.running()
		p.log.Info("progress", "task", task, "done", s.done, "total", s.total, "message", s.message, "job", job)
	case "log":
		level, ok := levels[s.level]
		if !ok {
			level = slog.LevelInfo
		}
		job, task := p.running()
		p.log.Log(context.Background(), level, clipText(s.message), "task", task, "fields", jsonOf(s.fields), "job", job)
	}
	return nil
}

// catchUp reads what the running task has printed, when it is the last that the child has: it has
// written that before its answer. Of a longer chunk it may have begun the next, and nobody can tell.
func (p *process) catchUp() {
	p.mu.Lock()
	last := len(p.indices) == 1
	p.mu.Unlock()
	if !last {
		return
	}
	for i, pipe := range p.pipes {
		pipe.catchUp()
		p.prints[i].flush() // a line without an end is this task's, too
	}
}

// follow notes which task runs now. p.mu is held.
func (p *process) follow() {
	if len(p.indices) == 0 {
		p.current.Store(-1)
		return
	}
	p.current.Store(int64(p.indices[0]))
}
