// Package progress shows how a job is getting on: a bar when standard error is
// a terminal, a line every ten seconds when it is not.
package progress

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Snapshot is the state of a job at one moment.
type Snapshot struct {
	// Done and Failed count settled tasks; Done includes Failed.
	Done, Failed int
	// Workers running now.
	Workers int
	// Cost so far, formatted; empty when unknown.
	Cost string
	// Phase replaces the rate while tasks are not running yet ("enqueueing").
	Phase string
}

// Pace of the output.
const (
	lineEvery = 10 * time.Second
	barEvery  = 100 * time.Millisecond
	// quiet keeps jobs that are over at once from flashing a bar.
	quiet = 300 * time.Millisecond
	// window is the time over which the rate is averaged.
	window = 10 * time.Second
)

// Bar prints the progress of one job. It is safe for concurrent use.
type Bar struct {
	w     io.Writer
	tty   bool
	label string
	total int
	now   func() time.Time

	mu      sync.Mutex // protects everything below
	started time.Time
	printed time.Time
	shown   bool
	last    Snapshot
	history []point
}

type point struct {
	at   time.Time
	done int
}

// New returns a bar for a job of total tasks. A nil w prints nothing.
func New(w io.Writer, label string, total int, now func() time.Time) *Bar {
	b := &Bar{w: w, tty: isTerminal(w), label: label, total: total, now: now}
	b.started = now()
	b.printed = b.started
	b.history = []point{{b.started, 0}}
	return b
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// Update takes a new snapshot and prints it when it is time to.
func (b *Bar) Update(s Snapshot) {
	if b.w == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	s.Done = max(s.Done, b.last.Done) // counts from different sources may lag, never go back
	b.last = s
	b.history = append(b.history, point{now, s.Done})
	for len(b.history) > 2 && now.Sub(b.history[0].at) > window {
		b.history = b.history[1:]
	}
	every := lineEvery
	if b.tty {
		every = barEvery
	}
	if now.Sub(b.started) < quiet || now.Sub(b.printed) < every {
		return
	}
	b.printed = now
	b.print(now)
}

func (b *Bar) print(now time.Time) {
	if b.tty {
		_, _ = fmt.Fprintf(b.w, "\r\x1b[K%s", b.bar(now))
		b.shown = true
		return
	}
	_, _ = fmt.Fprintf(b.w, "%s\n", b.line(now))
}

// Done ends the bar: it clears it from a terminal, so that only lasting lines stay.
func (b *Bar) Done() {
	if b.w == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		_, _ = fmt.Fprint(b.w, "\r\x1b[K")
		b.shown = false
	}
}

// barWidth is the width of the bar itself, in characters.
const barWidth = 24

func (b *Bar) bar(now time.Time) string {
	filled := 0
	if b.total > 0 {
		filled = min(b.last.Done*barWidth/b.total, barWidth)
	}
	return fmt.Sprintf("%s %s%s %s", b.label, strings.Repeat("━", filled), strings.Repeat("─", barWidth-filled), b.figures(now))
}

func (b *Bar) line(now time.Time) string { return b.label + ": " + b.figures(now) }

func (b *Bar) figures(now time.Time) string {
	parts := []string{fmt.Sprintf("%d %%", percent(b.last.Done, b.total)), Count(b.last.Done) + "/" + Count(b.total)}
	if b.last.Failed > 0 {
		parts = append(parts, Count(b.last.Failed)+" failed")
	}
	switch rate := b.rate(now); {
	case b.last.Phase != "":
		parts = append(parts, b.last.Phase)
	case rate > 0:
		parts = append(parts, Rate(rate), "ETA "+clock(time.Duration(float64(b.total-b.last.Done)/rate*float64(time.Second))))
	}
	if b.last.Workers > 0 {
		parts = append(parts, plural(b.last.Workers, "worker"))
	}
	if b.last.Cost != "" {
		parts = append(parts, b.last.Cost)
	}
	return strings.Join(parts, "  ")
}

// rate is tasks per second over the window.
func (b *Bar) rate(now time.Time) float64 {
	first := b.history[0]
	d := now.Sub(first.at).Seconds()
	if d <= 0 {
		return 0
	}
	return float64(b.last.Done-first.done) / d
}

func percent(done, total int) int {
	if total == 0 {
		return 0
	}
	return done * 100 / total
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Rate formats tasks per second.
func Rate(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return Count(int(perSecond)) + "/s"
}

// Count formats a number with thousands separators.
func Count(n int) string {
	s := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clock formats a duration as m:ss or h:mm:ss.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
