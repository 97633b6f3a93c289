package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
)

func helpCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "help",
		Usage: "show the help of a command, or a page about a topic",
		UsageText: "starburst help run\nstarburst help dlq redrive\nstarburst help exit-codes       a topic; starburst help lists them\n" +
			"starburst help --all            the help of every command\nstarburst help --markdown       the same as one page of Markdown",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "print the help of every command, also of those that no list shows"},
			&cli.BoolFlag{Name: "markdown", Usage: "print the reference of all commands as Markdown"},
		},
		Action: helpAction,
	})
}

func helpAction(c *cli.Context) error {
	t, path := tree(), c.Args().Slice()
	switch {
	case c.Bool("markdown"):
		_, err := fmt.Fprint(c.App.Writer, t.Markdown())
		return err
	case c.Bool("all"):
		return helpOfAll(c, t)
	case len(path) > 0 && t.Help(path...) == "":
		return noHelp(t, path)
	}
	return printHelp(c.App, path)
}

// helpOfAll prints each help text under a line with the command's name.
func helpOfAll(c *cli.Context, t manual.Tree) error {
	if _, err := fmt.Fprintf(c.App.Writer, "==> %s\n%s", t.Name, t.Root()); err != nil {
		return err
	}
	for path := range t.All() {
		if _, err := fmt.Fprintf(c.App.Writer, "\n==> %s %s\n%s", t.Name, strings.Join(path, " "), t.Help(path...)); err != nil {
			return err
		}
	}
	for _, topic := range t.Topics {
		if _, err := fmt.Fprintf(c.App.Writer, "\n==> %s help %s\n%s", t.Name, topic.Name, t.Help(topic.Name)); err != nil {
			return err
		}
	}
	return nil
}

func noHelp(t manual.Tree, path []string) error {
	var names []string
	for p := range t.All() {
		names = append(names, strings.Join(p, " "))
	}
	for _, topic := range t.Topics {
		names = append(names, topic.Name)
	}
	typed := strings.Join(path, " ")
	e := exit.Errorf(exit.Usage, "there is no command and no topic %q", typed)
	if near := manual.Nearest(typed, names); near != "" {
		return e.WithHint("did you mean: starburst help %s", near)
	}
	return e.WithHint("starburst help lists both")
}

func exitCodesCommand() *cli.Command {
	return command(&cli.Command{
		Name: "exit-codes", Usage: "list the exit codes", Hidden: true, // starburst help exit-codes says it in the one place
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprint(c.App.Writer, exitCodes())
			return err
		},
	})
}
