// Package testmain is what the TestMain functions of packages share whose tests
// start processes and speak to the local endpoint: a state directory that goes
// away, and a look for goroutines left behind.
package testmain

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Run runs the tests with a temporary XDG_STATE_HOME and XDG_CONFIG_HOME and returns the exit code.
func Run(m *testing.M) int {
	home, err := os.MkdirTemp("", "starburst-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(home) }() // the tests' outcome counts
	for _, name := range []string{"XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		if err := os.Setenv(name, home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	code := m.Run()
	if code == 0 {
		code = Leaks()
	}
	return code
}

// Leaks returns 1 and says so when goroutines are left, 0 otherwise. Idle
// connections of the SDK's HTTP clients are not leaks: their pool closes them.
func Leaks() int {
	err := goleak.Find(
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
