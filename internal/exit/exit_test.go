package exit_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestCodesAndHintsAreFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	inner := exit.Errorf(exit.NotFound, "no job %q", "j").WithHint("look at %s", "status")
	wrapped := fmt.Errorf("open: %w", errors.Join(inner, errors.New("and more")))
	for _, c := range []struct {
		name string
		err  error
		code exit.Code
		hint string
	}{
		{"nil is success", nil, exit.OK, ""},
		{"an error that names no code failed", errors.New("x"), exit.Failed, ""},
		{"a code survives wrapping and joining", wrapped, exit.NotFound, "look at status"},
		{"the outer code wins, the inner hint stays", exit.Errorf(exit.Usage, "bad: %w", inner), exit.Usage, "look at status"},
	} {
		if got := exit.CodeOf(c.err); got != c.code {
			t.Errorf("%s: code %d, want %d", c.name, got, c.code)
		}
		if got := exit.HintOf(c.err); got != c.hint {
			t.Errorf("%s: hint %q, want %q", c.name, got, c.hint)
		}
	}
}

func TestTheTableNamesEachCodeOnce(t *testing.T) {
	t.Parallel()
	seen := map[exit.Code]bool{}
	for _, e := range exit.Table {
		if seen[e.Code] || e.Meaning == "" {
			t.Errorf("code %d is there twice or has no meaning", e.Code)
		}
		seen[e.Code] = true
	}
}
