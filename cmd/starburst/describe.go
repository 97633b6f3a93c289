package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/manual"
)

// tree describes the command line, as the one place that reads the library's commands and flags.
func tree() manual.Tree {
	t := manual.Tree{
		Name: "starburst", Usage: "burst embarrassingly parallel work from a laptop to AWS",
		Examples: []string{
			"starburst run -- echo hello {} ::: Ada Grace    a program per input, right here",
			"starburst dev -- ./my-program                   a stack on this machine",
			"starburst submit exec --input tasks.jsonl       send it a job, get the job's id",
			"starburst watch JOB                             look on",
			"starburst results JOB -o csv                    collect what came out",
		},
		Globals: flagsOf(globalFlags()),
		Topics:  topics(),
		Learn:   "docs/commands.md has all of this on one page; starburst man prints a manual page. Start with README.md.",
	}
	for _, g := range groups() {
		of := manual.Group{Title: g.title}
		for _, construct := range g.commands {
			of.Commands = append(of.Commands, described(construct()))
		}
		t.Groups = append(t.Groups, of)
	}
	return t
}

func described(c *cli.Command) manual.Command {
	d := manual.Command{
		Name: c.Name, Usage: c.Usage, Aliases: c.Aliases, Description: c.Description, Flags: flagsOf(c.Flags), Hidden: c.Hidden, Program: takesProgram(c.Name),
	}
	for line := range strings.SplitSeq(c.UsageText, "\n") {
		if strings.TrimSpace(line) != "" {
			d.Examples = append(d.Examples, line)
		}
	}
	if _, last, _ := strings.Cut(strings.SplitN(c.UsageText, "\n", 2)[0], c.Name+" "); strings.Contains(last, "|") && !strings.ContainsAny(last, " -'[") && last == strings.ToLower(last) {
		d.Choices = strings.Split(last, "|")
	}
	for _, sub := range c.Subcommands {
		d.Commands = append(d.Commands, described(sub))
	}
	return d
}

func flagsOf(flags []cli.Flag) []manual.Flag {
	var list []manual.Flag
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		value, usage := placeholder(doc.GetUsage())
		if !doc.TakesValue() {
			value = ""
		} else if value == "" {
			value = strings.ToUpper(kindOf(f))
		}
		// The value says already what it may be.
		usage = strings.TrimPrefix(strings.TrimPrefix(usage, value), "; ")
		d := manual.Flag{Names: f.Names(), Value: value, Usage: usage, Default: defaultOf(doc), Env: doc.GetEnvVars()}
		if v, ok := f.(cli.VisibleFlag); ok {
			d.Hidden = !v.IsVisible()
		}
		list = append(list, d)
	}
	return list
}

// placeholder finds the word in back-quotes that stands for a flag's value.
func placeholder(usage string) (value, text string) {
	before, rest, found := strings.Cut(usage, "`")
	if !found {
		return "", usage
	}
	value, after, _ := strings.Cut(rest, "`")
	return value, before + value + after
}

func kindOf(f cli.Flag) string {
	switch f.(type) {
	case *cli.IntFlag, *cli.Int64Flag, *cli.UintFlag, *cli.Uint64Flag:
		return "n"
	case *cli.Float64Flag:
		return "number"
	case *cli.DurationFlag:
		return "duration"
	}
	return "text"
}

// defaultOf is the default as it is shown: none that says nothing, and none of the machine that renders the help.
func defaultOf(f cli.DocGenerationFlag) string {
	switch text := f.GetDefaultText(); {
	case !f.TakesValue() && text == "false", text == "", text == "0", text == "0s", text == `""`:
		return ""
	default:
		return strings.Trim(text, `"`)
	}
}

// printHelp prints the help of a command or a topic, or that of the whole for an empty path.
func printHelp(app *cli.App, path []string) error {
	text := tree().Root()
	if len(path) > 0 {
		text = tree().Help(path...)
	}
	_, err := fmt.Fprint(app.Writer, text)
	return err
}
