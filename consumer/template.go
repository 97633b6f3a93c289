package consumer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// replacement finds what is replaced in a program's arguments: {}, {index}, {#} and
// {.field}, a field of a map, or of a map in it: {.market.spot}. Other braces stay, so
// that programs in awk and JSON need no quoting.
var replacement = regexp.MustCompile(`\{(|index|#|(?:\.[A-Za-z_][A-Za-z0-9_-]*)+)\}`)

// maxField bounds how deep {.a.b.c} looks.
const maxField = codec.MaxValueDepth

// template is a program's arguments before a task's are put in.
type template struct {
	argv []string
	last bool // the argument goes behind, since nothing names it
}

func newTemplate(argv []string, stdin bool) template {
	t := template{argv: argv, last: !stdin}
	for _, a := range argv {
		if replacement.MatchString(a) {
			t.last = false
		}
	}
	return t
}

// fill puts a task's argument and index in. Each argument stays one argument, whatever is in it.
func (t template) fill(task Task) ([]string, error) {
	out := make([]string, 0, len(t.argv)+1)
	var failed error
	for _, a := range t.argv {
		out = append(out, replacement.ReplaceAllStringFunc(a, func(name string) string {
			text, err := t.value(task, name[1:len(name)-1])
			if err != nil {
				failed = err
			}
			return text
		}))
	}
	if t.last && failed == nil {
		var text string
		text, failed = argumentText(task.Arg)
		out = append(out, text)
	}
	if failed != nil {
		return nil, failed
	}
	for _, a := range out {
		if strings.IndexByte(a, 0) >= 0 {
			return nil, fmt.Errorf("%.60q has a zero byte, which no program can be given", a)
		}
	}
	return out, nil
}

func (t template) value(task Task, name string) (string, error) {
	switch name {
	case "":
		return argumentText(task.Arg)
	case "index":
		return strconv.Itoa(task.Index), nil
	case "#":
		return strconv.Itoa(task.Index + 1), nil // GNU parallel counts from 1
	}
	raw := task.Arg
	for _, field := range strings.SplitN(name[1:], ".", maxField) {
		var m map[string]msgpack.RawMessage
		if err := codec.Unmarshal(raw, &m); err != nil {
			return "", fmt.Errorf("{%s}: the argument is no map with text keys there: %w", name, err)
		}
		v, ok := m[field]
		if !ok {
			return "", fmt.Errorf("{%s}: there is no field %q in the argument", name, field)
		}
		raw = v
	}
	return argumentText(raw)
}

// argumentText is the argument as a person would write it on a command line.
func argumentText(arg msgpack.RawMessage) (string, error) {
	var text string
	if err := codec.Unmarshal(arg, &text); err == nil && isText(arg) {
		return text, nil
	}
	b, err := codec.MsgpackToJSON(arg)
	return string(b), err
}

// isText reports whether the value is a msgpack string (and not nil, which
// would decode into an empty one).
func isText(arg msgpack.RawMessage) bool {
	return len(arg) > 0 && (arg[0]&0xe0 == 0xa0 || arg[0] == 0xd9 || arg[0] == 0xda || arg[0] == 0xdb)
}
