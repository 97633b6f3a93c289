package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
)

func initCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "init",
		Usage:     "make the queue, its dead-letter queue and the table",
		UsageText: "starburst init --create [--name NAME]",
		Description: "Makes what is missing at whatever endpoint the AWS SDK is configured for and keeps what exists, then prints\n" +
			"the export lines that the other commands read.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "create", Usage: "really make them"},
			&cli.StringFlag{Name: "name", Value: stack.DefaultName, Usage: "`NAME` of the queue and the table"},
			&cli.DurationFlag{Name: "visibility", Value: time.Minute, Usage: "how long a dead worker's messages stay hidden"},
		},
		Action: func(c *cli.Context) error {
			if !c.Bool("create") {
				return exit.Errorf(exit.Usage, "init changes your account: say --create").WithHint("starburst init --create --name %s", c.String("name"))
			}
			clients, err := stack.Open(c.Context, stack.Stack{})
			if err != nil {
				return err
			}
			s, err := stack.Create(c.Context, clients, stack.Stack{Fleet: "default"}, stack.Options{Name: c.String("name"), Visibility: c.Duration("visibility")})
			if err != nil {
				return err
			}
			return printExports(c.App.Writer, s)
		},
	})
}

// printExports prints the lines that a shell reads with eval.
func printExports(w io.Writer, s stack.Stack) error {
	for _, kv := range s.Env() {
		k, v, _ := strings.Cut(kv, "=")
		if _, err := fmt.Fprintf(w, "export %s=%s\n", k, shellQuote(v)); err != nil {
			return err
		}
	}
	return nil
}

func shellQuote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
