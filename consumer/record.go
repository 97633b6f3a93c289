package consumer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/sqsbatch"
	"github.com/starburst-go/starburst/store"
)

// maxDelay is the longest delay of one message (SQS API reference, SendMessage).
const maxDelay = 15 * time.Minute

// child is a message that carries part of its parent's tasks.
type child struct {
	msg   codec.Message
	delay time.Duration
}

// record makes what the run did durable, in the one order that survives a crash
// anywhere: record the item, send the children, ack the message (design §6).
func (w *Worker) record(r *chunkRun) {
	d := r.d
	ctx := d.lease.ctx
	if w.cfg.Trace != nil {
		ctx = w.cfg.Trace(ctx, d.msg.Trace)
	}
	if !r.started() && w.jobs.isCancelled(d.msg.Job) && w.drop(d) {
		w.account.interrupted(r)
		return
	}
	if r.pieces == 0 && (!r.started() || !mayHaveChildren(d.msg) && r.unfinished()) {
		// Nothing was done, or nothing could carry the rest, so nothing is recorded: the message itself goes back.
		w.account.interrupted(r)
		w.release(d, 0)
		return
	}
	res, children, out, err := w.put(ctx, r)
	switch {
	case err != nil:
		// Not acked: another delivery runs it again.
		w.account.interrupted(r)
		w.cfg.Log.ErrorContext(ctx, "result not recorded; its message will be delivered again", "job", d.msg.Job, "message", d.msg.Self(), "err", err)
		w.putBack(d)
		return
	case out == store.Refused:
		// Another delivery of the same message was faster. It may have died before
		// it sent the children, and this delivery is the only one left to do so.
		w.account.duplicated(r)
		w.finishRecorded(d)
		return
	}
	failed := 0
	for _, s := range res.Settled {
		if s.Failure != nil {
			failed++
		}
	}
	ok := len(res.Settled) - failed
	if d.msg.Self().IsRetry() {
		failed -= len(res.Settled) // each was counted as failed before: its count moves
	}
	w.account.settled(r, ok, failed)
	if w.jobs.isCancelled(d.msg.Job) && w.drop(d) {
		return // the rest is not wanted any more
	}
	if w.sendChildren(d, children) {
		w.acks.add(d.lease)
	}
}

// put writes the item. What cannot be recorded fails its own task, not the
// message: the others' results are good.
func (w *Worker) put(ctx context.Context, r *chunkRun) (store.Result, []child, store.PutOutcome, error) {
	for tries := 0; ; tries++ {
		res, children := w.settle(r)
		out, err := w.cfg.Results.PutResult(ctx, r.d.job, res)
		if err == nil || !r.mend(res, err, tries) {
			return res, children, out, err
		}
	}
}

// finishRecorded handles a message whose item already exists: children that
// have no item yet are sent again (their arguments are in this very body), then
// the message is acked.
func (w *Worker) finishRecorded(d *delivery) {
	ctx := d.lease.ctx
	res, found, err := w.recorded(ctx, d, d.msg.Self())
	if err != nil || !found {
		w.cfg.Log.WarnContext(ctx, "recorded item not read; the message will be delivered again", "message", d.msg.Self(), "found", found, "err", err)
		w.putBack(d)
		return
	}
	w.finish(d, res)
}

// finish sends the children of a recorded item that have none themselves, and acks.
func (w *Worker) finish(d *delivery, res store.Result) {
	have, err := w.haveItems(d, res.Children)
	if err != nil {
		w.cfg.Log.WarnContext(d.lease.ctx, "children not looked up; the message will be delivered again", "message", d.msg.Self(), "err", err)
		w.putBack(d)
		return
	}
	position := make(map[int]int, len(d.msg.Args))
	for k := range d.msg.Args {
		position[d.msg.Index(k)] = k
	}
	var children []child
	for _, c := range res.Children {
		if have[c.Identity] {
			continue
		}
		var at []int
		for _, index := range c.Indices {
			if k, ok := position[index]; ok {
				at = append(at, k)
			}
		}
		if len(at) > 0 {
			children = append(children, child{msg: childMessage(d.msg, c.Identity, at, c.Attempt)})
		}
	}
	if w.sendChildren(d, children) {
		w.acks.add(d.lease)
	}
}

// recorded reads the item of one of the message's identities.
func (w *Worker) recorded(ctx context.Context, d *delivery, id codec.Identity) (store.Result, bool, error) {
	if d.msg.Job == "" {
		return w.cfg.Results.LooseResult(ctx, d.msg.ID, id)
	}
	return w.cfg.Results.Result(ctx, d.job, id)
}

// haveItems tells which children have an item already.
func (w *Worker) haveItems(d *delivery, children []store.Child) (map[codec.Identity]bool, error) {
	if len(children) == 0 {
		return nil, nil
	}
	ctx := d.lease.ctx
	ids := make([]codec.Identity, len(children))
	for i, c := range children {
		ids[i] = c.Identity
	}
	if d.msg.Job != "" {
		return w.cfg.Results.HasResults(ctx, d.job, ids)
	}
	have := map[codec.Identity]bool{}
	for _, id := range ids {
		_, found, err := w.recorded(ctx, d, id)
		if err != nil {
			return nil, err
		}
		have[id] = found
	}
	return have, nil
}

// settle turns outcomes into the item and the children it names: what succeeded
// or failed for good is settled; what may be tried again is one child, what was
// not run one more, or several.
func (w *Worker) settle(r *chunkRun) (store.Result, []child) {
	d, m := r.d, r.d.msg
	res := store.Result{
		Job: m.Job, ID: r.taskID(), Identity: m.Self(), Handler: m.Handler,
		Token: uuid.NewString(), Worker: w.cfg.Name,
		Started: r.began, Finished: time.Now(),
		Attempt: m.Attempt, Expires: d.job.Expires,
	}
	res.Settled = make([]store.Settled, 0, len(r.outcomes))
	var again, rest []int
	for k, o := range r.outcomes {
		switch {
		case !o.ran:
			rest = append(rest, k)
		case o.err == nil:
			res.Settled = append(res.Settled, store.Settled{Index: m.Index(k), Value: o.value})
		case o.err.Final || m.Attempt >= max(1, d.job.MaxAttempts) || !mayHaveChildren(m):
			res.Settled = append(res.Settled, store.Settled{Index: m.Index(k), Failure: failure(o, m.Args[k], m.Attempt)})
		default:
			again = append(again, k)
		}
	}
	var children []child
	add := func(at []int, attempt int, delay time.Duration) {
		if len(at) == 0 {
			return
		}
		c := child{msg: childMessage(m, m.Self().Child(len(children)+1), at, attempt), delay: delay}
		children = append(children, c)
		res.Children = append(res.Children, store.Child{Identity: c.msg.Identity, Indices: c.msg.Indices, Attempt: attempt})
	}
	add(again, m.Attempt+1, w.retryDelay(m.Attempt))
	for _, piece := range r.cut(rest) {
		add(piece, m.Attempt, 0)
	}
	return res, children
}

// mayHaveChildren reports whether the message's identity can take one more
// element. A child that cannot be sent would leave its tasks pending for ever.
func mayHaveChildren(m *codec.Message) bool {
	return m.Self().Child(codec.MaxTasks).Valid() // no child has a longer name
}

// failure is what the item keeps of a task that failed for good.
func failure(o outcome, arg msgpack.RawMessage, attempts int) *store.Failure {
	f := &store.Failure{Kind: o.err.Kind, Message: clip(o.err.Error()), Attempts: attempts}
	if !o.bare {
		f.Stack, f.Argument, f.Detail = clip(o.err.Stack), append([]byte(nil), arg...), o.err.Detail
	}
	return f
}

// clip bounds a text from a handler to what an item should carry.
func clip(s string) string {
	if len(s) <= store.MaxStack {
		return s
	}
	return s[:store.MaxStack-3] + "..."
}

// childMessage cuts the tasks at the given positions out of m.
func childMessage(m *codec.Message, id codec.Identity, at []int, attempt int) codec.Message {
	c := codec.Message{
		Handler: m.Handler, Job: m.Job, ID: m.ID, Identity: id,
		Attempt: attempt, Deadline: m.Deadline, Trace: m.Trace,
		Args: make([]msgpack.RawMessage, len(at)), Indices: make([]int, len(at)),
	}
	for i, k := range at {
		c.Args[i] = m.Args[k]
		c.Indices[i] = m.Index(k)
	}
	c.First = c.Indices[0]
	return c
}

// retryDelay is full jitter over a doubling range.
func (w *Worker) retryDelay(attempt int) time.Duration {
	ceil := min(maxDelay, w.cfg.RetryBase<<min(max(attempt-1, 0), 20))
	return time.Duration(w.random(int64(ceil) + 1)).Round(time.Second)
}

// sendChildren enqueues the children and reports whether all of them are
// confirmed. If not, the parent must not be acked: its redelivery sends them again.
func (w *Worker) sendChildren(d *delivery, children []child) bool {
	if len(children) == 0 {
		return true
	}
	ctx := d.lease.ctx
	entries := make([]sqsbatch.Entry, len(children))
	for i := range children {
		body, err := w.encodeChild(ctx, &children[i].msg)
		if u, ok := errors.AsType[*unusable](err); ok {
			w.cfg.Log.ErrorContext(ctx, "child message cannot be made", "child", children[i].msg.Identity, "err", err)
			w.reject(ctx, d, u)
			return false
		}
		if err != nil {
			w.cfg.Log.ErrorContext(ctx, "child message not made; its parent will be delivered again", "child", children[i].msg.Identity, "err", err)
			w.putBack(d)
			return false
		}
		entries[i] = sqsbatch.Entry{Body: body, Delay: children[i].delay, Trace: children[i].msg.Trace}
	}
	for i, err := range w.policy().SendAll(ctx, w.cfg.Queue, w.cfg.QueueURL, entries) {
		if err != nil {
			w.cfg.Log.ErrorContext(ctx, "child message not sent; its parent will be delivered again", "child", children[i].msg.Identity, "err", err)
			w.putBack(d)
			return false
		}
	}
	return true
}

// encodeChild encodes a child, offloading its arguments when they do not fit a
// message: the parent's were offloaded then, too, or its sender compresses better.
// An *unusable error says that no other delivery of the parent will do better.
func (w *Worker) encodeChild(ctx context.Context, m *codec.Message) (string, error) {
	body, err := codec.Encode(m)
	if err != nil {
		return "", &unusable{reason: "child", detail: err.Error()}
	}
	most := cmp.Or(w.maxBody, codec.MaxBody)
	if len(body) <= most {
		return body, nil
	}
	if w.cfg.Blobs == nil || m.Job == "" {
		return "", &unusable{reason: "child", detail: fmt.Sprintf(
			"the arguments of %s exceed %d bytes, and there is no bucket, or no job to keep them under", m.Identity, most)}
	}
	b := codec.EncodeArgs(m.Args)
	sum := sha256.Sum256(b)
	key := "in/" + m.Job + "/" + hex.EncodeToString(sum[:])
	if err := w.cfg.Blobs.Put(ctx, key, b); err != nil {
		return "", fmt.Errorf("offload arguments %s: %w", key, err)
	}
	off := *m
	off.Args, off.Offload = nil, &codec.Offload{Key: key, SHA256: sum, Len: int64(len(b)), Count: len(m.Args)}
	return codec.Encode(&off)
}
