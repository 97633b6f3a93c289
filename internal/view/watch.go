package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/starburst-go/starburst/store"
)

// patience is how many looks in a row may fail before Watch gives up.
const patience = 5

// Watch looks every interval until the job is over, and hands each state to show. It returns the last state. The error is
// the cause of ctx's end, show's, or that of a look: the first one's, one that finds no job, or the fifth in a row.
func Watch(ctx context.Context, look func(ctx context.Context, now time.Time) (State, error), interval time.Duration, show func(State) error) (State, error) {
	var last State
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for failed := 0; ; {
		s, err := look(ctx, time.Now())
		switch {
		case ctx.Err() != nil:
			return last, context.Cause(ctx)
		case err != nil:
			failed++
			if last.Job == "" || failed == patience || errors.Is(err, store.ErrNotFound) {
				return last, err
			}
		default:
			failed, last = 0, s
			if err := show(s); err != nil || s.Over() {
				return s, err
			}
		}
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// Terminal draws states in place of each other.
type Terminal struct {
	W io.Writer
	// Width is how many characters a line has room for; longer ones are cut, so that the lines can be counted.
	Width func() int
	drawn int
}

// Show draws a state over the last one.
func (t *Terminal) Show(s State) error {
	var b strings.Builder
	if t.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", t.drawn)
	}
	lines := Screen(s)
	for _, l := range lines {
		b.WriteString(cut(l, t.Width()))
		b.WriteByte('\n')
	}
	t.drawn = len(lines)
	_, err := io.WriteString(t.W, b.String())
	return err
}

// cut shortens a line to what there is room for. Wide characters of handlers' messages are counted as one: they may
// spoil a line, not more.
func cut(line string, width int) string {
	r := []rune(line)
	if width <= 1 || len(r) < width {
		return line
	}
	return string(r[:width-2]) + "…"
}

// Lines prints a state as a line, no more often than Every, and the last one.
type Lines struct {
	W     io.Writer
	Every time.Duration
	last  time.Time
}

// Show prints the state when it is time to.
func (l *Lines) Show(s State) error {
	if !s.Over() && !l.last.IsZero() && s.At.Sub(l.last) < l.Every {
		return nil
	}
	l.last = s.At
	_, err := fmt.Fprintln(l.W, Line(s))
	return err
}
