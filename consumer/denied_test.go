package consumer

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
)

func TestAMissingPermissionToDeleteIsLoudAndStopsThePolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		handler := func(ctx context.Context, task Task) ([]byte, error) { runs.Add(1); return echo(ctx, task) }
		b := setup(Registry{"h": handler}, chunkBody(t, "h", 0, 1), chunkBody(t, "h", 1, 1), chunkBody(t, "h", 2, 1))
		start := time.Now()
		b.queue.Fail = func(op string) error {
			if op == "delete" && time.Since(start) < 10*time.Minute {
				return &smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized to perform: sqs:deletemessage"}
			}
			return nil
		}
		var log bytes.Buffer
		b.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		receives := 0
		b.runUntil(t, time.Hour, func() bool {
			if time.Since(start) < 10*time.Minute {
				receives = b.queue.Receives()
			}
			return b.drained()
		})
		if receives > 20 {
			t.Errorf("%d receives in ten minutes; the worker was to wait", receives)
		}
		if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "sqs:DeleteMessage") {
			t.Errorf("the log does not name the permission that is missing:\n%s", text)
		}
		if runs.Load() != 3 || len(b.queue.Dead()) > 0 {
			t.Errorf("the tasks ran %d times, want 3; in the dead-letter queue: %q", runs.Load(), b.queue.Dead())
		}
	})
}
