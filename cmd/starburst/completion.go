package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

func completionCommand() *cli.Command {
	return command(&cli.Command{
		Name: "completion", Usage: "print the completion script of a shell",
		UsageText: "starburst completion " + strings.Join(manual.Shells(), "|") + "\n" +
			"source <(starburst completion bash)                            bash; put it into ~/.bashrc\n" +
			"starburst completion zsh >\"${fpath[1]}/_starburst\"             zsh\n" +
			"starburst completion fish >~/.config/fish/completions/starburst.fish  fish\n" +
			"starburst completion powershell | Out-String | Invoke-Expression  PowerShell",
		Description: "Completes commands, flags, the values of flags that have few, and the ids of recent jobs.",
		Action: func(c *cli.Context) error {
			shell, err := oneArgument(c, "SHELL")
			if err != nil {
				return err
			}
			text, ok := manual.Script(shell)
			if !ok {
				return exit.Errorf(exit.Usage, "there is no completion for %q", shell).WithHint("starburst completion %s", strings.Join(manual.Shells(), "|"))
			}
			_, err = fmt.Fprint(c.App.Writer, text)
			return err
		},
	})
}

func manCommand() *cli.Command {
	return command(&cli.Command{
		Name: "man", Usage: "print the manual page",
		UsageText: "starburst man | man -l -                                       read it\n" +
			"starburst man >/usr/local/share/man/man1/starburst.1            install it",
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprint(c.App.Writer, tree().Man())
			return err
		},
	})
}

// Bounds of the job ids that a completion offers: a person waits for it.
const (
	completeFor   = time.Second
	completeJobs  = 50
	completeSince = 30 * 24 * time.Hour
)

// completeCommand is what the shells' scripts call.
func completeCommand() *cli.Command {
	return command(&cli.Command{
		Name: "__complete", Usage: "print what may follow on a command line", Hidden: true,
		UsageText:   "starburst __complete --typed=WORD -- [WORDS BEFORE IT]",
		Description: "A word a line, what it means behind a tab. The line :files stands for the names of files. It is silent when something is wrong.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "typed", Usage: "what there is of the `WORD`"}},
		Action: func(c *cli.Context) error {
			typed := c.String("typed")
			found := tree().Complete(c.Args().Slice(), typed)
			if found.Jobs {
				ctx, cancel := context.WithTimeout(c.Context, completeFor)
				defer cancel()
				for _, id := range recentJobs(ctx) {
					if strings.HasPrefix(id, typed) {
						found.Candidates = append(found.Candidates, manual.Candidate{Word: id, Usage: "a job"})
					}
				}
			}
			return printCandidates(c, found)
		},
	})
}

func printCandidates(c *cli.Context, found manual.Completion) error {
	w := bufio.NewWriter(c.App.Writer)
	for _, k := range found.Candidates {
		_, _ = w.WriteString(k.Word)
		if k.Usage != "" {
			_, _ = w.WriteString("\t" + k.Usage)
		}
		_ = w.WriteByte('\n') // Flush tells
	}
	if found.Files {
		_, _ = w.WriteString(":files\n")
	}
	return w.Flush()
}

// recentJobs are the ids of the newest jobs of the stack, none when it cannot be asked.
func recentJobs(ctx context.Context) (ids []string) {
	s, err := findStack(ctx)
	if err != nil {
		return nil
	}
	clients, err := stack.Open(ctx, s)
	if err != nil {
		return nil
	}
	for j, err := range store.New(clients.DB, s.Table).Jobs(ctx, time.Now().Add(-completeSince)) {
		if err != nil || len(ids) == completeJobs {
			break
		}
		ids = append(ids, j.ID)
	}
	return ids
}
