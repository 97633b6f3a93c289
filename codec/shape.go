package codec

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/tagparser/v2"
)

// shapeKind is what a Go type expects on the wire.
type shapeKind uint8

const (
	// shapeLoose values need no look inside: whatever the library does with them is right.
	shapeLoose shapeKind = iota
	shapeOpaque
	shapeAny
	shapeInt
	shapeUint
	shapeFloat32
	shapeFloat64
	shapeBytes
	shapePtr
	shapeSlice
	shapeArray
	shapeMap
	shapeStruct
	shapeTime
)

// shape is a Go type compiled for the walk that conform does over encoded bytes.
type shape struct {
	kind shapeKind
	typ  reflect.Type
	// lo and hi bound integers; lo is 0 for unsigned kinds.
	lo int64
	hi uint64
	// size is the memory of one element (slices, arrays), of one entry (maps) or of the value (structs).
	size int64
	key  *shape
	elem *shape
	// fields are a struct's by name, list in the order of the array form.
	fields map[string]*shape
	list   []*shape
	// unsorted: the type can hold maps that the library does not sort when it encodes.
	unsorted bool
	// custom: the type can hold values with marshalers of their own.
	custom bool
	// plan does without the library; nil where that is not possible.
	plan *plan
}

// shapes caches compiled types for the whole process. It is global on purpose,
// like the caches of encoding/json and of the library: what it holds follows from
// the type alone, and there are only as many types as the program declares.
var shapes sync.Map // reflect.Type → *shape or error

// shapeOf compiles t. The error tells why values of t cannot travel.
func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		if err, ok := s.(error); ok {
			return nil, err
		}
		return s.(*shape), nil //nolint:forcetypeassert // shapes holds shapes and errors
	}
	c := shapeCompiler{done: map[reflect.Type]*shape{}}
	s, err := c.compile(t)
	if err != nil {
		shapes.Store(t, err)
		return nil, err
	}
	c.propagate()
	s.plan = planOf(s)
	shapes.Store(t, s)
	return s, nil
}

// CheckType reports why values of type t cannot be arguments or results:
// channels, functions, complex numbers, and structs that embed themselves. It
// lets a program refuse a handler when it is declared and not at its first task.
func CheckType(t reflect.Type) error {
	_, err := shapeOf(t)
	return err
}

type shapeCompiler struct {
	done map[reflect.Type]*shape
	// embedding is the chain of structs whose fields are being collected.
	embedding []reflect.Type
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	customTypes = []reflect.Type{
		reflect.TypeFor[msgpack.CustomDecoder](), reflect.TypeFor[msgpack.Unmarshaler](),
		reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
	}
	customEncTypes = []reflect.Type{
		reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
		reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler](),
	}
)

func implementsAny(t reflect.Type, ifaces []reflect.Type) bool {
	for _, i := range ifaces {
		if t.Implements(i) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

//nolint:funlen // a case a kind of type
func (c *shapeCompiler) compile(t reflect.Type) (*shape, error) {
	if s := c.done[t]; s != nil {
		return s, nil
	}
	s := &shape{typ: t, size: int64(t.Size())}
	c.done[t] = s // before the elements: types may be recursive
	if t == timeType {
		s.kind = shapeTime
		return s, nil
	}
	if implementsAny(t, customTypes) {
		s.kind, s.custom = shapeOpaque, true
		return s, nil
	}
	s.custom = implementsAny(t, customEncTypes)
	var err error
	switch k := t.Kind(); k {
	case reflect.Bool, reflect.String:
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind = shapeInt
		s.lo, s.hi = math.MinInt64>>(64-t.Bits()), math.MaxUint64>>(65-t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s.kind, s.hi = shapeUint, math.MaxUint64>>(64-t.Bits())
	case reflect.Float32:
		s.kind = shapeFloat32
	case reflect.Float64:
		s.kind = shapeFloat64
	case reflect.Interface:
		s.kind, s.unsorted, s.custom = shapeAny, true, true
	case reflect.Pointer:
		s.kind = shapePtr
		if pointsToItself(t) {
			return nil, fmt.Errorf("type %s points to nothing but itself", t)
		}
		s.elem, err = c.compile(t.Elem())
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			s.kind = shapeBytes
			break
		}
		s.kind = shapeSlice
		if k == reflect.Array {
			s.kind = shapeArray
		}
		s.size = int64(t.Elem().Size())
		s.elem, err = c.compile(t.Elem())
	case reflect.Map:
		s.kind = shapeMap
		s.unsorted = true
		s.size = int64(t.Key().Size()+t.Elem().Size()) + 8
		if s.key, err = c.compile(t.Key()); err == nil {
			s.elem, err = c.compile(t.Elem())
		}
	case reflect.Struct:
		s.kind = shapeStruct
		err = c.compileStruct(s)
	default:
		err = fmt.Errorf("type %s cannot be encoded as msgpack", t)
	}
	return s, err
}

// pointsToItself finds types such as "type P *P", on which the library would
// recurse for ever. Nobody declares sixteen stars.
func pointsToItself(t reflect.Type) bool {
	for range 16 {
		if t.Kind() != reflect.Pointer {
			return false
		}
		t = t.Elem()
	}
	return true
}

// propagate raises the flags of parts to what contains them, until nothing
// changes: with recursive types there is no order in which one pass would do.
func (c *shapeCompiler) propagate() {
	for changed := true; changed; {
		changed = false
		for _, s := range c.done {
			parts := append([]*shape{s.key, s.elem}, s.list...)
			for _, p := range parts {
				if p != nil && (p.unsorted && !s.unsorted || p.custom && !s.custom) {
					s.unsorted, s.custom, changed = s.unsorted || p.unsorted, s.custom || p.custom, true
				}
			}
		}
	}
}

// structFields are the fields of a struct as the library sees them.
type structFields struct {
	names  []string
	list   []*shape
	byName map[string]*shape
}

func (f *structFields) add(name string, s *shape) {
	f.byName[name] = s
	f.names = append(f.names, name)
	f.list = append(f.list, s)
}

func (c *shapeCompiler) compileStruct(s *shape) error {
	f, err := c.fieldsOf(s.typ)
	if err != nil {
		return err
	}
	s.fields, s.list = f.byName, f.list
	return nil
}

// fieldsOf finds the fields of t by the rules of the library's getFields, which
// has no exported form: tag names, "-", alias, and embedded structs whose
// fields move up unless one of their names is taken. A test compares the outcome
// with what the library encodes.
func (c *shapeCompiler) fieldsOf(t reflect.Type) (*structFields, error) {
	if slices.Contains(c.embedding, t) {
		return nil, fmt.Errorf("type %s embeds itself", t)
	}
	c.embedding = append(c.embedding, t)
	defer func() { c.embedding = c.embedding[:len(c.embedding)-1] }()

	fs := &structFields{byName: map[string]*shape{}}
	for sf := range t.Fields() {
		tagText := sf.Tag.Get("msgpack")
		if tagText == "" {
			tagText = sf.Tag.Get(structTag)
		}
		tag := tagparser.Parse(tagText)
		if tag.Name == "-" || !sf.IsExported() && !sf.Anonymous {
			continue
		}
		name := tag.Name
		if name == "" {
			name = sf.Name
		}
		if sf.Anonymous && !tag.HasOption("noinline") {
			inlined, err := c.inline(fs, sf.Type, tag.HasOption("inline"))
			if err != nil {
				return nil, err
			}
			if inlined {
				// The library lets the embedded struct be addressed by its own name as well.
				s, err := c.compile(sf.Type)
				if err != nil {
					return nil, err
				}
				fs.byName[name] = s
				continue
			}
		}
		s, err := c.compileField(sf.Type)
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", sf.Name, t, err)
		}
		fs.add(name, s)
		if alias, ok := tag.Options["alias"]; ok {
			fs.byName[alias] = s
		}
	}
	return fs, nil
}

// compileField starts a new chain of embedding: a struct may well contain a
// pointer to itself in a field with a name.
func (c *shapeCompiler) compileField(t reflect.Type) (*shape, error) {
	chain := c.embedding
	c.embedding = nil
	s, err := c.compile(t)
	c.embedding = chain
	return s, err
}

// inline moves the fields of an embedded struct up into fs, when the library does.
func (c *shapeCompiler) inline(fs *structFields, t reflect.Type, forced bool) (bool, error) {
	if !forced {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == timeType || implementsAny(t, customTypes) || implementsAny(t, customEncTypes) {
			return false, nil
		}
	}
	if t.Kind() != reflect.Struct {
		return false, errors.New("inline wants a struct, not " + t.String())
	}
	inner, err := c.fieldsOf(t)
	if err != nil {
		return false, err
	}
	if !forced {
		for _, name := range inner.names {
			if _, taken := fs.byName[name]; taken {
				return false, nil
			}
		}
	}
	for k, name := range inner.names {
		if _, taken := fs.byName[name]; !taken {
			fs.add(name, inner.list[k])
		}
	}
	return true, nil
}
