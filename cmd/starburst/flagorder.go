package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves the flags of a command in front of its arguments, so that
// `starburst results JOB -o csv` works: the library stops at the first
// argument. What follows "--" stays as it is, and so does everything of commands
// whose arguments are a program with flags of its own.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 3 {
		return args
	}
	cmd := app.Command(args[1])
	if cmd == nil || takesProgram(cmd.Name) {
		return args
	}
	names := 2 // the program and the command, with its subcommand
	for _, sub := range cmd.Subcommands {
		if sub.Name == args[names] {
			cmd, names = sub, names+1
			break
		}
	}
	var flags, rest []string
	for i := names; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		if needsValue(cmd, a) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	return slices.Concat(args[:names], flags, rest)
}

func takesProgram(command string) bool {
	return command == "run" || command == "worker" || command == "dev"
}

// needsValue reports whether the flag's value is the next argument. An unknown
// flag is left for the library to refuse.
func needsValue(cmd *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range cmd.Flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}
