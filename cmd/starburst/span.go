package main

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

// maxSpan is the longest time that can be said: ten years.
const maxSpan = 3660 * 24 * time.Hour

// span reads a duration that may also be in days or weeks: 90m, 36h, 30d, 2w.
func span(flag, text string) (time.Duration, error) {
	wrong := exit.Errorf(exit.Usage, "--%s %q is no length of time", flag, text).WithHint("--%s 90m, --%s 36h, --%s 30d, --%s 2w", flag, flag, flag, flag)
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, is := strings.CutSuffix(text, unit); is {
			f, err := strconv.ParseFloat(n, 64)
			if err != nil || !(f > 0) || f*float64(length) > math.MaxInt64/2 {
				return 0, wrong
			}
			return min(time.Duration(f*float64(length)), maxSpan), nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, wrong
	}
	return min(d, maxSpan), nil
}
