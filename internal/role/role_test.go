//go:build unix

package role

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRoles(t *testing.T) {
	t.Run("without a role the process is the caller", func(t *testing.T) {
		t.Setenv(Env, "")
		if handled, err := Run(t.Context(), nil); handled || err != nil {
			t.Errorf("handled %v, %v", handled, err)
		}
	})
	t.Run("an unknown role is refused", func(t *testing.T) {
		t.Setenv(Env, "boss")
		if handled, err := Run(t.Context(), nil); !handled || exit.CodeOf(err) != exit.Usage || !strings.Contains(err.Error(), "boss") {
			t.Errorf("handled %v, %v", handled, err)
		}
	})
	t.Run("a worker without a stack says what is missing", func(t *testing.T) {
		t.Setenv(Env, Worker)
		t.Setenv(stack.EnvQueueURL, "")
		if _, err := Run(t.Context(), nil); exit.CodeOf(err) != exit.Usage || !strings.Contains(err.Error(), stack.EnvQueueURL) {
			t.Errorf("%v", err)
		}
	})
	t.Run("slots must be a number", func(t *testing.T) {
		t.Setenv(EnvSlots, "many")
		if _, err := workerConfig(t.Context(), stack.Stack{}, &stack.Clients{}, nil); exit.CodeOf(err) != exit.Usage {
			t.Errorf("%v", err)
		}
	})
}

func TestHandlersArePrintedInOrder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	none := func(context.Context, consumer.Task) ([]byte, error) { return nil, nil }
	if err := printHandlers(&out, consumer.Registry{"b": none, "a": none}); err != nil || out.String() != "[\"a\",\"b\"]\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestTheSecondSignalHurries(t *testing.T) {
	hurried := make(chan struct{})
	ctx, done := stopOnSignals(t.Context(), func() { close(hurried) })
	defer done()
	signalSelf(t)
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the first signal does not stop")
	}
	signalSelf(t)
	select {
	case <-hurried:
	case <-time.After(10 * time.Second):
		t.Fatal("the second signal does not hurry")
	}
}
