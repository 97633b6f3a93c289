package oplog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/oplog"
)

const container = "ECS_CONTAINER_METADATA_URI_V4"

func TestTheFormatFollowsThePlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		env   map[string]string
		local bool
		json  bool
	}{
		{"a pipe", nil, false, false},
		{"a container", map[string]string{container: "http://169.254.170.2/v4/x"}, false, true},
		{"what only looks like a container", map[string]string{container: "http://127.0.0.1/v4/x"}, true, false},
		{"a container whose owner wants text", map[string]string{container: "x", oplog.EnvFormat: "text"}, false, false},
		{"a pipe whose owner wants JSON", map[string]string{oplog.EnvFormat: "JSON"}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			oplog.New(&out, oplog.Options{Component: "worker", Local: c.local, Getenv: func(k string) string { return c.env[k] }}).
				Warn("put back", "error", "no", "handler", "h", "pause", 1500*time.Microsecond)
			if !c.json {
				if s := out.String(); !strings.Contains(s, `level=WARN msg="put back" error=no handler=h pause=1.5ms`) {
					t.Error(s)
				}
				return
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, &out)
			}
			delete(got, "time")
			want := map[string]any{"level": "WARN", "msg": "put back", "component": "worker", "err": "no", "type": "h", "pause_ms": 1.5}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheLevel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, env, want string
		level           slog.Level
	}{
		{"the caller's", "", "warn error", slog.LevelWarn},
		{"the environment's", "debug", "debug info warn error", slog.LevelWarn},
		{"the environment's, in capitals", "ERROR", "error", slog.LevelInfo},
		{"one that is none is said and passed over", "loud", "STARBURST_LOG_LEVEL info warn error", slog.LevelInfo},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := oplog.New(&out, oplog.Options{Level: c.level, Getenv: func(k string) string { return map[string]string{oplog.EnvLevel: c.env}[k] }})
			log.Debug("debug")
			log.Info("info")
			log.Warn("warn")
			log.Error("error")
			var got []string
			for line := range strings.Lines(out.String()) {
				_, msg, _ := strings.Cut(line, "msg=")
				got = append(got, strings.Fields(strings.Trim(msg, "\""))[0])
			}
			if diff := cmp.Diff(c.want, strings.TrimSpace(strings.Join(got, " "))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFormatThatIsNoneIsSaid(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	oplog.New(&out, oplog.Options{Getenv: func(k string) string { return map[string]string{oplog.EnvFormat: "xml"}[k] }})
	if s := out.String(); !strings.Contains(s, "STARBURST_LOG_FORMAT is none of auto, json and text") {
		t.Error(s)
	}
}
