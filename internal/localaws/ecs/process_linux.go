package ecs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// identityOf returns the boot's id and the process's start time in clock ticks
// since that boot: together with the pid it names one process for ever. A
// zombie is errGone.
func identityOf(pid int) (string, error) {
	state, ticks, err := stat(pid)
	if err != nil {
		return "", err
	}
	if state == "Z" || state == "X" {
		return "", errGone
	}
	return identity(ticks)
}

func identity(ticks string) (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("boot id: %w", err)
	}
	return strings.TrimSpace(string(boot)) + "/" + ticks, nil
}

func isZombie(pid int, want string) bool {
	state, ticks, err := stat(pid)
	if err != nil || state != "Z" {
		return false
	}
	got, err := identity(ticks)
	return err == nil && got == want
}

// stat returns a process's state letter and its start time, fields 3 and 22 of
// /proc/<pid>/stat (proc_pid_stat(5)). Field 2, the command, may hold anything,
// so counting begins after its closing parenthesis.
func stat(pid int) (state, ticks string, err error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			return "", "", errGone
		}
		return "", "", err
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 20 {
		return "", "", fmt.Errorf("/proc/%d/stat: %d fields after the command", pid, len(fields))
	}
	return fields[0], fields[19], nil
}

// awaitExit returns nil when the process has ended. It waits on a pidfd in the
// runtime's poller: no thread is held while waiting, and it can be cancelled.
func awaitExit(ctx context.Context, pid int, want string) error {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	switch {
	case errors.Is(err, unix.ESRCH):
		return nil
	case err != nil: // a kernel before 5.10, or a sandbox
		return pollExit(ctx, pid, want)
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = f.Close() }() // a number, no data
	// The pid may have changed hands before the pidfd was opened.
	if now, err := identityOf(pid); err != nil || now != want {
		return nil
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return pollExit(ctx, pid, want)
	}
	defer context.AfterFunc(ctx, func() { _ = f.Close() })()
	ended := func(fd uintptr) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		return err == nil && n > 0
	}
	if err := conn.Read(ended); err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return pollExit(ctx, pid, want)
}

// pollExit looks every 100 ms.
func pollExit(ctx context.Context, pid int, want string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if now, err := identityOf(pid); err != nil || now != want {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// findTasks looks for processes that belong to the given tasks, by the task id
// in the metadata URI of their environment: what an endpoint started and was
// killed before it could record. It returns session leaders only, so no task's
// children.
func findTasks(wanted map[string]*task) (pids map[string]int, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	pids = map[string]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid <= 1 {
			continue
		}
		raw, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil {
			continue // another user's, or gone
		}
		// Any endpoint's address: this one may listen on another port.
		uri := lookupEnv(strings.Split(string(raw), "\x00"), metadataVariable)
		_, path, _ := strings.Cut(uri, AgentPath)
		id, _, _ := strings.Cut(path, "/")
		if wanted[id] == nil {
			continue
		}
		if sid, err := unix.Getsid(pid); err == nil && sid == pid {
			pids[id] = pid
		}
	}
	return pids, nil
}
