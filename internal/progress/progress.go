// Package progress writes the numbers of a job's progress for people.
package progress

import (
	"fmt"
	"strconv"
)

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
