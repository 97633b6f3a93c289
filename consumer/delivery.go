package consumer

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's own checksum of a body, not a protection
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// LooseKeep is how long results of tasks without a job are kept: as long as a job's,
// unless that says otherwise, and longer than their message can be delivered again (14 days).
const LooseKeep = 30 * 24 * time.Hour

// delivery is one received message on its way through the worker.
type delivery struct {
	lease        *lease
	messageID    string
	body         string
	bodyMD5      string
	sender       string
	sent         time.Time
	receiveCount int

	// Filled in by open.
	msg     *codec.Message
	job     store.Job
	handler Handler

	// start is this delivery's note that it runs a suspect message; "" without one.
	start string
}

func newDelivery(m types.Message, le *lease) *delivery {
	d := &delivery{
		lease: le, messageID: aws.ToString(m.MessageId),
		body: aws.ToString(m.Body), bodyMD5: aws.ToString(m.MD5OfBody),
		sender: m.Attributes[string(types.MessageSystemAttributeNameSenderId)],
	}
	d.receiveCount, _ = strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		d.sent = time.UnixMilli(ms)
	}
	return d
}

// unusable says why a message cannot be run here: it is recorded, hidden for a
// while and left to the queue's redrive policy, never deleted.
type unusable struct {
	reason, detail string
	// wait is how long to hide the message; zero means the bad-message back-off.
	wait time.Duration
}

func (u *unusable) Error() string { return u.reason + ": " + u.detail }

// open checks and decodes the message and finds its job and handler. The error
// is an *unusable, or one of the table's that another delivery may not meet.
func (w *Worker) open(ctx context.Context, d *delivery) error {
	sum := md5.Sum([]byte(d.body)) //nolint:gosec // SQS's checksum
	if d.bodyMD5 != "" && hex.EncodeToString(sum[:]) != d.bodyMD5 {
		return &unusable{reason: "checksum", detail: "the body's MD5 is not the one SQS gave"}
	}
	msg, err := codec.Decode(d.body)
	if err != nil {
		if bad, ok := errors.AsType[*codec.BadMessageError](err); ok {
			return &unusable{reason: string(bad.Reason), detail: bad.Detail}
		}
		return &unusable{reason: "decode", detail: err.Error()}
	}
	d.msg = msg
	if msg.Job == "" {
		if msg.ID == "" {
			msg.ID = d.messageID
		}
		d.job = store.Job{MaxAttempts: DefaultMaxAttempts, Handler: msg.Handler, Shards: 1, Expires: time.Now().Add(LooseKeep)}
	} else if d.job, err = w.jobs.get(ctx, msg.Job); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return &unusable{reason: "unknown job", detail: msg.Job, wait: w.cfg.Unknown}
		}
		return err
	} else if last := msg.Index(msg.Len() - 1); d.job.N > 0 && last >= d.job.N {
		return &unusable{reason: "unknown task", detail: fmt.Sprintf("task %d; job %s has %d", last, msg.Job, d.job.N)}
	}
	var known bool
	if d.handler, known = w.cfg.Handlers[msg.Handler]; !known {
		return &unusable{reason: "unknown handler", detail: msg.Handler, wait: w.cfg.Unknown}
	}
	if msg.Offload != nil {
		return w.fetchArgs(ctx, d)
	}
	return nil
}

// fetchArgs reads offloaded arguments, after a look at where the pointer leads.
func (w *Worker) fetchArgs(ctx context.Context, d *delivery) error {
	if w.cfg.Blobs == nil {
		return &unusable{reason: string(codec.ReasonOffload), detail: "this worker has no bucket for offloaded arguments"}
	}
	if err := d.msg.CheckOffload(); err != nil {
		return badOffload(err)
	}
	off := d.msg.Offload
	b, err := w.cfg.Blobs.Get(ctx, off.Key, off.Len)
	if _, long := errors.AsType[*store.TooLargeError](err); long || errors.Is(err, store.ErrNotFound) {
		// The object was put before its message was sent, and S3 reads what was written: waiting would not help.
		return badOffload(err)
	}
	if err != nil {
		return fmt.Errorf("read arguments %s: %w", off.Key, err)
	}
	if d.msg.Args, err = off.Open(b); err != nil {
		return badOffload(err)
	}
	return nil
}

func badOffload(err error) *unusable {
	if bad, ok := errors.AsType[*codec.BadMessageError](err); ok {
		return &unusable{reason: string(bad.Reason), detail: bad.Detail}
	}
	return &unusable{reason: string(codec.ReasonOffload), detail: err.Error()}
}

// reject records an unusable message and hides it; the queue's redrive policy
// moves it to the dead-letter queue after enough receives.
func (w *Worker) reject(ctx context.Context, d *delivery, u *unusable) {
	head := d.body[:min(len(d.body), 1024)]
	err := w.cfg.Results.PutBad(ctx, store.BadMessage{
		MessageID: d.messageID, Sent: d.sent, Seen: time.Now(), Reason: u.reason, Detail: u.detail,
		Sender: d.sender, Head: strings.ToValidUTF8(head, "\uFFFD"), ReceiveCount: d.receiveCount,
	})
	if err != nil {
		w.cfg.Log.WarnContext(ctx, "bad message not recorded", "message", d.messageID, "reason", u.reason, "err", err)
	} else if d.receiveCount <= 1 {
		w.cfg.Log.WarnContext(ctx, "bad message left to the redrive policy", "message", d.messageID, "reason", u.reason, "detail", u.detail)
	}
	wait := u.wait
	if wait == 0 {
		wait = min(w.cfg.Unknown, w.cfg.BadBackoff<<min(max(d.receiveCount-1, 0), 10))
	}
	w.release(d, wait)
}
