//go:build unix

package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a worker process that a test has started.
type process struct {
	workerSpec
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
}

// signal sends a signal, unless the process has ended.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	select {
	case <-p.ended:
	default:
		if err := p.cmd.Process.Signal(s); err != nil {
			t.Logf("signal %v to %s: %v", s, p.Name, err)
		}
	}
}

// freeze stops the process and returns when it stands still: a signal is only a
// request, and on a busy machine threads go on for a while.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
	await(t, p.Name+" stands still", 20*time.Second, func() bool { return stopped(t, p.cmd.Process.Pid) })
}

// stopped reports whether all threads of the process are stopped.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		_, state, _ := strings.Cut(string(stat), ") ")
		if err != nil || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	if len(threads) > 0 {
		return true
	}
	state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output() // without /proc
	if err != nil {
		t.Fatalf("the state of process %d: %v", pid, err)
	}
	return strings.HasPrefix(strings.TrimSpace(string(state)), "T")
}

// start starts a worker process; it is killed at the test's end at the latest.
func (w *world) start(t *testing.T, spec workerSpec) *process {
	t.Helper()
	spec.Dir = w.dir
	if spec.Name == "" {
		spec.Name = fmt.Sprintf("w%d", w.workers.Add(1))
	}
	if spec.Slots == 0 {
		spec.Slots = 2
	}
	if spec.Grace == 0 {
		spec.Grace = 10 * time.Second
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(w.dir, "log-"+spec.Name))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{workerSpec: spec, cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), w.Env()...)
	p.cmd.Env = append(p.cmd.Env, envWorker+"="+string(raw), "AWS_ENDPOINT_URL_SQS="+w.seen.sqs, "AWS_ENDPOINT_URL_DYNAMODB="+w.seen.dynamodb)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is for the test to say
		log.Close()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.signal(t, syscall.SIGKILL)
		<-p.ended
	})
	return p
}

// stop ends a worker in order and reads what it says of its stop.
func (p *process) stop(t *testing.T) (s stopTimes) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(p.Grace + 20*time.Second):
		t.Errorf("worker %s does not stop", p.Name)
		p.signal(t, syscall.SIGKILL)
		<-p.ended
		return s
	}
	b, err := os.ReadFile(filepath.Join(p.Dir, "stop-"+p.Name))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		t.Logf("worker %s: %v (%v)", p.Name, p.cmd.ProcessState, err)
	}
	return s
}

// fleet keeps a number of workers running, as an ECS service does.
type fleet struct {
	t        *testing.T
	world    *world
	spec     func() workerSpec
	wg       sync.WaitGroup
	stopping chan struct{}

	mu      sync.Mutex // protects members
	members []*process
}

func (w *world) fleet(t *testing.T, n int, spec func() workerSpec) *fleet {
	t.Helper()
	f := &fleet{t: t, world: w, spec: spec, stopping: make(chan struct{}), members: make([]*process, n)}
	for i := range n {
		f.members[i] = w.start(t, spec())
		f.wg.Go(func() { f.keep(i) })
	}
	t.Cleanup(f.stop)
	return f
}

// keep replaces the i-th worker when it ends.
func (f *fleet) keep(i int) {
	for {
		p := f.member(i)
		select {
		case <-f.stopping:
			p.stop(f.t)
			return
		case <-p.ended:
		}
		select {
		case <-f.stopping:
			return
		default:
		}
		p = f.world.start(f.t, f.spec())
		f.mu.Lock()
		f.members[i] = p
		f.mu.Unlock()
	}
}

func (f *fleet) member(i int) *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[i]
}

// stop ends all workers in order. It may be called again.
func (f *fleet) stop() {
	f.mu.Lock()
	select {
	case <-f.stopping:
	default:
		close(f.stopping)
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// logs returns what the workers logged that matches, for a failed test.
func (w *world) logs(most int) string {
	var b strings.Builder
	names, _ := filepath.Glob(filepath.Join(w.dir, "log-*"))
	for _, n := range names {
		text, _ := os.ReadFile(n)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if len(lines) > most {
			lines = lines[len(lines)-most:]
		}
		fmt.Fprintf(&b, "%s:\n  %s\n", filepath.Base(n), strings.Join(lines, "\n  "))
	}
	return b.String()
}
