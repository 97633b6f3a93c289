package procgroup

import "syscall"

// withParent makes the kernel kill the program (SIGKILL) when the parent is gone, however it went: a program
// that is busy would not notice, and go on for nobody. The kernel goes by the thread that
// started it; the runtime ends a thread only with a goroutine that locked it, which none here does.
func withParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
