package codec

import (
	"encoding/binary"
	"math"
	"reflect"
)

// planReader reads bytes that have passed Guard. Its answers are not final: false
// says that conform and the library must go over the same bytes, whether for a
// conversion, for a value that is there already, or for an error that says where.
type planReader struct {
	b      []byte
	budget int64
}

func (r *planReader) charge(n, size int64) bool {
	if size > 0 && n > r.budget/size {
		return false
	}
	r.budget -= n * size
	return true
}

// read decodes the value at off into v, which can be set.
func (r *planReader) read(p *plan, off int, v reflect.Value) (next int, ok bool) {
	switch p.kind {
	case reflect.Struct:
		return r.structure(p, off, v)
	case reflect.Slice:
		if p.binary {
			return r.binary(off, v)
		}
		return r.slice(p, off, v)
	case reflect.Array:
		n, next, ok := readArrayLen(r.b, off)
		if !ok || n > v.Len() || !r.charge(1, int64(p.s.typ.Size())) {
			return 0, false
		}
		return r.elements(p, n, next, v)
	case reflect.Pointer:
		if r.b[off] == mpNil {
			v.SetZero()
			return off + 1, true
		}
		if v.IsNil() {
			v.Set(reflect.New(p.elem.s.typ))
		}
		return r.read(p.elem, off, v.Elem())
	default:
		return r.scalar(p, off, v)
	}
}

func (r *planReader) scalar(p *plan, off int, v reflect.Value) (next int, ok bool) {
	switch p.kind {
	case reflect.Bool:
		c := r.b[off]
		v.SetBool(c == mpTrue)
		return off + 1, c == mpTrue || c == mpFalse
	case reflect.String:
		s, next, ok := readStr(r.b, off)
		if ok {
			v.SetString(string(s))
		}
		return next, ok
	default:
	}
	num, next := readNumber(r.b, off)
	switch p.kind {
	case reflect.Float64, reflect.Float32:
		f := num.f
		if num.kind == 'i' {
			f = float64(num.i)
		}
		if num.kind == 0 || num.kind == 'u' || p.kind == reflect.Float32 && num.kind != 'f' {
			return 0, false
		}
		v.SetFloat(f)
		return next, true
	case reflect.Int:
		n, ok := num.integer()
		if !ok || n < p.s.lo || n > int64(p.s.hi) {
			return 0, false
		}
		v.SetInt(n)
		return next, true
	default: // reflect.Uint
		n, ok := num.integer()
		u := uint64(n)
		if num.kind == 'u' {
			n, u, ok = 0, num.u, true
		}
		if !ok || n < 0 || u > p.s.hi {
			return 0, false
		}
		v.SetUint(u)
		return next, true
	}
}

func (r *planReader) binary(off int, v reflect.Value) (next int, ok bool) {
	s, next, ok := readBin(r.b, off)
	if !ok || !v.IsNil() {
		return 0, false
	}
	v.SetBytes(append(make([]byte, 0, len(s)), s...))
	return next, true
}

func (r *planReader) slice(p *plan, off int, v reflect.Value) (next int, ok bool) {
	n, next, ok := readArrayLen(r.b, off)
	if !ok || v.Cap() > 0 || !r.charge(int64(n), p.s.size) {
		return 0, false
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(p.s.typ, 0, 0)) // not nil
		return next, true
	}
	if p.floats {
		return r.floats(n, next, v.Addr().Interface().(*[]float64)) //nolint:forcetypeassert // the plan says so
	}
	v.Grow(n)
	v.SetLen(n)
	return r.elements(p, n, next, v)
}

func (r *planReader) elements(p *plan, n, off int, v reflect.Value) (next int, ok bool) {
	for k := range n {
		if off, ok = r.read(p.elem, off, v.Index(k)); !ok {
			return 0, false
		}
	}
	return off, true
}

func (r *planReader) floats(n, off int, v *[]float64) (next int, ok bool) {
	out := make([]float64, n)
	for k := range out {
		if r.b[off] == mpFloat64 {
			out[k] = math.Float64frombits(binary.BigEndian.Uint64(r.b[off+1:]))
			off += 9
			continue
		}
		if !fastFloat(r.b[off:], &out[k]) {
			return 0, false
		}
		off += int(valueSize[r.b[off]])
	}
	*v = out
	return off, true
}

func (r *planReader) structure(p *plan, off int, v reflect.Value) (next int, ok bool) {
	n, off, ok := readMapLen(r.b, off)
	if !ok || !r.charge(1, p.s.size) {
		return 0, false
	}
	for k := range n {
		c := r.b[off]
		var name []byte
		value := off + 1 + int(c&0x1f)
		if c&0xe0 == mpFixStr { // nearly all names are short
			name = r.b[off+1 : value]
		} else if name, value, ok = readStr(r.b, off); !ok {
			return 0, false
		}
		// What Marshal wrote comes in the order of the fields.
		at, known := k, k < len(p.fields) && p.fields[k].name == string(name)
		if !known {
			at, known = p.byName[string(name)]
		}
		if !known {
			off = skipValid(r.b, value)
			continue
		}
		f := &p.fields[at]
		field := v.Field(f.index)
		if f.plan.kind == reflect.Float64 && r.b[value] == mpFloat64 {
			field.SetFloat(math.Float64frombits(binary.BigEndian.Uint64(r.b[value+1:])))
			off = value + 9
		} else if off, ok = r.read(f.plan, value, field); !ok {
			return 0, false
		}
	}
	return off, true
}
