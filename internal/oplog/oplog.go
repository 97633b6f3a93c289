// Package oplog makes the loggers of Starburst's processes: the one place that decides how a line looks and which are written.
//
// In a container a line is a JSON object, since a collector reads it; on a terminal it is short, since a person does; into a file
// or a pipe it is slog's text. STARBURST_LOG_FORMAT and STARBURST_LOG_LEVEL say otherwise.
//
//	log := oplog.New(os.Stderr, oplog.Options{Component: "worker"})
//	log = log.With("worker", name)
//
// In JSON the same thing has the same name, whoever logs it: component, stack, worker, job, task, attempt, type (the
// handler), message, queue, outcome, err, trace_id, span_id; durations are numbers of milliseconds, in fields that end in _ms.
package oplog

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// The variables that a logger is made by.
const (
	// EnvFormat is json, text or auto. Default: auto.
	EnvFormat = "STARBURST_LOG_FORMAT"
	// EnvLevel is debug, info, warn or error. Default: the caller's.
	EnvLevel = "STARBURST_LOG_LEVEL"
	// envContainer is set in ECS tasks (task metadata endpoint version 4).
	envContainer = "ECS_CONTAINER_METADATA_URI_V4"
)

// Options of a logger.
type Options struct {
	// Component is the part of Starburst that logs, as a field of JSON lines. Default: none.
	Component string
	// Level below which nothing is logged unless the environment says so. Default: info.
	Level slog.Level
	// Getenv reads the environment. Default: os.Getenv.
	Getenv func(string) string
	// JSON is the format unless the environment says otherwise, wherever the process runs. Default: it depends on the place.
	JSON bool
	// Local means that the process runs on the machine of the person who started it, although it looks like a container.
	Local bool
}

// New returns a logger to w. What is wrong in the environment is logged, and the default applies: a worker that does
// not start because of its log is worse than one that logs too much.
func New(w io.Writer, o Options) *slog.Logger {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	level, badLevel := o.Level, false
	if v := o.Getenv(EnvLevel); v != "" {
		badLevel = level.UnmarshalText([]byte(v)) != nil
	}
	format := strings.ToLower(o.Getenv(EnvFormat))
	log := slog.New(handler(w, format, level, o))
	if o.Component != "" && isJSON(w, format, o) {
		log = log.With("component", o.Component)
	}
	if badLevel {
		log.Warn(EnvLevel+" is none of debug, info, warn and error", "value", o.Getenv(EnvLevel))
	}
	switch format {
	case "", "auto", "json", "text":
	default:
		log.Warn(EnvFormat+" is none of auto, json and text", "value", o.Getenv(EnvFormat))
	}
	return log
}

func isJSON(w io.Writer, format string, o Options) bool {
	switch {
	case format == "json", format == "text":
		return format == "json"
	case o.JSON:
		return true
	}
	return !o.Local && o.Getenv(envContainer) != "" && !isTerminal(w)
}

func handler(w io.Writer, format string, level slog.Level, o Options) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	switch {
	case isJSON(w, format, o):
		options.ReplaceAttr = named
		return slog.NewJSONHandler(w, options)
	case isTerminal(w):
		options.ReplaceAttr = short
		return slog.NewTextHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// sameName are keys that say the same in other words.
var sameName = map[string]string{"error": "err", "handler": "type"}

// named gives a field its one name, and a duration its unit.
func named(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	if name, other := sameName[a.Key]; other {
		a.Key = name
	}
	if a.Value.Kind() == slog.KindDuration {
		return slog.Float64(a.Key+"_ms", float64(a.Value.Duration().Microseconds())/1000)
	}
	return a
}

// short is named for people: the time of day will do, durations as one writes them.
func short(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) > 0:
	case a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime:
		return slog.String(slog.TimeKey, a.Value.Time().Format(time.TimeOnly))
	case a.Value.Kind() == slog.KindDuration:
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}
