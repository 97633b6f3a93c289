package deployed

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/testmain"
)

// TestMain is also the worker that the crew starts.
func TestMain(m *testing.M) {
	if os.Getenv(role.Env) != "" {
		if _, err := role.Run(context.Background(), consumer.Registry{handler: square}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testmain.Run(m))
}

const (
	handler = "square"
	// taskTime is slept, not computed: a task of the real world takes a worker's time, not this machine's.
	taskTime = 30 * time.Millisecond
)

func square(ctx context.Context, t consumer.Task) ([]byte, error) {
	var n int
	if err := codec.Unmarshal(t.Arg, &n); err != nil {
		return nil, err
	}
	select {
	case <-time.After(taskTime):
		return codec.Marshal(n * n)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
