package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// note is what the table says of a start.
type note struct {
	job      store.Job
	loose    string // the id of a task without a job
	identity codec.Identity
	start    string
}

// takeBack removes the note from the table.
func (n note) takeBack(ctx context.Context, t Results) error {
	if n.job.ID == "" {
		return t.RemoveLooseStart(ctx, n.loose, n.identity, n.start)
	}
	return t.RemoveStart(ctx, n.job, n.identity, n.start)
}

// maxOwed bounds the notes remembered; an outage ends at most one run a slot.
const maxOwed = 4096

// owed are the notes that could not be taken back yet. An outage that outlasts
// the leases ends runs and keeps their notes; as long as this worker lives, they
// are no deaths. The zero value is ready to use.
type owed struct {
	mu    sync.Mutex // protects notes
	notes []note
}

func (o *owed) add(n note) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.notes) < maxOwed {
		o.notes = append(o.notes, n)
	}
}

func (o *owed) take() []note {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.notes
	o.notes = nil
	return all
}

// takeBackOwed tries again what takeBackStart could not do.
func (w *Worker) takeBackOwed(ctx context.Context) {
	all := w.owed.take()
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, n := range all {
		if ctx.Err() != nil || n.takeBack(ctx, w.cfg.Results) != nil {
			w.owed.add(n)
		}
	}
}
