package manual

import (
	"fmt"
	"strings"
)

// Man is a manual page in the man macros of troff, which man, mandoc and groff read.
func (t Tree) Man() string {
	var m roff
	m.request(`.TH`, strings.ToUpper(t.Name), "1")
	m.request(".SH", "NAME")
	m.text(t.Name + " - " + t.Usage)
	m.request(".SH", "SYNOPSIS")
	m.literal([]string{t.Name + " COMMAND [flags] [arguments]"})
	m.request(".SH", "EXAMPLES")
	m.literal(t.Examples)
	m.request(".SH", "FLAGS OF EVERY COMMAND")
	m.flags(t.Globals)
	m.request(".SH", "COMMANDS")
	for path, c := range t.All() {
		if c.Hidden {
			continue
		}
		full := t.Name + " " + strings.Join(path, " ")
		m.request(".SS", full)
		m.text(sentence(c.Usage))
		m.literal(c.usage(full))
		m.text(c.Description)
		m.flags(c.Flags)
	}
	for _, topic := range t.Topics {
		m.request(".SH", strings.ToUpper(topic.Name))
		m.text(sentence(topic.Usage))
		m.text(topic.Text)
	}
	m.request(".SH", "SEE ALSO")
	m.text(t.Learn)
	return m.String()
}

// roff collects the lines of a page.
type roff struct {
	strings.Builder
	begun bool // a section has just begun, which is a paragraph by itself
}

// request writes a macro with its arguments.
func (m *roff) request(macro string, args ...string) {
	_, _ = m.WriteString(macro) // a builder takes all
	for _, a := range args {
		_, _ = m.WriteString(` "` + strings.ReplaceAll(escape(a), `"`, `\(dq`) + `"`)
	}
	_ = m.WriteByte('\n')
	m.begun = true
}

// paragraph begins one.
func (m *roff) paragraph() {
	if !m.begun {
		_, _ = m.WriteString(".PP\n")
	}
	m.begun = false
}

// escape keeps a text's characters from being read as instructions, and writes in ASCII what is not.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "\x00[u%04X]", r) // the backslash comes last
	}
	return special.Replace(b.String())
}

// special characters of troff.
var special = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "\x00", `\`)

func (m *roff) put(s string) {
	if strings.HasPrefix(s, ".") {
		_, _ = m.WriteString(`\&`)
	}
	_, _ = m.WriteString(escape(s) + "\n")
}

// text writes paragraphs.
func (m *roff) text(text string) {
	asIs := false
	for _, p := range paragraphs(text) {
		literal := p[0] == ' '
		switch {
		case literal && !asIs:
			m.paragraph()
			_, _ = m.WriteString(".nf\n")
		case asIs && !literal:
			_, _ = m.WriteString(".fi\n")
			m.paragraph()
		case !literal:
			m.paragraph()
		}
		asIs = literal
		m.put(p)
	}
	if asIs {
		_, _ = m.WriteString(".fi\n")
	}
}

// literal writes lines as they are, indented.
func (m *roff) literal(lines []string) {
	m.paragraph()
	_, _ = m.WriteString(".nf\n.RS 4\n")
	for _, l := range lines {
		m.put(l)
	}
	_, _ = m.WriteString(".RE\n.fi\n")
}

func (m *roff) flags(flags []Flag) {
	for _, f := range flags {
		if !f.Hidden {
			m.begun = false
			_, _ = m.WriteString(".TP\n")
			m.put(f.forms())
			m.put(f.says())
		}
	}
}
