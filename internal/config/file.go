package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
)

// MaxFile bounds a configuration file, in bytes.
const MaxFile = 64 << 10

// Entry is a value with the line that it stands in.
type Entry struct {
	Text string
	Line int
}

// File is what a configuration file says.
type File struct {
	Path string
	// Settings are those outside of profiles, by name.
	Settings map[string]Entry
	// Profile is the profile that the file chooses; Profiles are all that it has.
	Profile  Entry
	Profiles map[string]map[string]Entry
}

// Shape is what kind of file is read.
type Shape int

const (
	// Flat files have settings, and no profiles: the project's, and those of `starburst init --save`.
	Flat Shape = iota
	// Profiled files have tables [profile.NAME] with settings, and may choose one: default_profile = "NAME".
	Profiled
)

// Parse reads a file. Names that are no settings and values that a setting cannot have are refused, with their line.
func Parse(path string, text []byte, shape Shape) (*File, error) {
	f := &File{Path: path, Settings: map[string]Entry{}, Profiles: map[string]map[string]Entry{}}
	if len(text) > MaxFile {
		return nil, exit.Errorf(exit.Usage, "%s has %d bytes; a configuration file has at most %d", path, len(text), MaxFile)
	}
	var whole map[string]any // the library's own rules: syntax, nothing twice
	if err := toml.Unmarshal(text, &whole); err != nil {
		line := 0
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ = at.Position()
		}
		return nil, f.refuse(line, "%s", strings.TrimPrefix(err.Error(), "toml: ")).WithHint("the form is TOML: NAME = \"VALUE\"; starburst help config has an example")
	}
	p := new(unstable.Parser)
	p.Reset(text)
	into, top := f.Settings, shape == Profiled // top: before the first profile
	for p.NextExpression() {
		e := p.Expression()
		name, line := place(p, e)
		var err error
		switch e.Kind {
		case unstable.KeyValue:
			err = f.value(into, top, strings.Join(name, "."), e.Value(), line)
		case unstable.Table:
			into, err = f.table(shape, name, line)
			top = false
		default:
			err = f.refuse(line, "[[%s]] is not a part of a configuration file", strings.Join(name, "."))
		}
		if err != nil {
			return nil, err
		}
	}
	return f, p.Error()
}

// place is the dotted name of an expression, and its line.
func place(p *unstable.Parser, e *unstable.Node) (name []string, line int) {
	for it := e.Key(); it.Next(); {
		k := it.Node()
		if line == 0 {
			line = p.Shape(k.Raw).Start.Line
		}
		name = append(name, string(k.Data))
	}
	return name, line
}

func (f *File) refuse(line int, format string, args ...any) *exit.Error {
	return exit.Errorf(exit.Usage, "%s:%d: %s", f.Path, line, fmt.Sprintf(format, args...))
}

func (f *File) table(shape Shape, name []string, line int) (map[string]Entry, error) {
	if shape == Flat {
		return nil, f.refuse(line, "[%s]: this file has settings only, no tables", strings.Join(name, ".")).
			WithHint("profiles are in %s", "$XDG_CONFIG_HOME/starburst/config.toml")
	}
	if len(name) != 2 || name[0] != "profile" || !validProfile(name[1]) {
		return nil, f.refuse(line, "[%s] is no profile", strings.Join(name, ".")).WithHint("[profile.NAME], NAME of letters, digits, - and _")
	}
	if f.Profiles[name[1]] == nil {
		f.Profiles[name[1]] = map[string]Entry{}
	}
	return f.Profiles[name[1]], nil
}

// validProfile keeps names such that they need no quotes.
func validProfile(name string) bool {
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

func (f *File) value(into map[string]Entry, top bool, name string, v *unstable.Node, line int) error {
	text, err := valueOf(v)
	if err != nil {
		return f.refuse(line, "%s: %v", name, err).WithHint("%s", "write it as text: "+name+` = "…"`)
	}
	if top && name == KeyDefaultProfile {
		f.Profile = Entry{text, line}
		return nil
	}
	k, known := find(name)
	switch {
	case isSecret(name):
		return f.refuse(line, "%s: secrets do not belong into this file", name).WithHint("credentials are the AWS SDK's: aws configure, aws sso login, or a role")
	case !known:
		e := f.refuse(line, "there is no setting %q", name)
		if near := manual.Nearest(name, Names()); near != "" {
			return e.WithHint("did you mean: %s", near)
		}
		return e.WithHint("starburst help config lists the settings")
	case top:
		return f.refuse(line, "%s stands outside of a profile", name).WithHint("put it under [profile.default]")
	}
	if err := k.Check(text); err != nil {
		return f.refuse(line, "%v", err)
	}
	into[name] = Entry{text, line}
	return nil
}

// valueOf is a value as text: a list has commas.
func valueOf(v *unstable.Node) (string, error) {
	switch v.Kind {
	case unstable.String, unstable.Integer, unstable.Float, unstable.Bool:
		return string(v.Data), nil
	case unstable.Array:
		var items []string
		for it := v.Children(); it.Next(); {
			item := it.Node()
			if item.Kind == unstable.Comment {
				continue
			}
			if item.Kind != unstable.String || strings.Contains(string(item.Data), ",") {
				return "", errors.New("a list has texts without commas")
			}
			items = append(items, string(item.Data))
		}
		return strings.Join(items, ","), nil
	default:
		return "", errors.New("want a text, a number, true or false, or a list of texts")
	}
}

// profileNames are the profiles of a file, sorted.
func (f *File) profileNames() []string {
	var names []string
	for n := range f.Profiles {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// at says where an entry stands.
func (f *File) at(e Entry) string { return f.Path + ":" + strconv.Itoa(e.Line) }
