//go:build unix

package ecs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// ownGroup gives a process a session of its own, and with it a group.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// signalGroup signals a group; one that is gone is no error.
func signalGroup(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(-pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// exitCode is what a shell and a container report: 128 + n for signal n.
func exitCode(state *os.ProcessState) int {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok {
		return state.ExitCode() // not on Unix
	}
	return codeOf(status)
}

func codeOf(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// reapAdopted reaps an adopted process in the one case where that is ours to
// do: an earlier Service of this same operating system process started it.
func reapAdopted(pid int, identity string) (exit *int) {
	if !isZombie(pid, identity) {
		return nil
	}
	var status syscall.WaitStatus
	if got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err != nil || got != pid {
		return nil
	}
	return new(codeOf(status))
}

// lookPath finds a program as the task would: in the PATH of its environment,
// relative to its directory. exec.LookPath would use the endpoint's.
func lookPath(file string, env []string, dir string) (string, error) {
	if strings.Contains(file, "/") {
		if filepath.IsAbs(file) || dir == "" {
			return file, nil
		}
		return filepath.Join(dir, file), nil
	}
	for _, d := range filepath.SplitList(lookupEnv(env, "PATH")) {
		if !filepath.IsAbs(d) {
			continue // "." in PATH: not for programs that a task names
		}
		path := filepath.Join(d, file)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &exec.Error{Name: file, Err: exec.ErrNotFound}
}
