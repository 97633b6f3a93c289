package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Number formats x with the given decimals and commas between thousands: 107,851.88.
func Number(x float64, decimals int) string {
	text := strconv.FormatFloat(math.Abs(x), 'f', decimals, 64)
	whole, fraction, found := strings.Cut(text, ".")
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return strconv.FormatFloat(x, 'f', decimals, 64)
	}
	var b strings.Builder
	if x < 0 && strings.Trim(text, "0.") != "" { // no "-0.00"
		b.WriteByte('-')
	}
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if found {
		b.WriteByte('.')
		b.WriteString(fraction)
	}
	return b.String()
}

// Count formats a whole number with commas between thousands: 10,000.
func Count(n int) string { return Number(float64(n), 0) }

// Plural formats a number of things: "1 task", "10,000 tasks".
func Plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Count(n) + " " + thing + "s"
}

// Percent formats a share (0.4684) as a percentage ("46.84 %").
func Percent(share float64, decimals int) string { return Number(100*share, decimals) + " %" }

// Seconds formats a duration for people: "38 ms" below a second, "1.42 s" above.
func Seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.0f ms", math.Ceil(float64(d)/float64(time.Millisecond)))
	}
	return Number(d.Seconds(), 2) + " s"
}
