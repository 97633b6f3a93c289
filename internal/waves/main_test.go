//go:build unix

package waves

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/testmain"
)

// envEnabled allows the runs, which take minutes.
const envEnabled = "STARBURST_WAVES"

// envNaps is the directory that workers note their naps in.
const envNaps = "STARBURST_TEST_NAPS"

// TestMain is also the worker.
func TestMain(m *testing.M) {
	handled, err := role.Run(context.Background(), consumer.Registry{"nap": nap})
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case handled:
		os.Exit(0)
	}
	os.Exit(testmain.Run(m))
}

// nap sleeps for its argument, in seconds, and answers it. It notes, as Unix nanoseconds, its begin and end
// in a file of the worker's; one that is cut off has no end.
func nap(ctx context.Context, t consumer.Task) ([]byte, error) {
	var seconds float64
	if err := codec.Unmarshal(t.Arg, &seconds); err != nil {
		return nil, err
	}
	name := filepath.Join(os.Getenv(envNaps), filepath.Base(filepath.Dir(os.Getenv("ECS_CONTAINER_METADATA_URI_V4"))))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	begun := time.Now().UnixNano()
	wake := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer wake.Stop()
	end := int64(0)
	select {
	case <-wake.C:
		end = time.Now().UnixNano()
	case <-ctx.Done():
	}
	if _, err := fmt.Fprintf(f, "%d %d %d\n", t.Index, begun, end); err != nil {
		return nil, err
	}
	if end == 0 {
		return nil, context.Cause(ctx)
	}
	return t.Arg, nil
}
