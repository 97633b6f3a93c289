package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/consumer/child"
	"github.com/starburst-go/starburst/internal/exit"
)

// measureAction prints what one child does with tasks that do nothing.
func measureAction(c *cli.Context) error {
	argv := c.Args().Slice()
	if len(argv) == 0 {
		return exit.Errorf(exit.Usage, "no program was given").WithHint("starburst worker --bench -- python3 worker.py")
	}
	cfg, err := childConfig(c, argv)
	if err != nil {
		return err
	}
	f, err := child.Measure(c.Context, cfg)
	if err != nil {
		return exit.Errorf(exit.Failed, "%w", err).WithHint(protocolDoc)
	}
	_, err = fmt.Fprintln(c.App.Writer, f)
	return err
}

// selfTestAction plays the vectors and prints a line for each.
func selfTestAction(c *cli.Context) error {
	argv := c.Args().Slice()
	if len(argv) == 0 {
		return exit.Errorf(exit.Usage, "no program was given").WithHint("starburst worker --selftest -- python3 worker.py")
	}
	vectors, err := child.Vectors()
	if err != nil {
		return err
	}
	cfg, err := childConfig(c, argv)
	if err != nil {
		return err
	}
	cfg.Env = os.Environ()
	failed, n := 0, 0
	for r := range child.SelfTest(c.Context, cfg, vectors) {
		n++
		line := "ok      " + r.Vector.Name
		if r.Err != nil {
			failed++
			line = fmt.Sprintf("not ok  %s: %v", r.Vector.Name, r.Err)
			if last := strings.TrimSpace(r.Stderr); last != "" {
				line += "\n        standard error: " + strings.ReplaceAll(last, "\n", "\n        ")
			}
		}
		if _, err := fmt.Fprintln(c.App.Writer, line); err != nil {
			return err
		}
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	if failed > 0 {
		if left := len(vectors) - n; left > 0 {
			_, _ = fmt.Fprintf(c.App.ErrWriter, "the other %d vectors were not played: they begin with the hello too\n", left)
		}
		return exit.Errorf(exit.Failed, "%d of %d vectors failed", failed, n).WithHint("docs/worker-protocol.md has the rules")
	}
	_, err = fmt.Fprintf(c.App.ErrWriter, "all %d vectors hold\n", n)
	return err
}
