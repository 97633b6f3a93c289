package ui

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// stamp writes a time of day.
func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// stateWord is what people call the state of a job.
func stateWord(s view.State) string {
	switch {
	case s.State == store.Cancelled:
		return "cancelled"
	case s.Over() && s.Tasks.Failed > 0:
		return "done, with failures"
	case s.Over():
		return "done"
	case s.Tasks.Retrying > 0:
		return "retrying"
	case s.State == store.Open:
		return "sending"
	}
	return "running"
}

// bar is how tasks stand, in percent of all, for a drawing 100 wide.
type bar struct {
	OK, Failed, End string
	Percent         int
	Text            string
}

func barOf(t view.Tasks) bar {
	width := func(n int) string {
		if t.Total == 0 {
			return "0"
		}
		return strconv.FormatFloat(100*float64(n)/float64(t.Total), 'f', 2, 64)
	}
	return bar{OK: width(t.OK), Failed: width(t.Failed), End: width(t.Done()), Percent: t.Percent(), Text: strconv.Itoa(t.Percent()) + " %"}
}

// join puts two remarks after each other.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// oneLine makes a line of what somebody may have written into the table: without what only steers, at most so many characters.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
