package manual

import (
	"slices"
	"strings"
)

// Candidate is a word that may stand next on a command line, and what it means.
type Candidate struct{ Word, Usage string }

// Completion is what may follow.
type Completion struct {
	Candidates []Candidate
	// Files is true where the names of files may follow, Jobs where the ids of jobs may.
	Files, Jobs bool
}

// Complete says what may stand at the end of a command line: before are the words before, without the program's name, and typed is
// what there is already of the next one.
func (t Tree) Complete(before []string, typed string) Completion {
	before, typed = joined(before, typed)
	at := t.position(before)
	if name, value, ok := strings.Cut(typed, "="); ok && strings.HasPrefix(name, "-") {
		return prefixed(valuesOf(at.flag(name)), value, name+"=")
	}
	switch {
	case at.literal:
		return Completion{Files: true}
	case at.open != nil:
		return prefixed(valuesOf(at.open), typed, "")
	case strings.HasPrefix(typed, "-"):
		var c Completion
		for _, f := range at.flags {
			if !f.Hidden {
				c.Candidates = append(c.Candidates, Candidate{dashed(f.Names[0]), f.says()})
			}
		}
		return prefixed(c, typed, "")
	}
	return prefixed(t.words(at), typed, "")
}

// joined mends what bash does to --flag=value, which it cuts at the sign.
func joined(before []string, typed string) ([]string, string) {
	if typed == "=" {
		typed = ""
	}
	return slices.DeleteFunc(slices.Clone(before), func(w string) bool { return w == "=" }), typed
}

// position is where the end of a command line is.
type position struct {
	path    []string
	command Command
	flags   []Flag
	// args counts the arguments before; open is a flag that wants its value; literal is true behind "--" or in another program's line.
	args    int
	open    *Flag
	literal bool
}

func (t Tree) position(before []string) position {
	at := position{flags: t.Globals}
	commands := t.commands()
	for _, w := range before {
		switch {
		case at.open != nil:
			at.open = nil
		case at.literal:
		case w == "--":
			at.literal = true
		case strings.HasPrefix(w, "-") && len(w) > 1:
			if f := at.flag(w); f != nil && f.Value != "" && !strings.Contains(w, "=") {
				at.open = f
			}
		default:
			i := slices.IndexFunc(commands, func(c Command) bool { return c.Name == w || slices.Contains(c.Aliases, w) })
			if i < 0 || at.args > 0 {
				at.args++
				at.literal = at.command.Program
				continue
			}
			at.command, commands = commands[i], commands[i].Commands
			at.path = append(at.path, w)
			at.flags = slices.Concat(at.command.Flags, t.Globals)
		}
	}
	return at
}

// flag finds the flag that a word names.
func (at position) flag(word string) *Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for _, f := range at.flags {
		if slices.Contains(f.Names, name) {
			return &f
		}
	}
	return nil
}

// words are commands or arguments.
func (t Tree) words(at position) Completion {
	var c Completion
	commands := at.command.Commands
	if len(at.path) == 0 {
		commands = t.commands()
	}
	if at.args == 0 && len(commands) > 0 {
		for _, sub := range commands {
			if !sub.Hidden {
				c.Candidates = append(c.Candidates, Candidate{sub.Name, sub.Usage})
			}
		}
		return c
	}
	switch {
	case len(at.path) == 0: // an unknown command
	case at.command.Name == "help":
		for path, sub := range t.All() {
			if len(path) == 1 && !sub.Hidden && at.args == 0 {
				c.Candidates = append(c.Candidates, Candidate{sub.Name, sub.Usage})
			}
		}
		for _, topic := range t.Topics {
			if at.args == 0 {
				c.Candidates = append(c.Candidates, Candidate{topic.Name, topic.Usage})
			}
		}
	case at.command.TakesJob():
		c.Jobs = true
	case len(at.command.Choices) > 0:
		for _, choice := range at.command.Choices {
			c.Candidates = append(c.Candidates, Candidate{Word: choice})
		}
	default:
		c.Files = true
	}
	return c
}

// TakesJob reports whether the examples have an argument JOB.
func (c Command) TakesJob() bool {
	for _, e := range c.Examples {
		for w := range strings.FieldsSeq(strings.ReplaceAll(e, "|", " ")) {
			if strings.Trim(w, "[].…") == "JOB" {
				return true
			}
		}
	}
	return false
}

// valuesOf are the values of a flag whose usage lists them, such as auto|always|never.
func valuesOf(f *Flag) Completion {
	switch {
	case f == nil:
		return Completion{}
	case strings.Contains(f.Value, "|"):
		var c Completion
		for v := range strings.SplitSeq(f.Value, "|") {
			if !strings.ContainsAny(v, "=…% ") {
				c.Candidates = append(c.Candidates, Candidate{Word: v})
			}
		}
		return c
	case f.Value == strings.ToUpper(f.Value) && slices.Contains([]string{"FILE", "FOLDER", "DIR", "FILES", "PATH"}, f.Value):
		return Completion{Files: true}
	}
	return Completion{}
}

// prefixed keeps what begins with what is typed, and puts the part in front that the value stands behind.
func prefixed(c Completion, typed, front string) Completion {
	var kept []Candidate
	for _, k := range c.Candidates {
		if strings.HasPrefix(k.Word, typed) {
			kept = append(kept, Candidate{front + k.Word, k.Usage})
		}
	}
	c.Candidates = kept
	return c
}
