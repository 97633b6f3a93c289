package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// line is a command line in the order that the library wants: global flags, the command, its flags, its arguments.
type line struct {
	globals, path, flags, rest []string
	// help is true when --help is among the flags.
	help bool
}

// args are the words for the library; the first is the program's name.
func (l line) args(program string) []string {
	return slices.Concat([]string{program}, l.globals, l.path, l.flags, l.rest)
}

// arrange moves the flags of a command in front of its arguments, so that
// `starburst results JOB -o csv` works (the library stops at the first
// argument), and the global ones in front of its name. What follows "--" stays as it is, and so does
// everything behind the first argument of commands whose arguments are a program with flags of its own.
func arrange(app *cli.App, words []string) (l line) {
	i := 0
	for ; i < len(words) && isFlag(words[i]); i++ {
		l.global(app, words, &i)
	}
	var cmd *cli.Command
	if i < len(words) {
		cmd = app.Command(words[i])
	}
	if cmd == nil { // no command, or an unknown one
		l.rest = words[i:]
		return l
	}
	program := takesProgram(cmd.Name)
	l.path = append(l.path, cmd.Name)
	for i++; i < len(words); i++ {
		sub := subcommand(cmd, words[i])
		if sub == nil {
			break
		}
		cmd, l.path = sub, append(l.path, sub.Name)
	}
	for ; i < len(words); i++ {
		a := words[i]
		switch {
		case a == "--":
			l.rest = append(l.rest, words[i:]...)
			return l
		case !isFlag(a) && program:
			l.rest = append(l.rest, words[i:]...)
			return l
		case !isFlag(a):
			l.rest = append(l.rest, a)
		case hasFlag(cmd.Flags, a) == nil && hasFlag(app.Flags, a) != nil:
			l.global(app, words, &i)
		case needsValue(cmd.Flags, a) && i+1 == len(words):
			// Its value is missing: an argument must not become it. Behind no argument, the library says so.
			l.flags, l.rest = append(l.flags, a), nil
		default:
			l.flags = append(l.flags, a)
			if needsValue(cmd.Flags, a) {
				i++
				l.flags = append(l.flags, words[i])
			}
		}
	}
	return l
}

// global takes the flag at words[*i] for a global one, with its value.
func (l *line) global(app *cli.App, words []string, i *int) {
	a := words[*i]
	if name := flagName(a); name == "help" || name == "h" {
		l.help = true
		return
	}
	l.globals = append(l.globals, a)
	if needsValue(app.Flags, a) && *i+1 < len(words) {
		*i++
		l.globals = append(l.globals, words[*i])
	}
}

func subcommand(c *cli.Command, name string) *cli.Command {
	for _, sub := range c.Subcommands {
		if sub.HasName(name) {
			return sub
		}
	}
	return nil
}

func isFlag(a string) bool { return len(a) > 1 && a[0] == '-' && a != "--" }

// flagName is the name in a word such as --name=value.
func flagName(a string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
	return name
}

// hasFlag finds the flag that a word names; nil when there is none.
func hasFlag(flags []cli.Flag, a string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), flagName(a)) {
			return f
		}
	}
	return nil
}

// needsValue reports whether the flag's value is the next argument. An unknown
// flag is left for the library to refuse.
func needsValue(flags []cli.Flag, a string) bool {
	if strings.Contains(a, "=") {
		return false
	}
	f := hasFlag(flags, a)
	if f == nil {
		return false
	}
	_, isBool := f.(*cli.BoolFlag)
	return !isBool
}
