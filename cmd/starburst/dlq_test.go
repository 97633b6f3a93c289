package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestDLQOfAQuietStack(t *testing.T) {
	startDev(t, "echo")
	if got := starburst(t.Context(), "", "dlq", "ls"); got.code != exit.OK || !strings.Contains(got.stderr, "is empty") {
		t.Errorf("ls: %+v", got)
	}
	var lines []deadLine
	got := starburst(t.Context(), "", "dlq", "ls", "-o", "json")
	if err := json.Unmarshal([]byte(got.stdout), &lines); err != nil || len(lines) != 0 {
		t.Errorf("ls -o json: %v, %+v", err, got)
	}
	for _, c := range []struct {
		code exit.Code
		args []string
	}{
		{exit.Usage, []string{"dlq", "ls", "-o", "xml"}},
		{exit.NotFound, []string{"dlq", "show", "nosuch"}},
		{exit.Usage, []string{"dlq", "show"}},
		{exit.Usage, []string{"dlq", "purge"}},
		{exit.OK, []string{"dlq", "purge", "--yes"}},
		{exit.OK, []string{"dlq", "redrive", "--rate", "100"}},
	} {
		if got := starburst(t.Context(), "", c.args...); got.code != c.code {
			t.Errorf("%v: exit %d, want %d: %s", c.args, got.code, c.code, got.stderr)
		}
	}
}
