package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
)

// edit sets a line in a text that Parse has taken: it replaces the setting's line, else puts one at the end of its section, else
// makes the section at the end of the file.
func edit(text []byte, profile, key, value string) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(slices.Clone(text), '\n')
	}
	section := ""
	want := ""
	if profile != "" {
		want = "profile." + profile
	}
	end, found := 0, want == "" // end of the last line of the wanted section
	p := new(unstable.Parser)
	p.Reset(text)
	for p.NextExpression() {
		e := p.Expression()
		name, _ := place(p, e)
		if e.Kind == unstable.Table {
			section = strings.Join(name, ".")
			found = found || section == want
		}
		if section != want {
			continue
		}
		from, to := extent(e)
		if e.Kind == unstable.KeyValue && strings.Join(name, ".") == key {
			return slices.Concat(text[:from], []byte(Line(key, value)), text[to:])
		}
		end = lineEnd(text, to)
	}
	if found {
		return slices.Concat(text[:end], []byte(Line(key, value)+"\n"), text[end:])
	}
	gap := ""
	if len(text) > 0 {
		gap = "\n"
	}
	return fmt.Appendf(text, "%s[%s]\n%s\n", gap, want, Line(key, value))
}

// extent is where an expression begins and ends.
func extent(e *unstable.Node) (from, to int) {
	if e.Kind == unstable.KeyValue {
		return int(e.Raw.Offset), int(e.Raw.Offset + e.Raw.Length)
	}
	for it := e.Key(); it.Next(); {
		r := it.Node().Raw
		from, to = int(r.Offset), int(r.Offset+r.Length)
	}
	return from, to
}

// lineEnd is the place behind the end of the line that at is in.
func lineEnd(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// Line is a setting as a line of a file.
func Line(key, value string) string { return key + " = " + quote(value) }

// quote writes a text for TOML. Check has refused control characters.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func unknownKey(key string) error {
	e := exit.Errorf(exit.Usage, "there is no setting %q", key)
	if near := manual.Nearest(key, Names()); near != "" {
		return e.WithHint("did you mean: %s", near)
	}
	return e.WithHint("starburst help config lists the settings")
}

// Known refuses a name that is no setting's.
func Known(key string) error {
	if _, ok := find(key); !ok {
		return unknownKey(key)
	}
	return nil
}
