package codec

import (
	"reflect"
	"sync"
)

// scratch is what encoding one value after the other goes faster with.
type scratch struct {
	b    []byte
	last *shape // of the value before, most often of the same type; nil at first
}

// scratches is global because what it holds has no state between calls.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// shapeOf is the function of that name.
func (c *scratch) shapeOf(t reflect.Type) (*shape, error) {
	if c.last != nil && c.last.typ == t {
		return c.last, nil
	}
	s, err := shapeOf(t)
	if err == nil {
		c.last = s
	}
	return s, err
}

// marshal returns the bytes of v, a value of the plan's type, in a slice of just that size.
func (c *scratch) marshal(p *plan, v reflect.Value) []byte {
	b := p.append(c.b[:0], v)
	if cap(b) <= keepBuffer {
		c.b = b
	}
	raw := make([]byte, len(b))
	copy(raw, b)
	return raw
}

// append writes v, a value of the plan's type.
func (p *plan) append(b []byte, v reflect.Value) []byte {
	switch p.kind {
	case reflect.Bool:
		if v.Bool() {
			return append(b, mpTrue)
		}
		return append(b, mpFalse)
	case reflect.Int:
		return appendInt(b, v.Int())
	case reflect.Uint:
		return appendUint(b, v.Uint())
	case reflect.Float64:
		return appendFloat64(b, v.Float())
	case reflect.Float32:
		return appendFloat32(b, float32(v.Float()))
	case reflect.String:
		return AppendStr(b, v.String())
	case reflect.Struct:
		return p.appendStruct(b, v)
	case reflect.Array:
		return p.appendElements(b, v)
	case reflect.Slice:
		switch {
		case v.IsNil():
			return append(b, mpNil)
		case p.binary:
			return AppendBin(b, v.Bytes())
		}
		return p.appendElements(b, v)
	default: // a pointer
		if v.IsNil() {
			return append(b, mpNil)
		}
		return p.elem.append(b, v.Elem())
	}
}

func (p *plan) appendElements(b []byte, v reflect.Value) []byte {
	n := v.Len()
	b = AppendArrayLen(b, n)
	if p.elem.kind == reflect.Float64 { // the bulk of numeric work
		for k := range n {
			b = appendFloat64(b, v.Index(k).Float())
		}
		return b
	}
	for k := range n {
		b = p.elem.append(b, v.Index(k))
	}
	return b
}

func (p *plan) appendStruct(b []byte, v reflect.Value) []byte {
	n := len(p.fields)
	if p.omits {
		for k := range p.fields {
			if f := &p.fields[k]; f.omitEmpty && f.plan.empty(v.Field(f.index)) {
				n--
			}
		}
	}
	b = AppendMapLen(b, n)
	for k := range p.fields {
		f := &p.fields[k]
		field := v.Field(f.index)
		if f.omitEmpty && f.plan.empty(field) {
			continue
		}
		b = append(b, f.key...)
		switch f.plan.kind { // the commonest without another call
		case reflect.Float64:
			b = appendFloat64(b, field.Float())
		case reflect.Int:
			b = appendInt(b, field.Int())
		default:
			b = f.plan.append(b, field)
		}
	}
	return b
}

// empty tells whether omitempty leaves v out. Structs and arrays have no plan with it.
func (p *plan) empty(v reflect.Value) bool {
	switch p.kind {
	case reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0 // minus zero is empty too
	default:
		return v.IsZero()
	}
}
