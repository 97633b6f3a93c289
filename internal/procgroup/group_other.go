//go:build !unix

package procgroup

import (
	"os"
	"os/exec"
)

// Own leaves the default: the program alone is ended.
func Own(*exec.Cmd) {}

// Terminate ends the program: there is no polite way here.
func Terminate(pid int) error { return Kill(pid) }

// Kill ends the program.
func Kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

func signalOf(any) (name string, number int, ok bool) { return "", 0, false }
