package manual

import (
	"iter"
	"slices"
	"strings"
)

// Tree describes a command line: a program with commands in groups.
type Tree struct {
	// Name of the program, and in half a sentence what it does.
	Name, Usage string
	// Examples are command lines, each with a remark behind at least two spaces.
	Examples []string
	Groups   []Group
	// Globals are the flags that every command takes.
	Globals []Flag
	// Topics are the pages of help that belong to no command.
	Topics []Topic
	// Learn is where to read on.
	Learn string
}

// Group is a heading with its commands.
type Group struct {
	Title    string
	Commands []Command
}

// Command describes one command.
type Command struct {
	Name, Usage string
	// Aliases are other names of it, which no list shows.
	Aliases []string
	// Examples are command lines; a remark stands behind at least two spaces.
	Examples []string
	// Description is text in paragraphs. Its line ends mean nothing, except before and after a line that begins with a space.
	Description string
	Flags       []Flag
	// Commands are those below it.
	Commands []Command
	// Choices are what the argument may be, when it is one of a few words.
	Choices []string
	// Hidden commands work and have help, but are in no list.
	Hidden bool
	// Program is true when the arguments are another program's command line, whose flags are not ours.
	Program bool
}

// Flag describes one flag.
type Flag struct {
	// Names without hyphens, the usual one first.
	Names []string
	// Value stands for the flag's value; "" for a flag without one.
	Value string
	// Usage is half a sentence, without back-quotes.
	Usage string
	// Default is shown in parentheses; Env are the variables that stand behind the flag.
	Default string
	Env     []string
	Hidden  bool
}

// Topic is a page of help about something that several commands share.
type Topic struct{ Name, Usage, Text string }

// dashed returns a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// forms are the flag's names as they are typed, short ones first, with its value.
func (f Flag) forms() string {
	names := slices.Clone(f.Names)
	slices.SortStableFunc(names, func(a, b string) int { return min(len(a), 2) - min(len(b), 2) })
	for i, n := range names {
		names[i] = dashed(n)
	}
	s := strings.Join(names, ", ")
	if f.Value != "" {
		s += " " + f.Value
	}
	return s
}

// says is the usage with what else is to be known of the flag.
func (f Flag) says() string {
	s := f.Usage
	if f.Default != "" && !strings.Contains(s, "(default") {
		s += " (default: " + f.Default + ")"
	}
	if len(f.Env) > 0 {
		s += " [$" + strings.Join(f.Env, ", $") + "]"
	}
	return s
}

// Find returns the command of a path such as dlq, show; ok is false when there is none.
func (t Tree) Find(path ...string) (c Command, ok bool) {
	commands := t.commands()
	for _, name := range path {
		i := slices.IndexFunc(commands, func(c Command) bool { return c.Name == name || slices.Contains(c.Aliases, name) })
		if i < 0 {
			return Command{}, false
		}
		c, commands = commands[i], commands[i].Commands
	}
	return c, len(path) > 0
}

func (t Tree) commands() (all []Command) {
	for _, g := range t.Groups {
		all = append(all, g.Commands...)
	}
	return all
}

// All goes through all commands, each after the one that it is below, with their paths. Hidden ones are part of it.
func (t Tree) All() iter.Seq2[[]string, Command] {
	return func(yield func([]string, Command) bool) {
		for _, c := range t.commands() {
			if !walk([]string{c.Name}, c, yield) {
				return
			}
		}
	}
}

func walk(path []string, c Command, yield func([]string, Command) bool) bool {
	if !yield(path, c) {
		return false
	}
	for _, sub := range c.Commands {
		if !walk(append(slices.Clone(path), sub.Name), sub, yield) {
			return false
		}
	}
	return true
}

// names of commands that are not hidden.
func names(commands []Command) []string {
	var list []string
	for _, c := range commands {
		if !c.Hidden {
			list = append(list, c.Name)
		}
	}
	return list
}
