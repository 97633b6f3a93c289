package view

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

// onTerminal is a display on a terminal without colours.
func onTerminal(out io.Writer, columns, rows int) *Display {
	return &Display{w: out, size: func() (int, int) { return columns, rows }}
}

// begun is a job of ten tasks.
func begun(id string) State {
	return State{Job: id, Handler: "price", At: at(5), Created: noon, Tasks: Tasks{Total: 10, Enqueued: 10}}
}

// The screen of begun("j") with room for it, and what takes it off.
const (
	beganScreen = "price                                                         j  0:05\n         ──────────────────────────────  0 %  0 of 10\nrate     not known yet\nworkers  none yet\n"
	offScreen   = "\x1b[4A\r\x1b[J"
)

// screen is a buffer that one goroutine writes and another reads.
type screen struct {
	mu  sync.Mutex // protects buf
	buf bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

func TestATerminalIsDrawnOver(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := onTerminal(&out, 20, 4)
	for range 2 {
		if err := d.Show(begun("j")); err != nil {
			t.Fatal(err)
		}
	}
	d.End("j", "price: done")
	one := "price             …\n         ─────────…\nrate     not known…\n" // of four rows one is the cursor's
	if diff := cmp.Diff(one+"\x1b[3A\r\x1b[J"+one+"\x1b[3A\r\x1b[Jprice: done\n", out.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%s", diff)
	}
}

func TestOthersWriteAboveWhatIsDrawn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out screen
		d := onTerminal(&out, 100, 50)
		say := func(text string) {
			if n, err := d.Write([]byte(text)); err != nil || n != len(text) {
				t.Errorf("write: %d, %v", n, err)
			}
		}
		say("before\n") // nothing is drawn: it goes out at once
		_ = d.Show(begun("j"))
		say("a\n") // the terminal was drawn just now: both wait for the next time
		say("b")
		want := "before\n" + beganScreen
		if out.String() != want {
			t.Errorf("early: %q", out.String())
		}
		time.Sleep(frame)
		synctest.Wait()
		want += offScreen + "a\nb" // a line without an end cannot have a screen below it
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("after a frame (-want +got):\n%s", diff)
		}
		time.Sleep(frame)
		say("c\n") // not just now: at once
		want += "c\n" + beganScreen
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
		big := strings.Repeat("x", maxHeld) + "\n"
		say(big) // too much to be held
		want += offScreen + big + beganScreen
		say("d\n")
		d.End("j", "")
		want += offScreen + "d\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}

func TestAPausedDisplayComesBackWhenNobodyPausesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out screen
		d := onTerminal(&out, 100, 50)
		_ = d.Show(begun("j"))
		for range 10 { // a fast reader of results
			d.Pause()
			time.Sleep(frame / 10)
			d.Resume()
			time.Sleep(frame / 2)
		}
		if diff := cmp.Diff(beganScreen+offScreen, out.String()); diff != "" {
			t.Errorf("while it is fast (-want +got):\n%s", diff)
		}
		time.Sleep(frame)
		synctest.Wait()
		if diff := cmp.Diff(beganScreen+offScreen+beganScreen, out.String()); diff != "" {
			t.Errorf("while it waits (-want +got):\n%s", diff)
		}
		d.End("j", "")
	})
}

func TestSeveralJobsHaveALineEach(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := onTerminal(&out, 100, 50)
	_ = d.Show(begun("j"))
	_ = d.Show(begun("k"))
	d.End("j", "")
	line := Line(begun("j")) + "\n"
	if diff := cmp.Diff(beganScreen+offScreen+line+line+"\x1b[2A\r\x1b[J"+strings.Replace(beganScreen, "  j  0", "  k  0", 1), out.String()); diff != "" {
		t.Errorf("two jobs (-want +got):\n%s", diff)
	}
}

func TestLinesComeEveryTenSeconds(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := NewDisplay(&out)
	for i := range 13 {
		s := State{Job: "j", Handler: "price", At: at(2 * i), Created: noon, Tasks: Tasks{Total: 100, OK: i}}
		if i == 12 {
			s.State, s.Ended = store.Cancelled, at(24)
		}
		if err := d.Show(s); err != nil {
			t.Fatal(err)
		}
	}
	if d.Over(io.Discard) != io.Discard {
		t.Error("what is no terminal is not wrapped")
	}
	d.End("j", "")
	want := []string{"price: 0 %  0/100  workers 0 busy, 0 idle, 0 starting", "price: 5 %  5/100  workers 0 busy, 0 idle, 0 starting",
		"price: 10 %  10/100  workers 0 busy, 0 idle, 0 starting", "price: 12 %  12/100  cancelled after 0:24", ""}
	if diff := cmp.Diff(want, strings.Split(out.String(), "\n")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestALookIsDueWhenItWouldBeSeen(t *testing.T) {
	t.Parallel()
	lines := NewDisplay(&bytes.Buffer{})
	got := []bool{(*Display)(nil).Due("j", noon, at(100)), onTerminal(nil, 80, 24).Due("j", noon, noon), lines.Due("j", noon, at(9)), lines.Due("j", noon, at(10))}
	_ = lines.Show(State{Job: "j", At: at(10), Created: noon})
	got = append(got, lines.Due("j", noon, at(19)), lines.Due("j", noon, at(20)))
	if diff := cmp.Diff([]bool{false, true, false, true, false, true}, got); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

func TestNoDisplayShowsNothing(t *testing.T) {
	t.Parallel()
	d := NewDisplay(io.Discard)
	n, err := d.Write([]byte("x"))
	if d != nil || d.Show(begun("j")) != nil || n != 1 || err != nil {
		t.Errorf("%v, %d, %v", d, n, err)
	}
	d.Pause()
	d.Resume()
	d.End("j", "x")
}

func TestRowsAreBrokenBehindCommas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"one, two, three", 80, []string{"money    one, two, three"}},
		{"one, two, three", 20, []string{"money    one, two,", "         three"}},
		{"one, two, three", 19, []string{"money    one, two,", "         three"}},
		{"a longword, two", 19, []string{"money    a longword, two"}},
		{"one, two", 0, []string{"money    one, two"}},
	} {
		if diff := cmp.Diff(c.want, fold("money", c.text, c.columns)); diff != "" {
			t.Errorf("%q in %d columns (-want +got):\n%s", c.text, c.columns, diff)
		}
	}
}

func TestColoursAreAroundWhatIsThere(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"money    $1.00":         dim + "money    " + plain + "$1.00",
		"failed   3":             red + "failed   3" + plain,
		"         17 × error: x": "         17 × error: x",
		"         ━━──  50 %":    "         " + green + "━━" + plain + dim + "──" + plain + "  50 %",
		"x":                      "x",
	} {
		if got := paint(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestTheLastLineOfAJob(t *testing.T) {
	t.Parallel()
	s := shown()
	s.Handler, s.State, s.Ended = "price", store.Done, at(90)
	s.Tasks = Tasks{Total: 2000, OK: 1980, Failed: 20, Exact: true}
	early := Summary(s)
	s.Workers.Spans = []Span{{OK: 1000}, {OK: 900}}
	late := Summary(s)
	one := Summary(State{Handler: "price", State: store.Cancelled, Created: noon, Ended: at(7200), Tasks: Tasks{Total: 1, OK: 1}})
	want := []string{
		"price: 2,000 tasks done in 90 s, 20 failed",
		"price: 2,000 tasks done in 90 s, 20 failed, about $0.12, estimated $0.30 ($0.20 to $0.40), cap $1.00",
		"price: 1 task cancelled in 2:00:00",
	}
	if diff := cmp.Diff(want, []string{early, late, one}); diff != "" {
		t.Errorf("last lines (-want +got):\n%s", diff)
	}
}
