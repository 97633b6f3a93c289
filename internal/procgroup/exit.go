package procgroup

import (
	"fmt"
	"os"
)

// killedStatus is the exit status by which shells and container runtimes tell
// that a program was killed: 128 + SIGKILL.
const (
	sigKill      = 9 // POSIX
	killedStatus = 128 + sigKill
)

// Exit is how a program ended.
type Exit struct {
	// Code is the exit status; −1 when a signal ended the program.
	Code int
	// Signal names the signal that ended it, Number is its number; empty and 0 when it exited.
	Signal string
	Number int
	// Killed: by SIGKILL, or with the status 137, which says the same of a program's own child.
	Killed bool
}

// ExitOf reads how a program ended.
func ExitOf(s *os.ProcessState) Exit {
	e := Exit{Code: s.ExitCode()}
	if name, number, ok := signalOf(s.Sys()); ok {
		e.Signal, e.Number = name, number
	}
	e.Killed = e.Number == sigKill || e.Code == killedStatus
	return e
}

// String says how the program ended, for people.
func (e Exit) String() string {
	switch {
	case e.Killed:
		// Nobody but the kernel can be told apart from outside, and it is the one who does this most.
		return "out of memory, or killed from outside (SIGKILL, exit status 137)"
	case e.Signal != "":
		return "ended by a signal: " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Code)
}
