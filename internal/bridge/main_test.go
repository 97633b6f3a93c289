package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/testmain"
)

// TestMain is also the endpoint and the worker of the sessions under test.
func TestMain(m *testing.M) {
	handled, err := role.Run(context.Background(), consumer.Registry{"work": work})
	if handled {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testmain.Run(m))
}

// work doubles a number; below zero it fails, and from 1000 on it sleeps until it is told to stop.
func work(ctx context.Context, t consumer.Task) ([]byte, error) {
	var i int
	if err := codec.Unmarshal(t.Arg, &i); err != nil {
		return nil, consumer.BadArgument("work", err)
	}
	switch {
	case i < 0:
		return nil, consumer.Permanent(errors.New("below zero"))
	case i >= 1000:
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Minute):
		}
	}
	return codec.Marshal(2 * i)
}
