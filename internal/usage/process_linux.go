package usage

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc/PID/stat; it is 10 ms on every Linux that Go runs on (USER_HZ).
const tick = 10 * time.Millisecond

// Of returns what another process has used so far.
func Of(pid int) (Usage, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	// The name, in parentheses, may contain anything; user and system time are the 12th and 13th field after it.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return Usage{}, fmt.Errorf("usage of process %d: /proc tells %q", pid, b)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("usage of process %d: %w", pid, err)
		}
		ticks += n
	}
	return Usage{CPU: time.Duration(ticks) * tick, PeakRSS: highWaterMark(strconv.Itoa(pid))}, nil
}

// Resident returns a process's resident memory, in bytes: 0 when the system does not tell, and when it has ended.
func Resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b) // in pages; the second is the resident ones
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
