package localaws

import (
	"time"

	"golang.org/x/sys/windows"
)

// usage returns the processor time; the peak of memory is not told here.
func usage() (cpu time.Duration, peak int64) {
	var created, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &ended, &kernel, &user); err != nil {
		return 0, 0
	}
	ticks := func(f windows.Filetime) time.Duration { // of 100 ns
		return time.Duration(uint64(f.HighDateTime)<<32|uint64(f.LowDateTime)) * 100
	}
	return ticks(kernel) + ticks(user), 0
}

func resident() int64 { return 0 }
