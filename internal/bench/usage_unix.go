//go:build unix

package bench

import (
	"runtime"
	"syscall"
	"time"
)

// own is this process's usage so far.
func own() Usage {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return Usage{}
	}
	peak := int64(ru.Maxrss) //nolint:unconvert // 32 bits on some systems
	if runtime.GOOS != "darwin" {
		peak <<= 10 // kilobytes everywhere but on macOS
	}
	return Usage{CPU: time.Duration(ru.Utime.Nano() + ru.Stime.Nano()), PeakRSS: peak}
}
