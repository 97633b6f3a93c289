package view

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/starburst-go/starburst/internal/terminal"
)

// Pace of a display.
const (
	// LineEvery is the time between two lines about a job where there is no terminal.
	LineEvery = 10 * time.Second
	// frame is the least time between two drawings for the sake of what others write.
	frame = 100 * time.Millisecond
	// maxHeld is how many bytes of others wait for the next drawing.
	maxHeld = 64 << 10
)

// Display shows the states of jobs to people who wait for them: on a terminal drawn in place of each other, elsewhere a line
// from time to time. Others may write to the same terminal by way of it: what they write stays above. A nil Display shows
// nothing and passes nothing on. It is safe for concurrent use.
type Display struct {
	w     io.Writer
	size  func() (columns, rows int) // nil: no terminal
	color bool
	every time.Duration

	mu     sync.Mutex // protects everything below
	jobs   []shownJob // in the order in which they were shown first
	drawn  int        // lines on the terminal
	held   []written  // by others, for the next drawing
	bytes  int        // of held
	midway bool       // others' last line has no end yet
	paused int
	flushd time.Time   // when the last drawing was
	timer  *time.Timer // draws what is held; nil before the first
	err    error       // of a drawing that nobody waited for
}

// shownJob is a job with its last state, and when a line was printed of it.
type shownJob struct {
	state   State
	printed time.Time
}

// written is what somebody wrote to a stream that is the same terminal.
type written struct {
	to   io.Writer
	text []byte
}

// NewDisplay makes a display on w; nil for a nil w, and for io.Discard.
func NewDisplay(w io.Writer) *Display {
	if w == nil || w == io.Discard {
		return nil
	}
	d := &Display{w: w, every: LineEvery, color: terminal.Of(w, os.Getenv).Color}
	if f, ok := w.(*os.File); ok && draws(f) {
		d.size = func() (int, int) {
			if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
				return columns, rows
			}
			return 80, 24
		}
	}
	return d
}

// draws reports whether a stream is a terminal that can move its cursor.
func draws(w io.Writer) bool { return terminal.Of(w, os.Getenv).Draw }

// Every sets the time between two lines where there is no terminal. Default: LineEvery.
func (d *Display) Every(t time.Duration) { d.every = t }

// Due reports whether a state of the job would be shown now: always on a terminal, and elsewhere when the last line, or
// since, is long enough ago. It saves looks that nobody would see.
func (d *Display) Due(job string, since, now time.Time) bool {
	if d == nil || d.size != nil {
		return d != nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.index(job); i >= 0 && d.jobs[i].printed.After(since) {
		since = d.jobs[i].printed
	}
	return now.Sub(since) >= d.every
}

func (d *Display) index(job string) int {
	return slices.IndexFunc(d.jobs, func(j shownJob) bool { return j.state.Job == job })
}

// Show takes a job's newest state.
func (d *Display) Show(s State) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.index(s.Job)
	if i < 0 {
		i = len(d.jobs)
		d.jobs = append(d.jobs, shownJob{})
	}
	d.jobs[i].state = s
	if d.size != nil {
		return d.draw()
	}
	if !s.Over() && s.At.Sub(d.jobs[i].printed) < d.every {
		return nil
	}
	d.jobs[i].printed = s.At
	_, err := fmt.Fprintln(d.w, Line(s))
	return err
}

// End takes a job off the display, and leaves a last line about it, if there is one.
func (d *Display) End(job, line string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.index(job); i >= 0 {
		d.jobs = slices.Delete(d.jobs, i, i+1)
	}
	if line != "" {
		d.hold(d.w, []byte(line+"\n"))
	}
	_ = d.draw() // there is nobody to tell
}

// Keep leaves what is drawn on the terminal, for good.
func (d *Display) Keep() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.jobs, d.drawn = nil, 0
}

// Write writes beside what is drawn, to the display's own stream.
func (d *Display) Write(p []byte) (int, error) {
	if d == nil {
		return len(p), nil
	}
	return d.write(d.w, p)
}

// Over returns a writer to w that leaves the display whole when both are a terminal; otherwise w itself.
func (d *Display) Over(w io.Writer) io.Writer {
	if d == nil || d.size == nil || !draws(w) {
		return w
	}
	return over{d, w}
}

type over struct {
	d *Display
	w io.Writer
}

func (o over) Write(p []byte) (int, error) { return o.d.write(o.w, p) }

// write holds the text back until the next drawing, so that a fast writer does not make the terminal flicker.
func (d *Display) write(to io.Writer, p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return 0, d.err
	}
	if d.size == nil || len(d.jobs) == 0 && len(d.held) == 0 {
		d.midway = !bytes.HasSuffix(p, []byte{'\n'})
		return to.Write(p)
	}
	d.hold(to, p)
	if wait := frame - time.Since(d.flushd); wait > 0 && d.bytes < maxHeld {
		d.later(wait)
		return len(p), nil
	}
	return len(p), d.draw()
}

// hold keeps a copy of the text.
func (d *Display) hold(to io.Writer, p []byte) {
	d.bytes += len(p)
	if n := len(d.held); n > 0 && d.held[n-1].to == to {
		d.held[n-1].text = append(d.held[n-1].text, p...)
		return
	}
	d.held = append(d.held, written{to, bytes.Clone(p)})
}

// later draws in a while, unless somebody does before.
func (d *Display) later(wait time.Duration) {
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.err = d.draw()
		})
		return
	}
	d.timer.Reset(wait)
}

// Pause clears the terminal for somebody who may write to it by other ways, until Resume.
func (d *Display) Pause() {
	if d == nil || d.size == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused++
	if d.drawn > 0 || len(d.held) > 0 {
		_ = d.draw()
	}
}

// Resume undoes a Pause; what was shown comes back when nobody pauses again at once.
func (d *Display) Resume() {
	if d == nil || d.size == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused--; d.paused == 0 && len(d.jobs) > 0 {
		d.later(frame)
	}
}

// draw takes off what is drawn, writes what others have written, and draws anew, in one write where it can.
func (d *Display) draw() error {
	if d.timer != nil {
		d.timer.Stop()
	}
	d.flushd = time.Now()
	var b bytes.Buffer
	if d.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", d.drawn)
		d.drawn = 0
	}
	held := d.held
	d.held, d.bytes = nil, 0
	for _, h := range held {
		d.midway = !bytes.HasSuffix(h.text, []byte{'\n'})
		if h.to != d.w {
			if err := flush(d.w, &b); err != nil {
				return err
			}
			if _, err := h.to.Write(h.text); err != nil {
				return err
			}
			continue
		}
		b.Write(h.text)
	}
	if d.paused == 0 && !d.midway {
		for _, line := range d.screen() {
			b.WriteString(line)
			b.WriteByte('\n')
			d.drawn++
		}
	}
	return flush(d.w, &b)
}

func flush(w io.Writer, b *bytes.Buffer) error {
	if b.Len() == 0 {
		return nil
	}
	_, err := w.Write(b.Bytes())
	b.Reset()
	return err
}

// screen is what there is to draw: all about a job, or a line each about several.
func (d *Display) screen() []string {
	if d.size == nil || len(d.jobs) == 0 {
		return nil
	}
	columns, rows := d.size()
	var lines []string
	if len(d.jobs) == 1 {
		lines = Screen(d.jobs[0].state, columns)
	} else {
		for _, j := range d.jobs {
			lines = append(lines, Line(j.state))
		}
	}
	if most := max(rows-1, 2); rows > 0 && len(lines) > most {
		lines = lines[:most] // the cursor cannot go back further
	}
	for i, l := range lines {
		lines[i] = cut(l, columns)
		switch {
		case !d.color:
		case i == 0 || len(d.jobs) > 1:
			lines[i] = bold + lines[i] + plain
		default:
			lines[i] = paint(lines[i])
		}
	}
	return lines
}

// cut shortens a line to what there is room for, so that lines can be counted. Wide characters of handlers' messages are
// counted as one: they may spoil a line, not more.
func cut(line string, width int) string {
	r := []rune(line)
	if width <= 1 || len(r) < width {
		return line
	}
	return string(r[:width-2]) + "…"
}

// Colours, of the sixteen that every terminal's theme sets.
const (
	dim   = "\x1b[2m"
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

// paint sets a line's word apart from what it says, and colours the bar, and failures.
func paint(line string) string {
	word, rest := "", line
	if r := []rune(line); len(r) > wordWidth && r[wordWidth-1] == ' ' {
		word, rest = string(r[:wordWidth]), string(r[wordWidth:])
	}
	switch name := strings.TrimSpace(word); {
	case strings.ContainsAny(rest, "━─"):
		return word + paintBar(rest)
	case name == wordFailed:
		return red + word + rest + plain
	case name != "":
		return dim + word + plain + rest
	}
	return line
}

func paintBar(line string) string {
	line = strings.Replace(line, "─", plain+dim+"─", 1)
	end := strings.LastIndexAny(line, "━─") + len("─")
	return green + line[:end] + plain + line[end:]
}
