package consumer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// A caller rebuilds the error of its own language from the detail.
func TestADetailIsRecordedWithItsFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		body, err := codec.Encode(&codec.Message{Handler: "h", Job: "j", Args: []msgpack.RawMessage{{7}}})
		if err != nil {
			t.Fatal(err)
		}
		b := setup(Registry{"h": func(context.Context, Task) ([]byte, error) {
			return nil, &Error{Kind: store.FailError, Final: true, Err: errors.New("no"), Stack: "here", Detail: []byte{0xa1, 'x'}}
		}}, body)
		b.runUntil(t, time.Minute, b.drained)
		_, failed, _ := b.results.settled("j")
		want := map[int]*store.Failure{0: {Kind: store.FailError, Message: "no", Stack: "here", Argument: []byte{7}, Detail: []byte{0xa1, 'x'}, Attempts: 1}}
		if diff := cmp.Diff(want, failed); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
	})
}
