package manual

import (
	"strings"
)

// Markdown is the reference of all commands that a list shows.
func (t Tree) Markdown() string {
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten by `" + t.Name + " help --markdown`; a test holds it to the program. " +
		"`" + t.Name + " help COMMAND` shows the same in a terminal, `" + t.Name + " man` as a manual page.\n")
	for _, g := range t.Groups {
		if len(names(g.Commands)) == 0 {
			continue
		}
		b.WriteString("\n**" + g.Title + "**\n\n")
		for _, c := range g.Commands {
			if !c.Hidden {
				b.WriteString("- [" + c.Name + "](#" + t.Name + "-" + c.Name + "): " + plain(c.Usage) + "\n")
			}
		}
	}
	b.WriteString("\n## Flags of every command\n\n")
	flagTable(&b, t.Globals)
	for path, c := range t.All() {
		if c.Hidden {
			continue
		}
		full := t.Name + " " + strings.Join(path, " ")
		b.WriteString("\n" + strings.Repeat("#", len(path)+1) + " " + full + "\n\n" + plain(sentence(c.Usage)) + "\n\n```\n")
		for _, l := range c.usage(full) {
			b.WriteString(l + "\n")
		}
		b.WriteString("```\n")
		markdownText(&b, c.Description)
		if shown(c.Flags) {
			b.WriteString("\n")
			flagTable(&b, c.Flags)
		}
	}
	for _, topic := range t.Topics {
		b.WriteString("\n## " + topic.Name + ": " + plain(topic.Usage) + "\n")
		markdownText(&b, topic.Text)
	}
	return b.String()
}

// plain keeps a text's characters from being read as Markdown.
func plain(s string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`, "|", `\|`, "[", `\[`).Replace(s)
}

func markdownText(b *strings.Builder, text string) {
	asIs := false
	for _, p := range paragraphs(text) {
		literal := p[0] == ' '
		switch {
		case literal && !asIs:
			b.WriteString("\n```text\n")
		case asIs && !literal:
			b.WriteString("```\n\n")
		case !literal:
			b.WriteString("\n")
		}
		asIs = literal
		if literal {
			b.WriteString(p + "\n")
		} else {
			b.WriteString(outsideCode(p) + "\n")
		}
	}
	if asIs {
		b.WriteString("```\n")
	}
}

// outsideCode makes a text plain, except between back-quotes.
func outsideCode(s string) string {
	parts := strings.Split(s, "`")
	for i := range parts {
		if i%2 == 0 {
			parts[i] = plain(parts[i])
		}
	}
	return strings.Join(parts, "`")
}

func flagTable(b *strings.Builder, flags []Flag) {
	b.WriteString("| flag | meaning |\n|---|---|\n")
	for _, f := range flags {
		if !f.Hidden {
			b.WriteString("| `" + strings.ReplaceAll(f.forms(), "|", `\|`) + "` | " + plain(f.says()) + " |\n")
		}
	}
}
