package attr

import (
	"encoding/base64"
	"slices"
	"strings"
)

// ParseItem reads an item from its JSON, {"name": {"S": "…"}, …}.
func ParseItem(text string) (Item, error) {
	r := NewReader(text)
	it, err := r.Item()
	if err != nil {
		return nil, err
	}
	return it, r.End()
}

// ParseValue reads a value from its JSON, {"S": "…"}.
func ParseValue(text string) (Value, error) {
	r := NewReader(text)
	v, err := r.Value()
	if err != nil {
		return Value{}, err
	}
	return v, r.End()
}

// Item reads an item. The result is sorted; of members of one name the last counts.
func (r *Reader) Item() (Item, error) { return r.item(0) }

// Value reads an attribute value.
func (r *Reader) Value() (Value, error) { return r.value(0) }

func (r *Reader) item(depth int) (Item, error) {
	if r.peek() != '{' {
		return nil, r.unexpected("Map")
	}
	r.pos++
	it := make(Item, 0, 8)
	for {
		ok, err := r.more(len(it), '}')
		if err != nil {
			return nil, err
		}
		if !ok {
			return sorted(it), nil
		}
		k, err := r.key()
		if err != nil {
			return nil, err
		}
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		it = append(it, Attr{k, v})
	}
}

// sorted brings parsed members into an Item's order.
func sorted(it Item) Item {
	byName := func(a, b Attr) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(it, byName) {
		slices.SortStableFunc(it, byName)
	}
	out := it[:0]
	for i, a := range it {
		if i+1 < len(it) && it[i+1].Name == a.Name {
			continue
		}
		out = append(out, a)
	}
	return out
}

func (r *Reader) value(depth int) (Value, error) {
	if depth >= MaxDepth {
		return Value{}, ErrDepth
	}
	if r.peek() != '{' {
		return Value{}, r.unexpected("AttributeValue")
	}
	r.pos++
	var v Value
	for i := 0; ; i++ {
		ok, err := r.more(i, '}')
		if err != nil {
			return Value{}, err
		}
		if !ok {
			break
		}
		k, err := r.key()
		if err != nil {
			return Value{}, err
		}
		kind := ParseKind(k)
		if kind == None || r.Null() {
			if kind == None {
				err = r.Skip()
			}
			if err != nil {
				return Value{}, err
			}
			continue
		}
		if v.Kind != None {
			return Value{}, Invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
		}
		if v, err = r.typed(kind, depth); err != nil {
			return Value{}, err
		}
	}
	if v.Kind == None {
		return Value{}, Invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	return v, nil
}

// typed reads what follows the descriptor of the given kind.
func (r *Reader) typed(kind Kind, depth int) (Value, error) {
	switch kind {
	case S, N, B:
		return r.scalar(kind)
	case BOOL:
		b, err := r.Bool()
		return Value{Kind: BOOL, Bool: b}, err
	case NULL:
		b, err := r.Bool()
		if err == nil && !b {
			err = Invalid("One or more parameter values were invalid: Null attribute value types must have the value of true")
		}
		return Value{Kind: NULL}, err
	case M:
		m, err := r.item(depth + 1)
		return Value{Kind: M, Map: m}, err
	case L:
		v := Value{Kind: L}
		err := r.Array(func() error {
			e, err := r.value(depth + 1)
			v.List = append(v.List, e)
			return err
		})
		return v, err
	default: // the sets; descriptor knows no other kind
		return r.set(kind)
	}
}

func (r *Reader) scalar(kind Kind) (Value, error) {
	s, err := r.Str()
	if err != nil {
		return Value{}, err
	}
	switch kind {
	case N:
		d, err := ParseDecimal(s)
		if err != nil {
			return Value{}, err
		}
		return Number(d), nil
	case B:
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return Value{}, r.fail("Base64 cannot be decoded: " + err.Error())
		}
		return Value{Kind: B, Text: string(raw)}, nil
	default:
		return Value{Kind: S, Text: s}, nil
	}
}

func (r *Reader) set(kind Kind) (Value, error) {
	var elements []Value
	err := r.Array(func() error {
		e, err := r.scalar(kind.Element())
		elements = append(elements, e)
		return err
	})
	if err != nil {
		return Value{}, err
	}
	if len(elements) == 0 {
		what := map[Kind]string{SS: "An string set  may not be empty", NS: "An number set  may not be empty", BS: "Binary sets should not be empty"}
		return Value{}, Invalid("One or more parameter values were invalid: %s", what[kind])
	}
	given := slices.Clone(elements)
	set, ok := NewSet(kind, elements)
	if !ok {
		return Value{}, duplicates(kind, given)
	}
	return set, nil
}

func duplicates(kind Kind, given []Value) error {
	if kind == NS {
		return Invalid("Input collection contains duplicates")
	}
	texts := make([]string, len(given))
	for i, e := range given {
		texts[i] = e.Text
		if kind == BS {
			texts[i] = base64.StdEncoding.EncodeToString([]byte(e.Text))
		}
	}
	return Invalid("One or more parameter values were invalid: Input collection [%s]%s contains duplicates.",
		strings.Join(texts, ", "), map[bool]string{true: "of type BS"}[kind == BS])
}

// AppendItem appends the item's JSON.
func AppendItem(dst []byte, it Item) []byte {
	dst = append(dst, '{')
	for i, a := range it {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, a.Name)
		dst = append(dst, ':')
		dst = AppendValue(dst, a.Value)
	}
	return append(dst, '}')
}

// AppendValue appends the value's JSON.
func AppendValue(dst []byte, v Value) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, v.Kind.String()...)
	dst = append(dst, `":`...)
	switch v.Kind {
	case S, N, B:
		dst = appendScalar(dst, v)
	case BOOL:
		if v.Bool {
			dst = append(dst, "true"...)
		} else {
			dst = append(dst, "false"...)
		}
	case NULL:
		dst = append(dst, "true"...)
	case M:
		dst = AppendItem(dst, v.Map)
	default:
		dst = append(dst, '[')
		for i, e := range v.List {
			if i > 0 {
				dst = append(dst, ',')
			}
			if v.Kind == L {
				dst = AppendValue(dst, e)
			} else {
				dst = appendScalar(dst, e)
			}
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendScalar(dst []byte, v Value) []byte {
	if v.Kind == S {
		return AppendString(dst, v.Text)
	}
	dst = append(dst, '"')
	if v.Kind == B {
		dst = base64.StdEncoding.AppendEncode(dst, []byte(v.Text))
	} else {
		dst = append(dst, v.Text...)
	}
	return append(dst, '"')
}

// AppendString appends s as a JSON string.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		if c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
