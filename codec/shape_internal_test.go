package codec

import (
	"bytes"
	"encoding"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
)

// Types that use every rule by which the library names fields.
type (
	Plain1 struct{ A, B int }
	Tagged struct {
		A int `json:"y" msgpack:"x"`
		B int `json:"z,omitempty"`
		C int `json:"-"`
		D int `json:"d" msgpack:"-"`
		e int
		F int `json:",omitempty"`
		G int `msgpack:"g,alias:old"`
		H int `json:"'quoted name'"`
	}
	Embeds struct {
		Plain1
		C int
	}
	EmbedsPtr struct {
		C int
		*Plain1
	}
	EmbedsTagged struct {
		Plain1 `json:"named"`
		C      int
	}
	NoInline struct {
		Plain1 `msgpack:",noinline"`
		C      int
	}
	Shadowed struct {
		A string
		Plain1
	}
	ShadowedInline struct {
		A      string
		Plain1 `msgpack:",inline"`
	}
	ShadowedLater struct {
		Plain1
		A string
	}
	Deep struct {
		Embeds
		*EmbedsPtr2
		D int
	}
	EmbedsPtr2 struct{ X, Y int }
	EmbedsTime struct {
		time.Time
		N int
	}
	EmbedsText struct {
		Texty
		N int
	}
	Texty struct {
		S string
		I int
	}
	EmbedsInt struct {
		MyInt
		N int
	}
	MyInt  int
	hidden struct{ H int }
	Hiding struct {
		hidden
		N int
	}
	AsArray struct {
		_msgpack struct{} `msgpack:",as_array"` //nolint:unused // msgpack reads its tag
		A, B     int
	}
	OmitAll struct {
		_msgpack struct{} `msgpack:",omitempty"` //nolint:unused // msgpack reads its tag
		A, B     int
	}
)

var _ encoding.TextMarshaler = Texty{}

func (t Texty) MarshalText() ([]byte, error) { return []byte(t.S), nil }

// The walk in conform finds a field's type by the library's rules, which it has
// to repeat. Whatever the library writes as the names of a struct must be what
// the shape knows, in the same order.
func TestFieldsAreTheLibrarys(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		Plain1{1, 2}, Tagged{1, 2, 3, 4, 5, 6, 7, 8}, Embeds{}, EmbedsPtr{Plain1: &Plain1{}}, EmbedsTagged{}, NoInline{},
		Shadowed{}, ShadowedInline{}, ShadowedLater{}, Deep{EmbedsPtr2: &EmbedsPtr2{}}, EmbedsInt{}, Hiding{}, OmitAll{A: 1, B: 1},
	} {
		typ := reflect.TypeOf(v)
		c := shapeCompiler{done: map[reflect.Type]*shape{}}
		fs, err := c.fieldsOf(typ)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if diff := cmp.Diff(libraryNames(t, v), fs.names); diff != "" {
			t.Errorf("%s: names (-library +shape):\n%s", typ, diff)
		}
	}
}

// libraryNames returns the keys that the library writes for a struct.
func libraryNames(t *testing.T, v any) []string {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.SetCustomStructTag(structTag)
	if err := enc.Encode(v); err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	raw := buf.Bytes()
	n, off, ok := readMapLen(raw, 0)
	if !ok {
		t.Fatalf("%T is not written as a map", v)
	}
	names := make([]string, n)
	for i := range names {
		name, next, _ := readStr(raw, off)
		names[i], off = string(name), skipValid(raw, next)
	}
	return names
}

// For every struct: an out-of-range number under any name or at any place that
// the library would decode into an int must be refused, never wrapped.
func TestNoFieldEscapesTheCheck(t *testing.T) {
	t.Parallel()
	names := []string{"A", "B", "C", "D", "F", "H", "N", "X", "Y", "x", "y", "z", "g", "old", "quoted name", "named", "Plain1", "Embeds", "EmbedsPtr2", "hidden", "MyInt", "d", "e", "Texty", "I"}
	tooLarge := appendUint(nil, 1<<63) // no int holds it; the library makes it negative
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Plain1](), reflect.TypeFor[Tagged](), reflect.TypeFor[Embeds](), reflect.TypeFor[EmbedsPtr](), reflect.TypeFor[EmbedsTagged](),
		reflect.TypeFor[NoInline](), reflect.TypeFor[Shadowed](), reflect.TypeFor[ShadowedInline](), reflect.TypeFor[ShadowedLater](),
		reflect.TypeFor[Deep](), reflect.TypeFor[EmbedsText](), reflect.TypeFor[EmbedsInt](), reflect.TypeFor[Hiding](), reflect.TypeFor[AsArray](), reflect.TypeFor[OmitAll](),
	} {
		var inputs [][]byte
		for _, outer := range names {
			inputs = append(inputs, append(AppendStr([]byte{0x81}, outer), tooLarge...))
			for _, in := range names {
				inputs = append(inputs, append(AppendStr(append(AppendStr([]byte{0x81}, outer), 0x81), in), tooLarge...))
			}
		}
		for n := 1; n < 6; n++ {
			for at := range n {
				raw := AppendArrayLen(nil, n)
				for k := range n {
					if k == at {
						raw = append(raw, tooLarge...)
					} else {
						raw = append(raw, mpNil)
					}
				}
				inputs = append(inputs, raw)
			}
		}
		for _, raw := range inputs {
			p := reflect.New(typ)
			if err := Unmarshal(raw, p.Interface()); err == nil && hasNegative(p.Elem()) {
				t.Errorf("% x became %+v", raw, p.Elem())
			}
		}
	}
}

func hasNegative(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Int:
		return v.Int() < 0
	case reflect.Pointer:
		return !v.IsNil() && hasNegative(v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			if hasNegative(field) {
				return true
			}
		}
		return false
	default:
		return false
	}
}
