//go:build unix

package consumer

import (
	"os/exec"
	"syscall"
)

// ownGroup starts the program in its own process group and makes the end of its
// context reach the whole group, politely first.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}
