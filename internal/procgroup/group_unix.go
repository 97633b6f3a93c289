//go:build unix

package procgroup

import (
	"os/exec"
	"syscall"
)

// Own makes cmd start in a process group of its own, and makes the end of its
// context (exec.CommandContext) reach the whole group, politely: cmd.WaitDelay then kills the program.
// On Linux it also ends with this process.
func Own(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	withParent(cmd.SysProcAttr)
	if cmd.Cancel != nil {
		cmd.Cancel = func() error { return Terminate(cmd.Process.Pid) }
	}
}

// Terminate asks the group of the program with the process id to end (SIGTERM).
func Terminate(pid int) error { return syscall.Kill(-pid, syscall.SIGTERM) }

// Kill ends what is left of the group (SIGKILL).
func Kill(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }

// signalOf returns the signal that ended the program, if one did.
func signalOf(sys any) (name string, number int, ok bool) {
	ws, is := sys.(syscall.WaitStatus)
	if !is || !ws.Signaled() {
		return "", 0, false
	}
	return ws.Signal().String(), int(ws.Signal()), true
}
