package consumer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/starburst-go/starburst/store"
)

// A task that kills its worker cannot be caught by the worker. What tells it is a
// note of each start that no clean release took back: a death. The message is
// then cut into pieces, so that the others' results do not wait for it, until
// the task is alone; a lone task is given up after deathsAlone deaths.
//
// SQS's receive count is no evidence: releases and restarts raise it too.
const (
	// pieces is into how many a message is cut: eight reaches one task of a
	// thousand in four cuts, where halves would need ten, each at the price of a
	// worker's death and a visibility timeout.
	pieces = 8
	// deathsAlone allows for one death that was another task's (see runSuspect) and
	// one that had nothing to do with the task.
	deathsAlone = 3
)

// suspect reports whether the message's starts are to be noted: it has been
// delivered before without an item, or is a piece of a message that killed a worker.
func suspect(d *delivery) bool {
	return d.receiveCount > 1 || !d.msg.Self().IsRoot() && d.msg.Attempt == 1
}

// runSuspect notes the start of a suspect message and acts on what the notes say.
//
// Messages die with the one that kills their worker, and a note does not tell
// which it was. So a message with a death on record runs as the only one of its
// kind in this worker, noted no earlier and recorded before the next: a death
// then speaks about it alone.
func (w *Worker) runSuspect(ctx context.Context, t *turn) (stays bool) {
	d := t.d
	deaths, err := w.noteStart(ctx, d)
	if err == nil && deaths > 0 {
		w.takeBackStart(d)
		select {
		case w.alone <- struct{}{}:
			t.alone = true
		case <-w.stop:
			w.release(d, 0)
			w.vacate(t)
			return true
		}
		deaths, err = w.noteStart(ctx, d)
	}
	switch {
	case err != nil:
		w.cfg.Log.WarnContext(ctx, "start of a redelivered message not noted", "message", d.msg.Self(), "err", err)
		w.putBack(d)
		w.vacate(t)
		return true
	case deaths == 0:
		return w.run(ctx, t)
	}
	w.cfg.Log.WarnContext(ctx, "a message killed its worker", "job", d.msg.Job, "message", d.msg.Self(), "tasks", len(d.msg.Args), "deaths", deaths)
	if r := judgeSuspect(d, deaths); r != nil {
		w.complete(t, r)
		return true
	}
	return w.run(ctx, t)
}

// judgeSuspect cuts a message that killed a worker, or gives up a lone task that did so too often. It returns nil for one
// that gets another try.
func judgeSuspect(d *delivery, deaths int) *chunkRun {
	r := newChunkRun(d, nil)
	switch {
	case len(d.msg.Args) > 1 && mayHaveChildren(d.msg):
		r.pieces = min(pieces, len(d.msg.Args))
	case deaths >= deathsAlone:
		died := &Error{Kind: store.FailDied, Final: true, Err: fmt.Errorf("the worker died %d times while running this task alone", deaths)}
		if n := len(d.msg.Args); n > 1 {
			died.Err = fmt.Errorf("the worker died %d times while running one of these %d tasks, whose message was split too often to be again", deaths, n)
		}
		for k := range r.outcomes {
			r.outcomes[k] = outcome{ran: true, err: died}
		}
	default:
		return nil
	}
	return r
}

// noteStart notes that this delivery starts, and returns how many starts before
// it ended in a worker's death.
func (w *Worker) noteStart(ctx context.Context, d *delivery) (deaths int, err error) {
	now := time.Now()
	// Before the call, so that a note whose answer was lost is taken back, too.
	d.start = startID(now)
	starts, err := w.addStart(ctx, d, d.start)
	if err != nil {
		return 0, err
	}
	return countDeaths(starts, now, w.cfg.Visibility), nil
}

// startID names a start that happens at now.
func startID(now time.Time) string {
	return strconv.FormatInt(now.UnixMilli(), 10) + "." + uuid.NewString()
}

// countDeaths returns how many of the starts left behind are deaths. After one,
// the message comes back no sooner than two thirds of the visibility timeout
// later (a start is noted within a heartbeat of the lease's last extension). So
// starts that lie closer together were deliveries of the same message at one
// time, of which SQS makes some, and only one of them can have been what ended
// a worker; those close to now may still be running. Clocks of workers that
// disagree by more than half the visibility timeout bend this, never the results.
func countDeaths(starts []string, now time.Time, visibility time.Duration) (deaths int) {
	at := make([]time.Time, 0, len(starts))
	for _, s := range starts {
		ms, _, _ := strings.Cut(s, ".")
		if n, err := strconv.ParseInt(ms, 10, 64); err == nil {
			at = append(at, time.UnixMilli(n))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	gap := visibility / 2
	var last time.Time
	for _, t := range at {
		if now.Sub(t) < gap {
			break
		}
		if t.Sub(last) >= gap {
			deaths++
			last = t
		}
	}
	return deaths
}

func (w *Worker) addStart(ctx context.Context, d *delivery, start string) ([]string, error) {
	if d.msg.Job == "" {
		return w.cfg.Results.AddLooseStart(ctx, d.msg.ID, d.msg.Self(), start)
	}
	return w.cfg.Results.AddStart(ctx, d.job, d.msg.Self(), start)
}

// takeBackStart removes the delivery's note, since it ends without a death. When
// that fails, it is tried again for as long as this worker lives; until then the
// note counts as a death that was none.
func (w *Worker) takeBackStart(d *delivery) {
	if d.start == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.base), 5*time.Second)
	defer cancel()
	n := note{identity: d.msg.Self(), start: d.start}
	if d.msg.Job == "" {
		n.loose = d.msg.ID
	} else {
		n.job = d.job
	}
	if err := n.takeBack(ctx, w.cfg.Results); err != nil {
		w.cfg.Log.WarnContext(ctx, "start not taken back; trying again later", "message", n.identity, "err", err)
		w.owed.add(n)
	}
	d.start = ""
}

// cut divides the positions that were not run into the messages that carry them
// on: one, or the pieces of a suspect message, or two when idle workers wait.
func (r *chunkRun) cut(rest []int) [][]int {
	n := max(1, r.pieces)
	if r.handedOver {
		n = 2
	}
	if len(rest) == 0 {
		return nil
	}
	size := (len(rest) + n - 1) / n
	return slices.Collect(slices.Chunk(rest, size))
}
