package procgroup

import (
	"os/exec"
	"syscall"
)

// DieWithThread makes the kernel kill the program when the thread that starts it ends, as all
// do when this process is killed. The caller must start it from a goroutine that is locked to its thread
// (runtime.LockOSThread) and outlives it.
func DieWithThread(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
