package worklog

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, text string
		want       Line
	}{
		{"slog's text", `time=2026-11-24T12:00:00.000Z level=INFO msg="worker started" worker=w1 slots=1`,
			Line{At: noon, Level: "INFO", Message: "worker started", Worker: "w1", Fields: []Field{{"slots", "1"}}}},
		{"a child's line, with its task", `time=2026-11-24T12:00:00.000Z level=WARN msg="a \"b\"" slot=0 task=17 job=fit-1`,
			Line{At: noon, Level: "WARN", Message: `a "b"`, Job: "fit-1", Task: new(17), Fields: []Field{{"slot", "0"}}}},
		{"no task", `time=2026-11-24T12:00:00.000Z level=INFO msg=x task=<nil> job=<nil>`, Line{At: noon, Level: "INFO", Message: "x"}},
		{"slog's JSON", `{"time":"2026-11-24T12:00:00Z","level":"ERROR","msg":"no","job":"j","task":3,"err":"a: b","n":{"x":1}}` + "\n",
			Line{At: noon, Level: "ERROR", Message: "no", Job: "j", Task: new(3), Fields: []Field{{"err", "a: b"}, {"n", `{"x":1}`}}}},
		{"JSON with null", `{"time":"2026-11-24T12:00:00Z","msg":"no","job":null,"task":null}`, Line{At: noon, Message: "no"}},
		{"a print", "Traceback (most recent call last):\r\n", Line{Message: "Traceback (most recent call last):"}},
		{"JSON that is no record", `{"a":1}`, Line{Message: `{"a":1}`}},
		{"a half of a record", `time=2026-11-24T12:00:00.000Z level=INFO msg="wor`, Line{Message: `time=2026-11-24T12:00:00.000Z level=INFO msg="wor`}},
		{"half of JSON", `{"time":"2026-11-24T12:00:00Z","msg":"no`, Line{Message: `{"time":"2026-11-24T12:00:00Z","msg":"no`}},
		{"nothing", "", Line{}},
	} {
		if diff := cmp.Diff(c.want, Parse(c.text)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.what, diff)
		}
	}
}

// Whatever slog writes is read back.
func TestParseReadsSlog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		message, job := rapid.String().Draw(t, "message"), rapid.StringMatching(`[a-z][a-z0-9-]{0,8}`).Draw(t, "job")
		value, task := rapid.String().Draw(t, "value"), rapid.IntRange(0, 1<<31-1).Draw(t, "task")
		for _, h := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(h(&b)).Warn(message, "job", job, "task", task, "value", value)
			l := Parse(b.String())
			want := Line{At: l.At, Level: "WARN", Message: message, Job: job, Task: &task, Fields: []Field{{"value", value}}}
			if diff := cmp.Diff(want, l); diff != "" || l.At.IsZero() {
				t.Fatalf("%s (-want +got)\n%s", b.String(), diff)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`time=2026-11-24T12:00:00.000Z msg="a b" job=j`, `{"time":"x","msg":1}`, "time=", `time="`, "{", `{"a":`, strings.Repeat("x", maxLine+1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l := Parse(s)
		if l.Task != nil && *l.Task < -1<<62 || len(l.String()) > 8*maxLine {
			t.Errorf("%+v", l)
		}
	})
}

func TestLineString(t *testing.T) {
	t.Parallel()
	l := Line{Message: "no luck", Job: "j", Task: new(3), Fields: []Field{{"err", "a b"}, {"n", "1"}, {"empty", ""}}}
	if got, want := l.String(), `no luck job=j task=3 err="a b" n=1 empty=""`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
