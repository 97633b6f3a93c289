package ecs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// Windows has neither process groups that can be signalled nor SIGTERM: a
// task's process, without its children, is terminated at once, and what it was
// doing is done again by another. This file is compiled, not tested.

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

func signalGroup(pid int, _ syscall.Signal) error {
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(pid))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return nil // gone
	}
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	if err := windows.TerminateProcess(h, 143); err != nil && !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return err // access is denied to what has already ended
	}
	return nil
}

func exitCode(state *os.ProcessState) int { return state.ExitCode() }

func reapAdopted(int, string) (exit *int) { return nil }

// identityOf returns when a process was created, in units of 100 ns.
func identityOf(pid int) (string, error) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return "", errGone
	}
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(h)
	var code uint32
	if err := windows.GetExitCodeProcess(h, &code); err != nil {
		return "", err
	}
	const stillActive = 259
	if code != stillActive {
		return "", errGone
	}
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(h, &created, &exited, &kernel, &user); err != nil {
		return "", err
	}
	return fmt.Sprint(created.Nanoseconds()), nil
}

func awaitExit(ctx context.Context, pid int, want string) error {
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

func findTasks(map[string]*task) (map[string]int, error) { return nil, nil }

func lookPath(file string, _ []string, dir string) (string, error) {
	if strings.ContainsAny(file, `/\`) && !filepath.IsAbs(file) && dir != "" {
		file = filepath.Join(dir, file)
	}
	return exec.LookPath(file)
}
