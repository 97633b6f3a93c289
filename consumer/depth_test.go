package consumer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// deepBody is a message of two tasks whose identity can take no further element.
func deepBody(t *testing.T) string {
	t.Helper()
	m := codec.Message{
		Handler: "h", Job: "j", Attempt: 1, Args: []msgpack.RawMessage{{0x00}, {0x01}},
		Identity: codec.Identity("0" + strings.Repeat(".1", codec.MaxIdentityDepth)),
	}
	body, err := codec.Encode(&m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Whoever sends such a message must not get its tasks stuck, with an item that
// names a child that nobody can send.
func TestAMessageThatCannotHaveChildrenEndsInItsOwnItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			if argument(task) == 1 {
				return nil, errors.New("never")
			}
			return echo(ctx, task)
		}}, deepBody(t))
		b.cfg.HandOver = time.Nanosecond // would hand over between the two
		b.runUntil(t, time.Minute, b.drained)
		ok, failed, _ := b.results.settled("j")
		if len(ok) != 1 || len(failed) != 1 || len(b.results.items) != 1 {
			t.Errorf("settled %v and %v in %d items, want one of each in one", ok, failed, len(b.results.items))
		}
	})
}

func TestAMessageThatCannotBeSplitAndKillsWorkersIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ran := 0
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) { ran++; return echo(ctx, task) }}, deepBody(t))
		// A message that was delivered before is suspect.
		if _, err := b.queue.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{MaxNumberOfMessages: 1, VisibilityTimeout: 1}); err != nil {
			t.Fatal(err)
		}
		id := codec.Identity("0" + strings.Repeat(".1", codec.MaxIdentityDepth))
		for i := range deathsAlone {
			start := fmt.Sprint(time.Now().Add(-time.Duration(i+1)*time.Hour).UnixMilli(), ".", i)
			if _, err := b.results.AddStart(t.Context(), store.Job{ID: "j"}, id, start); err != nil {
				t.Fatal(err)
			}
		}
		b.runUntil(t, time.Minute, b.drained)
		_, failed, _ := b.results.settled("j")
		if len(failed) != 2 || ran != 0 {
			t.Errorf("failed %v, %d runs; want both tasks given up without a run", failed, ran)
		}
	})
}

func TestAMessageThatCannotHaveChildrenGoesBackWhenItsWorkerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{})
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			if argument(task) == 1 {
				close(started)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return echo(ctx, task)
		}}, deepBody(t))
		b.cfg.Grace = time.Second
		b.runUntil(t, time.Minute, func() bool {
			select {
			case <-started:
				return true
			default:
				return false
			}
		})
		if len(b.results.items) != 0 || b.queue.Len() != 1 {
			t.Errorf("items %v, %d messages; want the message back as it was", b.results.items, b.queue.Len())
		}
	})
}

// A sender that compresses better than a worker can send what the worker cannot send on.
func TestAChildThatFitsNoMessageLeavesAReason(t *testing.T) {
	t.Parallel()
	noise := make([]byte, codec.MaxBody)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise) // never fails
	raw, err := codec.Marshal(noise)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, job string
		blobs     Blobs
		fits      bool
	}{
		{"no bucket", "j", nil, false},
		{"no job", "", &fakeBlobs{objects: map[string][]byte{}}, false},
		{"a bucket and a job", "j", &fakeBlobs{objects: map[string][]byte{}}, true},
	} {
		b := setup(Registry{"h": echo})
		b.cfg.Blobs = tt.blobs
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.encodeChild(t.Context(), &codec.Message{Handler: "h", Job: tt.job, Identity: "0.1", Args: []msgpack.RawMessage{raw}})
		u, refused := errors.AsType[*unusable](err)
		if refused == tt.fits || refused && u.reason != "child" {
			t.Errorf("%s: %v, want it to fit: %v", tt.name, err, tt.fits)
		}
	}
}
