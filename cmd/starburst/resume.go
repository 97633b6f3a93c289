package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
)

// resumable adds to an error of something that was sent in part the command that
// sends the rest. state is the local state it was sent to, if any.
func resumable(c *cli.Context, err error, state string) error {
	set := map[string]string{}
	if state != "" {
		set["state"] = state
	}
	e := &exit.Error{Code: exit.Partly, Err: err}
	partly, job := errors.AsType[*producer.PartlyEnqueuedError](err)
	if job {
		set["job"] = partly.Job
	}
	if _, changed := errors.AsType[*producer.ChangedError](err); changed {
		// The same command would not send the same tasks.
		local := ""
		if state != "" {
			local = "--state " + quoted(state) + " "
		}
		return e.WithHint("starburst cancel %s%s", local, partly.Job)
	}
	again := commandLine(c, set)
	if c.String("input") == "-" {
		again += "   (with the same standard input)"
	}
	return e.WithHint("%s", again)
}

// commandLine is the command as it was given, with other values for the flags in set.
func commandLine(c *cli.Context, set map[string]string) string {
	words := []string{"starburst", c.Command.FullName()}
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		value, replaced := set[name]
		switch {
		case replaced:
			words = append(words, "--"+name, quoted(value))
		case !c.IsSet(name):
		case isBool(f):
			words = append(words, "--"+name)
		default:
			values := []string{fmt.Sprint(c.Value(name))}
			if _, many := f.(*cli.StringSliceFlag); many {
				values = c.StringSlice(name)
			}
			for _, v := range values {
				words = append(words, "--"+name, quoted(v))
			}
		}
	}
	if takesProgram(c.Command.Name) {
		words = append(words, "--")
	}
	for _, a := range c.Args().Slice() {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

// quoted is the word as a POSIX shell takes it.
func quoted(word string) string {
	plain := word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=+@%^", r)
	}) < 0
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func isBool(f cli.Flag) bool {
	_, is := f.(*cli.BoolFlag)
	return is
}
