package consumer

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/starburst-go/starburst/store"
)

func TestAWorkerWaitsForAQueueThatCannotBeReachedYet(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	expired := &smithy.GenericAPIError{Code: "ExpiredToken", Message: "the security token has expired"}
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Message: "not allowed"}
	for name, tt := range map[string]struct {
		first  error // what the first calls of each kind end with
		giveUp time.Duration
		want   error
		took   time.Duration
	}{
		"the network comes up after two minutes": {first: refused},
		"credentials are renewed":                {first: expired},
		"nobody answers, on a laptop":            {first: refused, giveUp: time.Minute, want: ErrQueueGone, took: time.Minute},
		"the queue may not be read":              {first: denied, want: denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 0, 3))
				b.cfg.GiveUp = tt.giveUp
				start := time.Now()
				b.queue.Fail = func(string) error {
					if time.Since(start) < 2*time.Minute {
						return tt.first
					}
					return nil
				}
				if tt.want == nil {
					b.runUntil(t, 5*time.Minute, b.drained)
					if ok, _, _ := b.results.settled("j"); len(ok) != 3 {
						t.Errorf("%d tasks settled, want 3", len(ok))
					}
					return
				}
				w, err := New(b.cfg)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.Run(t.Context()); !errors.Is(err, tt.want) {
					t.Errorf("Run returned %v, want %v", err, tt.want)
				}
				if took := time.Since(start); took < tt.took || took > tt.took+20*time.Second {
					t.Errorf("it took %v, want about %v", took, tt.took)
				}
			})
		})
	}
}

func TestAJobIsReadAgainAfterItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		j := newJobs(func(context.Context, string) (store.Job, error) {
			reads++
			return store.Job{ID: "j", Created: time.Now(), Expires: time.Now().Add(time.Hour), N: reads}, nil
		}, 0)
		for range 3 {
			if got, err := j.get(t.Context(), "j"); err != nil || got.N != 1 {
				t.Errorf("%d tasks, %v; want the first job's one", got.N, err)
			}
		}
		time.Sleep(time.Hour + time.Second)
		if got, err := j.get(t.Context(), "j"); err != nil || got.N != 2 || reads != 2 {
			t.Errorf("%d tasks after %d reads, %v; want the job that has the id now", got.N, reads, err)
		}
	})
}
