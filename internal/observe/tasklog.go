package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/starburst-go/starburst/consumer"
)

// LogTasks logs the end of every task at level debug, with the fields by which it is found again. Where the log is not that
// talkative it changes nothing. Arguments and results are not logged.
func LogTasks(ctx context.Context, cfg *consumer.Config) {
	log := cfg.Log
	if log == nil || !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	registry := make(consumer.Registry, len(cfg.Handlers))
	for name, h := range cfg.Handlers {
		registry[name] = logged(log, h)
	}
	cfg.Handlers = registry
}

func logged(log *slog.Logger, h consumer.Handler) consumer.Handler {
	return func(ctx context.Context, t consumer.Task) (out []byte, err error) {
		began, returned := time.Now(), false
		defer func() {
			job := t.Job
			if job == "" {
				job = t.ID
			}
			fields := []any{"job", job, "task", t.Index, "attempt", t.Attempt, "type", t.Handler, "outcome", outcomeOf(ctx, err, returned), "duration", time.Since(began)}
			if len(t.Trace) == len("00-")+32+len("-")+16+len("-00") {
				fields = append(fields, "trace_id", t.Trace[3:35], "span_id", t.Trace[36:52])
			}
			if err != nil {
				fields = append(fields, "err", err)
			}
			log.DebugContext(ctx, "task ended", fields...)
		}()
		out, err = h(ctx, t)
		returned = true
		return out, err
	}
}
