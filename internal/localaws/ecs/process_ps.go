//go:build unix && !linux

package ecs

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// identityOf returns when a process was started, as ps prints it, to the second. A
// zombie is errGone.
func identityOf(pid int) (string, error) {
	state, started, err := ps(pid)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(state, "Z") {
		return "", errGone
	}
	return started, nil
}

func isZombie(pid int, want string) bool {
	state, started, err := ps(pid)
	return err == nil && strings.HasPrefix(state, "Z") && started == want
}

func ps(pid int) (state, started string, err error) {
	cmd := exec.Command("/bin/ps", "-o", "state=,lstart=", "-p", strconv.Itoa(pid))
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"} // comparable between two endpoints
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", "", errGone
	} else if err != nil {
		return "", "", err
	}
	state, started, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return state, strings.Join(strings.Fields(started), " "), nil
}

// awaitExit returns nil when the process has ended or is a zombie. Signal 0
// reaches zombies too, so ps has to tell; it is asked every 100 ms in the
// second after a start, when crash loops are decided, and every second later.
//
// A kqueue with NOTE_EXIT would be exact and cheaper; it waits for somebody who
// can test it on such a system.
func awaitExit(ctx context.Context, pid int, want string) error {
	const quick, slow = 100 * time.Millisecond, time.Second
	begun := time.Now()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return nil
		}
		if now, err := identityOf(pid); err != nil || now != want {
			return nil
		}
		if time.Since(begun) < time.Second {
			pause.Reset(quick)
		} else {
			pause.Reset(slow)
		}
	}
}

// findTasks cannot look into other processes' environments here.
func findTasks(map[string]*task) (map[string]int, error) { return nil, nil }
