package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/usage"
)

// EnvDir names the directory into which bench workers write their usage at exit.
const EnvDir = "STARBURST_BENCH_DIR"

// Worker is the bench's worker process: it runs the tasks until it is told to
// stop and leaves its usage behind.
func Worker(ctx context.Context) error {
	answer, work, err := handlerFromEnv()
	if err != nil {
		return err
	}
	err = role.RunWorker(ctx, consumer.Registry{Handler: func(ctx context.Context, t consumer.Task) ([]byte, error) {
		return answer.result(t.Index), wait(ctx, work)
	}})
	b, e := json.Marshal(usage.Own())
	if e == nil {
		e = os.WriteFile(filepath.Join(os.Getenv(EnvDir), "usage-"+strconv.Itoa(os.Getpid())+".json"), b, 0o600)
	}
	if err == nil {
		err = e
	}
	return err
}

// wait is the work of a task.
func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sumOfFiles reads what workers have left behind: CPU summed up, the largest peak.
func sumOfFiles(files []string) (usage.Usage, error) {
	var sum usage.Usage
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return sum, err
		}
		var u usage.Usage
		if err := json.Unmarshal(b, &u); err != nil {
			return sum, fmt.Errorf("usage %s: %w", f, err)
		}
		sum.CPU += u.CPU
		sum.PeakRSS = max(sum.PeakRSS, u.PeakRSS)
	}
	return sum, nil
}
