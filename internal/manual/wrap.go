package manual

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// columns is the width of the help texts: what every terminal has.
const columns = 80

// paragraphs divides a text into paragraphs. A line that begins with a space is one of its own, and stays as it is.
func paragraphs(text string) []string {
	var list []string
	open := false // the last paragraph may go on
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			open = false
		case line[0] == ' ':
			list, open = append(list, line), false
		case open:
			list[len(list)-1] += " " + strings.TrimSpace(line)
		default:
			list, open = append(list, strings.TrimSpace(line)), true
		}
	}
	return list
}

// wrap breaks a text into lines of at most width characters; a longer word has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// page collects the lines of a help text.
type page struct{ strings.Builder }

func (p *page) line(s string) { _, _ = p.WriteString(strings.TrimRight(s, " ") + "\n") } // a builder takes all

// head begins a section.
func (p *page) head(title string) {
	if p.Len() > 0 {
		p.line("")
	}
	p.line(title)
}

// text writes paragraphs.
func (p *page) text(text string) {
	last := ""
	for i, par := range paragraphs(text) {
		asIs := par[0] == ' '
		if i > 0 && !(asIs && last[0] == ' ') {
			p.line("")
		}
		last = par
		if asIs {
			p.line(par)
			continue
		}
		for _, l := range wrap(par, columns) {
			p.line(l)
		}
	}
}

// row writes a term, indented, and what it means in a second column.
func (p *page) row(second int, term, meaning string) {
	left := "  " + term
	lines := wrap(meaning, columns-second)
	if utf8.RuneCountInString(left) > second-2 {
		p.line(left)
		left = ""
	}
	for _, l := range lines {
		p.line(left + strings.Repeat(" ", second-utf8.RuneCountInString(left)) + l)
		left = ""
	}
}

// gap stands between an example and its remark.
var gap = regexp.MustCompile(`\s{2,}`)

// example cuts a remark from a command line.
func example(line string) (command, remark string) {
	if at := gap.FindStringIndex(line); at != nil {
		return line[:at[0]], strings.TrimSpace(line[at[1]:])
	}
	return line, ""
}

// examples writes command lines with their remarks, which stand above one that is too long.
func (p *page) examples(lines []string) {
	second := 0
	for _, l := range lines {
		c, remark := example(l)
		if n := utf8.RuneCountInString(c) + 4; remark != "" && n+utf8.RuneCountInString(remark) <= columns {
			second = max(second, n)
		}
	}
	for _, l := range lines {
		c, remark := example(l)
		switch n := utf8.RuneCountInString(c); {
		case remark == "":
			p.broken(c)
		case n+4 <= second && second+utf8.RuneCountInString(remark) <= columns:
			p.line("  " + c + strings.Repeat(" ", second-2-n) + remark)
		default:
			for _, l := range wrap(remark, columns-4) {
				p.line("  # " + l)
			}
			p.broken(c)
		}
	}
}

// broken writes a command line, over several lines when it is long, as a shell takes them.
func (p *page) broken(command string) {
	if utf8.RuneCountInString(command)+2 <= columns || strings.Contains(command, "'") || strings.Contains(command, `"`) {
		p.line("  " + command)
		return
	}
	lines := wrap(command, columns-8)
	for i, l := range lines {
		if i > 0 {
			l = "    " + l
		}
		if i < len(lines)-1 {
			l += ` \`
		}
		p.line("  " + l)
	}
}
