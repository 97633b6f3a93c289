package consumer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

func TestARetriedTasksCountMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		args := []msgpack.RawMessage{{0}, {1}, {2}, {3}} // small integers stand for themselves
		body, err := codec.Encode(&codec.Message{Handler: "h", Job: "j", Identity: "0.r1", Attempt: 3, Indices: []int{0, 1, 2, 3}, Args: args})
		if err != nil {
			t.Fatal(err)
		}
		b := setup(Registry{"h": func(ctx context.Context, task Task) ([]byte, error) {
			if task.Index == 3 {
				return nil, &Error{Kind: store.FailError, Final: true, Err: errors.New("still sick")}
			}
			return echo(ctx, task)
		}}, body)
		b.runUntil(t, time.Minute, b.drained)
		if got, want := b.results.ledger.Jobs["j"], (store.JobCount{OK: 3, Failed: -3}); got.OK != want.OK || got.Failed != want.Failed {
			t.Errorf("the ledger counts %+v, want %+v: four failures were counted before, and one is left", got, want)
		}
	})
}
