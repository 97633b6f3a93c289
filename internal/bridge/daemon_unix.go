//go:build unix

package bridge

import (
	"os/exec"
	"syscall"
)

// ownSession keeps the end of the terminal, and its Ctrl-C, from the process.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
