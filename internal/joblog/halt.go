package joblog

import (
	"fmt"
	"strconv"
	"strings"
)

// Halt says when to start no further tasks, as --halt of GNU parallel does. The zero value means never.
type Halt struct {
	// Now also ends the tasks that run; otherwise they may finish.
	Now bool
	// On is what is counted: "fail", "success" or "done"; empty for never.
	On string
	// Count of such tasks; or, when it is not zero, Percent of all tasks of the job.
	Count   int
	Percent float64
}

// percentFrom is how many tasks must have ended before a percentage says anything (GNU parallel: more than three).
const percentFrom = 3

// ParseHalt reads never, soon,fail=1, now,success=3, soon,done=10%, and the older 0, 1, 2 and 10%.
func ParseHalt(text string) (Halt, error) {
	switch text {
	case "", "never", "0":
		return Halt{}, nil
	case "1":
		return Halt{On: "fail", Count: 1}, nil
	case "2":
		return Halt{Now: true, On: "fail", Count: 1}, nil
	}
	bad := fmt.Errorf("%q is not never, soon,fail=N, now,fail=N, soon,success=N%%, now,done=N or the like", text)
	if p, ok := percent(text); ok {
		return Halt{On: "fail", Percent: p}, nil
	}
	when, rest, ok := strings.Cut(text, ",")
	on, value, ok2 := strings.Cut(rest, "=")
	if !ok || !ok2 || when != "soon" && when != "now" || on != "fail" && on != "success" && on != "done" {
		return Halt{}, bad
	}
	h := Halt{Now: when == "now", On: on}
	if p, ok := percent(value); ok {
		h.Percent = p
		return h, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return Halt{}, bad
	}
	h.Count = n
	return h, nil
}

func percent(text string) (float64, bool) {
	number, ok := strings.CutSuffix(text, "%")
	p, err := strconv.ParseFloat(number, 64)
	return p, ok && err == nil && p > 0 && p <= 100
}

// Reached reports whether, of total tasks, enough have ended that way.
func (h Halt) Reached(ok, failed, total int) bool {
	var n int
	switch h.On {
	case "":
		return false
	case "fail":
		n = failed
	case "success":
		n = ok
	default:
		n = ok + failed
	}
	if h.Percent > 0 {
		return ok+failed > percentFrom && float64(n)*100 >= h.Percent*float64(total)
	}
	return n >= h.Count
}

// String is the text that ParseHalt reads.
func (h Halt) String() string {
	if h.On == "" {
		return "never"
	}
	when := "soon"
	if h.Now {
		when = "now"
	}
	if h.Percent > 0 {
		return fmt.Sprintf("%s,%s=%v%%", when, h.On, h.Percent)
	}
	return fmt.Sprintf("%s,%s=%d", when, h.On, h.Count)
}
