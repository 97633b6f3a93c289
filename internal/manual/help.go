package manual

import (
	"strings"
	"unicode/utf8"
)

// second is the column in which the meaning of a flag or a command begins; secondName that of a list of commands.
const (
	second     = 28
	secondName = 15
)

// Root is the help of the program.
func (t Tree) Root() string {
	var p page
	p.text(sentence(t.Usage))
	p.head("Usage:")
	p.line("  " + t.Name + " COMMAND [flags] [arguments]")
	p.head("Examples:")
	p.examples(t.Examples)
	for _, g := range t.Groups {
		if len(names(g.Commands)) == 0 {
			continue
		}
		p.head(g.Title + ":")
		p.list(g.Commands)
	}
	p.head("Flags of every command:")
	p.flags(t.Globals)
	p.head("Topics:")
	for _, topic := range t.Topics {
		p.row(secondName, topic.Name, topic.Usage)
	}
	p.head("Learn more:")
	p.row(second, t.Name+" help COMMAND", "a command's flags and examples")
	p.row(second, t.Name+" help TOPIC", "one of the pages above")
	for _, l := range wrap(t.Learn, columns-2) {
		p.line("  " + l)
	}
	return p.String()
}

// Help is the help of a command, or of a topic; "" when there is neither.
func (t Tree) Help(path ...string) string {
	c, ok := t.Find(path...)
	if !ok {
		return t.topic(path)
	}
	full := t.Name + " " + strings.Join(path, " ")
	var p page
	p.text(full + ": " + c.Usage)
	p.head("Usage:")
	p.examples(c.usage(full))
	if c.Description != "" {
		p.line("")
		p.text(c.Description)
	}
	if len(names(c.Commands)) > 0 {
		p.head("Commands:")
		p.list(c.Commands)
	}
	if shown(c.Flags) {
		p.head("Flags:")
		p.flags(c.Flags)
	}
	var globals []string
	for _, f := range t.Globals {
		globals = append(globals, dashed(f.Names[0]))
	}
	p.head("Flags of every command: " + strings.Join(globals, " "))
	return p.String()
}

// usage are the examples of a command, or how it is called when it has none.
func (c Command) usage(full string) []string {
	switch {
	case len(c.Examples) > 0:
		return c.Examples
	case len(c.Commands) > 0:
		return []string{full + " COMMAND [flags] [arguments]"}
	case len(c.Flags) > 0:
		return []string{full + " [flags]"}
	}
	return []string{full}
}

func (t Tree) topic(path []string) string {
	for _, topic := range t.Topics {
		if len(path) == 1 && topic.Name == path[0] {
			var p page
			p.text(t.Name + " help " + topic.Name + ": " + topic.Usage)
			p.line("")
			p.text(topic.Text)
			return p.String()
		}
	}
	return ""
}

func (p *page) list(commands []Command) {
	for _, c := range commands {
		if !c.Hidden {
			p.row(secondName, c.Name, c.Usage)
		}
	}
}

func (p *page) flags(flags []Flag) {
	for _, f := range flags {
		if !f.Hidden {
			p.row(second, f.forms(), f.says())
		}
	}
}

func shown(flags []Flag) bool {
	for _, f := range flags {
		if !f.Hidden {
			return true
		}
	}
	return false
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	return strings.ToUpper(string(first)) + s[size:] + "."
}
