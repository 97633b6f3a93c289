//go:build unix

package usage

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

func own() Usage {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		return Usage{}
	}
	peak := ru.Maxrss
	if runtime.GOOS != "darwin" { // bytes there, KiB elsewhere
		peak <<= 10
	}
	return Usage{CPU: time.Duration(ru.Utime.Nano() + ru.Stime.Nano()), PeakRSS: peak}
}
