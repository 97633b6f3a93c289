package sqsbatch

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

var textType = aws.String("String")

// traceHeader writes a W3C traceparent (00-<32 digits>-<16 digits>-<2 digits>) as X-Ray does: the trace's first 8 digits
// are called its time. X-Ray once held them to be one; since 2023 it takes any (X-Ray developer guide, "Sending trace data").
// What is not a traceparent of version 00 gives "".
func traceHeader(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) != 4 || parts[0] != "00" || !isHex(parts[1], 32) || !isHex(parts[2], 16) || !isHex(parts[3], 2) {
		return ""
	}
	sampled := "0"
	if strings.IndexByte("13579bdf", parts[3][1]) >= 0 { // the lowest bit (W3C Trace Context, trace-flags)
		sampled = "1"
	}
	return "Root=1-" + parts[1][:8] + "-" + parts[1][8:] + ";Parent=" + parts[2] + ";Sampled=" + sampled
}

// isHex reports whether s has n lower-case hexadecimal digits.
func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}
