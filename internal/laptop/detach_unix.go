//go:build unix

package laptop

import (
	"os/exec"
	"syscall"
)

// detach keeps the terminal's Ctrl-C from the process: the caller decides when it ends.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
