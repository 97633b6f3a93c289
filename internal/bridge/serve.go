package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/producer"
)

// Config of a bridge.
type Config struct {
	// Session is the open stack. Required; it is not closed.
	Session *burst.Session
	// Handler of the tasks that are put, ≤ 256 bytes. Required.
	Handler string
	// Workers is the most workers of the fleet, ≥ 1.
	Workers int
	// Spec holds what the jobs of tasks that are put have in common: MaxAttempts, Timeout, Keep, Label.
	// Its MaxCostPico is the cap of all of them together.
	Spec producer.Spec
	// Ready is told to the caller in the first frame, beside the bridge's own keys.
	Ready map[string]any
	// Abandon leaves the workers to their fate when the caller goes: the fleet ends with the
	// session. Otherwise running jobs are cancelled properly, which takes up to ten seconds.
	Abandon bool
}

// atOnce is how many jobs are being sent at a time.
const atOnce = 4

// bridge is one connection. Its maps are guarded by mu.
type bridge struct {
	Config
	out *writer

	mu      sync.Mutex
	gather  gather
	pace    pace
	tasks   map[int64]*running // the job of each task that is under way; nil while it is being sent
	dropped map[int64]bool     // cancelled while being sent
	jobs    map[string]*running
	sending int
	wake    chan struct{} // the gathering has changed

	work  sync.WaitGroup
	spend spend
}

// Serve talks to the caller until it goes, ctx ends or it breaks the rules, which is an error.
// What it has put and not been answered is cancelled.
func Serve(ctx context.Context, conn io.ReadWriteCloser, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the reads
	defer stop()
	b := &bridge{
		Config: c, out: newWriter(), gather: gather{workers: c.Workers}, pace: pace{workers: c.Workers}, wake: make(chan struct{}, 1),
		tasks: map[int64]*running{}, dropped: map[int64]bool{}, jobs: map[string]*running{}, spend: spend{limit: c.Spec.MaxCostPico},
	}
	var written sync.WaitGroup
	written.Go(func() {
		_ = b.out.run(conn) // what a caller that has gone did not read is of no use to anybody
		cancel()
	})
	b.work.Go(func() { b.sendLoop(ctx) })
	err := b.read(ctx, conn)
	cancel()
	b.end(context.WithoutCancel(ctx))
	b.work.Wait()
	b.out.close()
	_ = conn.Close()
	written.Wait()
	return err
}

// read takes the caller's frames; nil when it has gone.
func (b *bridge) read(ctx context.Context, conn io.Reader) error {
	b.out.send(b.ready())
	for {
		var r request
		err := readFrame(conn, &r)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil //nolint:nilerr // it has gone, or is to go
		case err != nil:
			return err
		}
		switch r.Op {
		case "put":
			b.put(r.ID, r.Tasks)
		case "cancel":
			b.cancel(ctx, r.IDs)
		case "ask":
			b.work.Go(func() { b.answer(ctx, r) })
		case "bye":
			return nil
		default:
			return fmt.Errorf("there is no op %q", r.Op)
		}
	}
}

func (b *bridge) ready() map[string]any {
	m := map[string]any{"t": "ready", "v": 1, "workers": b.Workers, "state": b.Session.State(), "local": b.Session.Stack().Endpoint != "", "stack": b.Session.Stack().String()}
	maps.Copy(m, b.Ready)
	return m
}

func (b *bridge) put(first int64, args [][]byte) {
	now := time.Now()
	b.mu.Lock()
	b.pace.tick(len(b.tasks), now)
	for i, arg := range args {
		id := first + int64(i)
		b.gather.add(task{id, arg}, now)
	}
	b.mu.Unlock()
	b.nudge()
}

func (b *bridge) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// note tells the caller something beside the data.
func (b *bridge) note(text string) { b.out.send(map[string]any{"t": "note", "text": text}) }
