package starburst_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/starburst-go/starburst"
	"github.com/starburst-go/starburst/internal/testmain"
)

// envPIDs names the directory in which worker processes note their ids.
const envPIDs = "TEST_WORKER_PIDS"

// point is a typed argument with every kind of field.
type point struct {
	X, Y  float64
	Name  string         `json:"name"`
	Tags  []string       `json:"tags"`
	Extra map[string]int `json:"extra"`
}

var (
	mirror = starburst.Handle("mirror", func(_ context.Context, p point) (point, error) {
		p.X, p.Y = p.Y, p.X
		return p, nil
	})
	half = starburst.Handle("half", func(_ context.Context, i int) (*int, error) {
		if i%2 == 1 {
			return nil, nil // a nil result is a result
		}
		h := i / 2
		return &h, nil
	})
	picky = starburst.Handle("picky", func(ctx context.Context, i int) (string, error) {
		switch i {
		case 3:
			return "", starburst.Permanent(errors.New("three is not allowed"))
		case 5:
			panic("five!")
		}
		task, _ := starburst.TaskOf(ctx)
		return fmt.Sprint(i, task.Index, task.Attempt), nil
	})
	slow = starburst.Handle("slow", func(ctx context.Context, i int) (int, error) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(2 * time.Millisecond):
			return i * i, nil
		}
	})
	unregistered = starburst.Handle("unregistered", func(context.Context, int) (int, error) { return 0, nil })
	handlers     = []starburst.Registration{mirror, half, picky, slow}
)

// TestMain is the test binary's main function: started by a session as worker or
// endpoint, it is one.
func TestMain(m *testing.M) {
	if os.Getenv("STARBURST_ROLE") != "" {
		if dir := os.Getenv(envPIDs); dir != "" && os.Getenv("STARBURST_ROLE") == "worker" {
			_ = os.WriteFile(filepath.Join(dir, strconv.Itoa(os.Getpid())), nil, 0o600)
		}
		starburst.Main(nil, handlers...)
	}
	os.Exit(testmain.Run(m))
}
