//go:build unix && !linux

package procgroup

import "syscall"

// withParent is for Linux only: elsewhere a program that is busy ends when it next looks at its parent's pipe.
func withParent(*syscall.SysProcAttr) {}
