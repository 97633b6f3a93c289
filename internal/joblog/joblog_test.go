package joblog

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALogIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "log")
	if err := Create(name, false); err != nil {
		t.Fatal(err)
	}
	start := time.UnixMilli(1764000000123)
	entries := []Entry{
		{Seq: 1, Started: start, Runtime: 1500 * time.Millisecond, Receive: 12, Command: []string{"echo", "a b", "it's", "", "x\ty\nz"}},
		{Seq: 2, Started: start, Exit: 3, Command: []string{"false"}},
		{Seq: 3, Started: start, Exit: -1, Signal: 9, Command: []string{"sh"}},
		{Seq: 2, Started: start, Command: []string{"true"}},
	}
	for _, e := range entries {
		if err := Append(name, e); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := Header + "\n" +
		"1\t:\t1764000000.123\t     1.500\t0\t12\t0\t0\techo 'a b' 'it'\\''s' '' 'x\\ty\\nz'\n" +
		"2\t:\t1764000000.123\t     0.000\t0\t0\t3\t0\tfalse\n" +
		"3\t:\t1764000000.123\t     0.000\t0\t0\t-1\t9\tsh\n" +
		"2\t:\t1764000000.123\t     0.000\t0\t0\t0\t0\ttrue\n"
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Error(d)
	}
	got, err := ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || !got[1].OK() || !got[2].OK() || got[3].OK() || !got[1].Started.Equal(start) || got[1].Runtime != 1500*time.Millisecond || got[1].Receive != 12 {
		t.Errorf("got %+v", got)
	}
	if err := Create(name, true); err != nil {
		t.Fatal(err)
	}
	if again, err := ReadFile(name); err != nil || !cmp.Equal(got, again) {
		t.Errorf("kept %v, %v", again, err)
	}
	if err := Create(name, false); err != nil {
		t.Fatal(err)
	}
	if again, err := ReadFile(name); err != nil || len(again) != 0 {
		t.Errorf("emptied %v, %v", again, err)
	}
}

func TestSeveralWritersKeepTheirLinesWhole(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "log")
	if err := Create(name, false); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 50 {
				if err := Append(name, Entry{Seq: w*50 + i + 1, Started: time.UnixMilli(1), Command: []string{strings.Repeat("x", 3000)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got, err := ReadFile(name); err != nil || len(got) != 200 {
		t.Errorf("%d entries, %v", len(got), err)
	}
}

func TestForeignLogs(t *testing.T) {
	t.Parallel()
	good := "7\tn1/host\t1764000000.5\t0.1\t10\t20\t0\t0\tsleep 1\tx\n"
	for _, tc := range []struct {
		story, text string
		n           int
		err         string
	}{
		{"another program's line", Header + "\n" + good, 1, ""},
		{"a line that was cut by a crash", good + "8\t:\t17640", 1, ""},
		{"too few columns", "1\t2\n", 0, "line 1 of the job log: 2 columns, not 9"},
		{"words for numbers", good + strings.Replace(good, "7", "seven", 1), 0, "line 2 of the job log: column 1"},
		{"a number that is none", strings.Replace(good, "1764000000.5", "NaN", 1), 0, "out of range"},
		{"a task that cannot be", strings.Replace(good, "7\t", "0\t", 1), 0, "out of range"},
	} {
		got, err := Read(strings.NewReader(tc.text))
		if len(got) != tc.n || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %v, %v", tc.story, got, err)
		}
	}
	if got, err := ReadFile(filepath.Join(t.TempDir(), "none")); err != nil || len(got) != 0 {
		t.Errorf("a file that is not there: %v, %v", got, err)
	}
}

func TestHalt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text              string
		want              string // "" for an error
		ok, failed, total int
		before, after     bool // whether it is reached with one failure less, and with these
	}{
		{"never", "never", 5, 5, 10, false, false},
		{"", "never", 0, 9, 10, false, false},
		{"0", "never", 0, 9, 10, false, false},
		{"1", "soon,fail=1", 5, 1, 10, false, true},
		{"2", "now,fail=1", 0, 1, 10, false, true},
		{"soon,fail=3", "soon,fail=3", 9, 3, 20, false, true},
		{"now,success=2", "now,success=2", 2, 1, 9, true, true},
		{"now,done=4", "now,done=4", 2, 2, 9, false, true},
		{"soon,fail=10%", "soon,fail=10%", 9, 2, 20, false, true},
		{"soon,fail=10%", "soon,fail=10%", 0, 3, 20, false, false}, // too early to tell
		{"20%", "soon,fail=20%", 0, 4, 20, false, true},
		{"now", "", 0, 0, 0, false, false},
		{"later,fail=1", "", 0, 0, 0, false, false},
		{"now,fail=0", "", 0, 0, 0, false, false},
		{"now,luck=1", "", 0, 0, 0, false, false},
		{"now,fail=101%", "", 0, 0, 0, false, false},
		{"3", "", 0, 0, 0, false, false},
	} {
		h, err := ParseHalt(tc.text)
		if (err != nil) != (tc.want == "") || err == nil && h.String() != tc.want {
			t.Errorf("%q: %v, %v", tc.text, h, err)
			continue
		}
		if err == nil {
			if again, err := ParseHalt(h.String()); err != nil || again != h {
				t.Errorf("%q is read as %v, %v", h, again, err)
			}
			if b, a := h.Reached(tc.ok, tc.failed-1, tc.total), h.Reached(tc.ok, tc.failed, tc.total); b != tc.before || a != tc.after {
				t.Errorf("%q: %v before, %v after", tc.text, b, a)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Header + "\n7\t:\t1.5\t0.1\t10\t20\t0\t0\tsleep 1\n")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Read(strings.NewReader(s))
		for seq, e := range got {
			if err != nil || e.Seq != seq || seq < 1 {
				t.Fatalf("%d: %+v, %v", seq, e, err)
			}
		}
	})
}
