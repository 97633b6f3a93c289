package child

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/procgroup"
)

// controlTime bounds the writing of a frame that is no task: a child that does not read is ended anyway.
const controlTime = 100 * time.Millisecond

// errNotHanded says that the child was gone before it got the tasks.
var errNotHanded = errors.New("the child ended before it was given the task")

// submit hands over tasks of one message. What the child has printed before is not these tasks' matter.
func (p *process) submit(ctx context.Context, tasks []consumer.Task) error {
	p.stderr.Reset()
	p.mu.Lock()
	id := p.sent + 1
	p.sent += int64(len(tasks))
	of := cmp.Or(tasks[0].Job, tasks[0].ID) // they are of one message
	p.job.Store(&of)
	for _, t := range tasks {
		p.indices = append(p.indices, t.Index)
	}
	p.follow()
	p.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = p.in.SetWriteDeadline(time.Now()) })
	err := p.write(taskFrame(id, tasks))
	switch {
	case err == nil && !stop():
		_ = p.in.SetWriteDeadline(time.Time{}) // for the cancel that follows
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.kill(breachf("it does not read descriptor %d", fdIn))
	case err != nil:
		return fmt.Errorf("%w: %w", errNotHanded, err)
	}
	return nil
}

func (p *process) write(frame []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err := p.in.Write(frame)
	return err
}

// tell writes a frame that is no task. A child that takes it in part, or not at all, is ended sooner or later anyway.
func (p *process) tell(frame []byte) {
	_ = p.in.SetWriteDeadline(time.Now().Add(controlTime))
	_ = p.write(frame)
	_ = p.in.SetWriteDeadline(time.Time{})
}

// cancel says that no answer is wanted any more from the running task on.
func (p *process) cancel(reason string) {
	p.mu.Lock()
	id := p.answered + 1
	p.mu.Unlock()
	p.tell(cancelFrame(id, reason))
}

// terminate asks the child's group to end, and ends it after the grace. It returns when the child is gone.
func (p *process) terminate(grace time.Duration) {
	p.mu.Lock()
	p.toldToEnd = true
	if !p.reaped {
		_ = procgroup.Terminate(p.cmd.Process.Pid)
	}
	p.mu.Unlock()
	if !p.awaitEnd(grace) {
		p.kill(nil)
		<-p.gone
	}
}

// farewell ends an idle child: it is told, given time to flush, and killed when it does not go.
func (p *process) farewell() {
	p.mu.Lock()
	p.toldToEnd = true
	p.mu.Unlock()
	p.tell(byeFrame())
	if !p.awaitEnd(p.cfg.ByeTimeout) {
		p.kill(nil)
		<-p.gone
	}
}

func (p *process) awaitEnd(limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-p.gone:
		return true
	case <-t.C:
		return false
	}
}

func (p *process) alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// worn reports whether the child is to be replaced before its next task.
func (p *process) worn() bool {
	if p.leaving.Load() || p.cfg.RecycleAfter > 0 && p.done() >= p.cfg.RecycleAfter {
		return true
	}
	return p.cfg.RecycleRSS > 0 && procgroup.Resident(p.cmd.Process.Pid) > p.cfg.RecycleRSS
}

// done is how many tasks the child has answered.
func (p *process) done() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.answered)
}

// watchMemory ends a child that has more resident than it may while a task runs.
func (p *process) watchMemory(stop <-chan struct{}) {
	tick := time.NewTicker(p.cfg.MemoryEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if p.current.Load() < 0 {
			continue
		}
		if over := procgroup.Over(p.cmd.Process.Pid, p.cfg.Memory); over != "" {
			p.mu.Lock()
			p.outOf = over
			p.mu.Unlock()
			p.kill(nil)
			return
		}
	}
}

// kill ends the child and its group at once. The first reason stands.
func (p *process) kill(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.breach == nil && !p.toldToEnd {
		p.breach = reason
	}
	if !p.reaped {
		_ = procgroup.Kill(p.cmd.Process.Pid)
	}
}

func clipText(s string) string { return s[:min(len(s), maxText)] }

// jsonOf shows a log frame's fields.
func jsonOf(raw msgpack.RawMessage) any {
	if len(raw) == 0 || len(raw) > maxText {
		return nil
	}
	b, err := codec.MsgpackToJSON(raw)
	if err != nil {
		return nil
	}
	return json.RawMessage(strings.ToValidUTF8(string(b), "?"))
}
