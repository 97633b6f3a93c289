package codec

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/tagparser/v2"
)

// plan is how a plain type goes to and from bytes without the library, which takes
// several times as long and allocates on the way. Plain types are built of booleans,
// numbers, strings, binary, slices, arrays, pointers and structs with named fields.
// All others have no plan: maps, interfaces, times, embedded and recursive structs,
// and whatever has a marshaler of its own.
type plan struct {
	// kind is the type's kind; Int and Uint stand for all of their widths.
	kind reflect.Kind
	s    *shape
	// binary and floats tell two kinds of slices from the others: of bytes, and []float64 itself.
	binary, floats bool
	elem           *plan
	fields         []planField
	byName         map[string]int // into fields
	omits          bool           // some field is left out when it is empty
	depth          int            // how many arrays and maps the type nests at most
}

type planField struct {
	name      string
	key       []byte // the name as it is written
	index     int
	omitEmpty bool
	plan      *plan
}

var (
	floatsType   = reflect.TypeFor[[]float64]()
	isZeroerType = reflect.TypeFor[interface{ IsZero() bool }]()
)

// planOf returns the plan of a type, or nil when the library must do the work.
// A program may have registered an encoder for any type with the library: the
// plan must write a sample as the library does.
func planOf(s *shape) *plan {
	c := planCompiler{}
	p := c.compile(s)
	if p == nil || p.depth > MaxValueDepth {
		return nil
	}
	zero, sample := reflect.New(s.typ).Elem(), reflect.New(s.typ).Elem()
	p.fill(sample)
	for _, v := range []reflect.Value{zero, sample} {
		var w bytes.Buffer
		enc := msgpack.NewEncoder(&w)
		enc.SetCustomStructTag(structTag)
		enc.UseCompactInts(true)
		if enc.EncodeValue(v) != nil || !bytes.Equal(w.Bytes(), p.append(nil, v)) {
			return nil
		}
	}
	return p
}

// planCompiler remembers each type's plan, nil while it is being compiled: that
// leaves recursive types without one.
type planCompiler map[*shape]*plan

func (c planCompiler) compile(s *shape) *plan {
	if p, ok := c[s]; ok {
		return p
	}
	c[s] = nil
	if s.custom {
		return nil
	}
	p := &plan{kind: s.typ.Kind(), s: s}
	switch s.kind {
	case shapeLoose, shapeFloat32, shapeFloat64: // of the loose, only booleans and strings are not custom
	case shapeInt:
		p.kind = reflect.Int
	case shapeUint:
		if p.kind == reflect.Uintptr {
			return nil
		}
		p.kind = reflect.Uint
	case shapeBytes:
		if p.kind == reflect.Array {
			return nil
		}
		p.binary = true
	case shapePtr, shapeSlice, shapeArray:
		if p.elem = c.compile(s.elem); p.elem == nil {
			return nil
		}
		p.floats = s.typ == floatsType
		p.depth = p.elem.depth
		if s.kind != shapePtr {
			p.depth++
		}
	case shapeStruct:
		if !c.compileFields(p) {
			return nil
		}
	case shapeOpaque, shapeAny, shapeMap, shapeTime:
		return nil
	}
	c[s] = p
	return p
}

func (c planCompiler) compileFields(p *plan) bool {
	p.byName = map[string]int{}
	for sf := range p.s.typ.Fields() {
		tagText := sf.Tag.Get("msgpack")
		if tagText == "" {
			tagText = sf.Tag.Get(structTag)
		}
		tag := tagparser.Parse(tagText)
		if sf.Anonymous || sf.Name == "_msgpack" { // the latter's tag changes how the library writes the struct
			return false
		}
		if tag.Name == "-" || !sf.IsExported() {
			continue
		}
		f := planField{name: tag.Name, index: sf.Index[0]}
		if f.name == "" {
			f.name = sf.Name
		}
		for option := range tag.Options {
			switch option {
			case "omitempty":
				f.omitEmpty, p.omits = true, true
			case "string", "omitzero": // encoding/json's, which the library does not know
			default:
				return false
			}
		}
		if _, taken := p.byName[f.name]; taken {
			return false
		}
		if f.plan = c.compile(p.s.fields[f.name]); f.plan == nil {
			return false
		}
		if f.omitEmpty && (sf.Type.Implements(isZeroerType) || slices.Contains([]reflect.Kind{reflect.Struct, reflect.Array}, f.plan.kind)) {
			return false
		}
		f.key = AppendStr(nil, f.name)
		p.byName[f.name] = len(p.fields)
		p.fields = append(p.fields, f)
		p.depth = max(p.depth, f.plan.depth)
	}
	p.depth++
	return true
}

// fill makes a value of which no part is empty.
func (p *plan) fill(v reflect.Value) {
	switch p.kind {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(-1)
	case reflect.Uint:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(0.5)
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		v.Set(reflect.New(p.elem.s.typ))
		p.elem.fill(v.Elem())
	case reflect.Struct:
		for k := range p.fields {
			f := &p.fields[k]
			f.plan.fill(v.Field(f.index))
		}
	case reflect.Slice:
		v.Grow(1)
		v.SetLen(1)
		if !p.binary {
			p.elem.fill(v.Index(0))
		}
	case reflect.Array:
		for k := range v.Len() {
			p.elem.fill(v.Index(k))
		}
	default:
	}
}
