package worklog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func record(second int, text string) string {
	return fmt.Sprintf("time=%s level=INFO %s\n", noon.Add(time.Duration(second)*time.Second).Format("2006-01-02T15:04:05.000Z"), text)
}

// write makes a log; its last change is the newest of its times.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, name), noon, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

func messages(t *testing.T, s Source, q Query) (all []string) {
	t.Helper()
	for l, err := range s.Lines(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Worker+": "+l.Message)
	}
	return all
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.log", record(1, "msg=first")+"a trace\n"+record(5, "msg=mine job=j task=1")+record(6, "msg=other job=k")+record(9, "msg=unfin")[:40])
	write(t, dir, "a.log.1", record(0, "msg=before"))
	write(t, dir, "b.log", record(2, "msg=second")+record(7, "msg=next job=j task=2"))
	write(t, dir, "c.log", "")
	write(t, dir, "d.log", strings.Repeat("y", 3*maxLine)+"\n"+record(8, "msg=behind"))
	write(t, dir, "notes.txt", record(3, "msg=no"))
	long := "d: " + strings.Repeat("y", maxLine)
	for _, c := range []struct {
		what string
		q    Query
		want []string
	}{
		{"all, by time", Query{}, []string{"a: before", "a: first", "a: a trace", "b: second", "a: mine", "a: other", "b: next", long, "d: behind"}},
		{"of two workers", Query{Workers: []string{"b", "nobody"}}, []string{"b: second", "b: next"}},
		{"of nobody", Query{Workers: []string{}}, nil},
		{"a time", Query{From: noon.Add(2 * time.Second), To: noon.Add(5 * time.Second)}, []string{"b: second"}},
		{"a job: not what is said of others", Query{Job: "j", Workers: []string{"a", "b"}}, []string{"a: before", "a: first", "a: a trace", "b: second", "a: mine", "b: next"}},
		{"a task", Query{Job: "j", Task: new(2), From: noon.Add(3 * time.Second), Workers: []string{"a", "b"}}, []string{"b: next"}},
		{"a job, whoever names it", Query{Job: "j", Workers: []string{"b"}, Anyone: true, From: noon, To: noon.Add(time.Minute)}, []string{"b: second", "a: mine", "b: next"}},
		{"later than all", Query{From: noon.Add(time.Hour)}, nil},
	} {
		got := messages(t, Files{dir}, c.q)
		if c.what == "all, by time" && len(got) > 7 && len(got[7]) > len(long) {
			t.Errorf("a line of %d bytes", len(got[7]))
		}
		// The line without a time and the long one have that of their neighbours, and of the file.
		if c.what == "all, by time" {
			if len(got) != len(c.want) {
				t.Errorf("%s: %d lines, want %d", c.what, len(got), len(c.want))
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.what, diff)
		}
	}
	if got := messages(t, Files{filepath.Join(dir, "none")}, Query{}); got != nil {
		t.Errorf("a folder that is not there has %v", got)
	}
}

// A source that gets lines while it is followed.
type growing struct {
	lines []Line
	err   error
	asked []time.Time
}

func (g *growing) Late() time.Duration { return 10 * time.Second }

func (g *growing) Lines(_ context.Context, q Query) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		g.asked = append(g.asked, q.From)
		for _, l := range g.lines {
			if q.wants(l) && !yield(l, nil) {
				return
			}
		}
		if g.err != nil {
			yield(Line{}, g.err)
		}
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line := func(id string, second int) Line {
			return Line{ID: id, At: noon.Add(time.Duration(second) * time.Second)}
		}
		g := &growing{lines: []Line{line("a", 0), line("b", 100)}}
		looks := 0
		query := func(context.Context) (Query, bool, error) {
			looks++
			switch looks {
			case 2: // one came late, one is new
				g.lines = append(g.lines, line("late", 95), line("c", 101))
			case 3: // one came too late
				g.lines = append(g.lines, line("lost", 20))
			}
			return Query{From: noon.Add(-time.Hour)}, looks < 3, nil
		}
		var ids []string
		for l, err := range Follow(t.Context(), g, 2*time.Second, query) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, l.ID)
		}
		if diff := cmp.Diff([]string{"a", "b", "late", "c"}, ids); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]time.Time{noon.Add(-time.Hour), noon.Add(90 * time.Second), noon.Add(91 * time.Second)}, g.asked); diff != "" {
			t.Errorf("asked from (-want +got)\n%s", diff)
		}

		ctx, cancel := context.WithCancel(t.Context())
		looks = -1000
		time.AfterFunc(5*time.Second, cancel)
		for _, err := range Follow(ctx, &growing{}, 2*time.Second, query) {
			t.Errorf("the end of the context yields %v", err)
		}
		broken := errors.New("no permission")
		n := 0
		for _, err := range Follow(t.Context(), &growing{err: broken}, time.Second, query) {
			if n++; !errors.Is(err, broken) {
				t.Errorf("err = %v", err)
			}
		}
		if n != 1 {
			t.Errorf("the error came %d times", n)
		}
	})
}
