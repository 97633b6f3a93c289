package consumer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// stuckResults is a table whose reads of an item do not end before free is closed.
type stuckResults struct {
	*fakeResults
	asked, free chan struct{}
}

func (r *stuckResults) Result(ctx context.Context, job store.Job, id codec.Identity) (store.Result, bool, error) {
	close(r.asked)
	<-r.free
	return r.fakeResults.Result(ctx, job, id)
}

// refusingResults is a table that this worker may not read before a time.
type refusingResults struct {
	*fakeResults
	until time.Time
}

func (r *refusingResults) Job(ctx context.Context, id string) (store.Job, error) {
	if time.Now().Before(r.until) {
		return store.Job{}, errors.New("AccessDeniedException")
	}
	return r.fakeResults.Job(ctx, id)
}

func TestAnOutageOfTheTableDoesNotWearMessagesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 1))
		b.cfg.Results = &refusingResults{b.results, time.Now().Add(30 * time.Minute)}
		b.runUntil(t, 2*time.Hour, b.drained)
		if ok, _, _ := b.results.settled("j"); len(ok) != 1 || len(b.queue.Dead()) > 0 {
			t.Errorf("settled %v, given up by the queue: %q", ok, b.queue.Dead())
		}
	})
}

func TestASlotThatIsLeftBehindDoesNoHarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 1))
		if _, err := b.queue.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{VisibilityTimeout: 1}); err != nil {
			t.Fatal(err)
		}
		b.results.items[itemKey("j", "", "0")] = store.Result{Job: "j", Identity: "0", Token: "w0's", Settled: []store.Settled{{Index: 0}}}
		stuck := &stuckResults{b.results, make(chan struct{}), make(chan struct{})}
		b.cfg.Results = stuck
		b.cfg.Grace = time.Second
		w, err := New(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		finished := make(chan error, 1)
		go func() { finished <- w.Run(ctx) }()
		<-stuck.asked
		cancel()
		if err := <-finished; err != nil {
			t.Fatal(err)
		}
		if n := b.queue.Len(); n != 1 {
			t.Errorf("%d messages left, want the one whose item was not read", n)
		}
		close(stuck.free) // the item is there: the slot would ack its message
		synctest.Wait()
	})
}
