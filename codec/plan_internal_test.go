package codec

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

type planInner struct {
	N    int8    `msgpack:"n"`
	F    float32 `json:"f"`
	Text string
}

// planned has every type that a plan can hold.
type planned struct {
	I    int           `json:"i"`
	I16  int16         `json:"i16,omitempty"`
	D    time.Duration `json:"d,string"`
	U    uint          `json:"u"`
	U8   uint8         `json:"u8,omitempty"`
	F    float64       `json:"f"`
	FO   float64       `json:"fo,omitempty"`
	F32  float32       `json:"f32"`
	OK   bool          `json:"ok,omitempty"`
	S    string        `json:"s"`
	SO   string        `json:"so,omitempty"`
	B    []byte        `json:"b"`
	BO   []byte        `json:"bo,omitempty"`
	Fs   []float64     `json:"fs"`
	Is   []int32       `json:"is,omitempty"`
	Ss   []string      `json:"ss"`
	A    [3]uint16     `json:"a"`
	In   planInner     `json:"in"`
	P    *planInner    `json:"p"`
	PO   *int          `json:"po,omitempty"`
	PP   **int64       `json:"pp"`
	Ins  []planInner   `json:"ins"`
	Ptrs []*planInner  `json:"ptrs"`
	Skip int           `json:"-"`
}

type (
	withMap      struct{ M map[string]int }
	withAny      struct{ A any }
	withTime     struct{ T time.Time }
	withEmbedded struct{ planInner }
	withMarsh    struct{ R msgpack.RawMessage }
	recursive    struct{ Next *recursive }
	asArray      struct {
		_msgpack struct{} `msgpack:",as_array"` //nolint:unused // the library looks for it by name
		A        int
	}
	withAlias struct {
		A int `msgpack:"a,alias:b"`
	}
	withIntern struct {
		A string `msgpack:"a,intern"`
	}
	omitStruct struct {
		In planInner `json:"in,omitempty"` //nolint:modernize // what a user may have written
	}
	registered   struct{ N int }
	registeredIn struct{ R []registered }
)

func TestWhatHasAPlan(t *testing.T) {
	t.Parallel()
	twice := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"x"`}, {Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	})).Elem().Interface()
	msgpack.Register(registered{}, func(e *msgpack.Encoder, _ reflect.Value) error { return e.EncodeString("!") }, nil)
	tests := []struct {
		v    any
		want bool
	}{
		{planned{}, true}, {&planned{}, true}, {[]planned{}, true}, {struct{}{}, true}, {[2][]bool{}, true},
		{withMap{}, false}, {withAny{}, false}, {withTime{}, false}, {withEmbedded{}, false}, {withMarsh{}, false},
		{recursive{}, false}, {asArray{}, false}, {withAlias{}, false}, {withIntern{}, false}, {twice, false},
		{omitStruct{}, false}, {[16]byte{}, false}, {uintptr(1), false}, {registered{}, false}, {registeredIn{}, false},
	}
	for _, tt := range tests {
		s, err := shapeOf(reflect.TypeOf(tt.v))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.plan != nil; got != tt.want {
			t.Errorf("%T has a plan: %v, want %v", tt.v, got, tt.want)
		}
	}
}

// deep nests one level more than an argument may.
func deep() reflect.Type {
	typ := reflect.TypeFor[int]()
	for range MaxValueDepth + 1 {
		typ = reflect.SliceOf(typ)
	}
	return typ
}

func TestATypeTooDeepHasNoPlan(t *testing.T) {
	t.Parallel()
	for typ, want := range map[reflect.Type]bool{deep(): false, deep().Elem(): true} {
		s, err := shapeOf(typ)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.plan != nil; got != want {
			t.Errorf("%v has a plan: %v, want %v", typ, got, want)
		}
	}
}

// Law: a plan writes what the library writes.
func TestPlansWriteAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	s, err := shapeOf(reflect.TypeFor[planned]())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Make[planned]().Draw(t, "value")
		want, err := marshalByLibrary(v, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.plan.append(nil, reflect.ValueOf(v)); !bytes.Equal(want, got) {
			t.Fatalf("the library writes %x, the plan %x", want, got)
		}
	})
}

// Law: whatever the bytes, Unmarshal makes of them what the library makes, also in
// a target that holds something already, and fails as it does.
func TestPlansReadAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	s, err := shapeOf(reflect.TypeFor[planned]())
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		raw := s.plan.append(nil, reflect.ValueOf(rapid.Make[planned]().Draw(t, "value")))
		if rapid.Bool().Draw(t, "twice") { // each key twice, with different values
			other := s.plan.append(nil, reflect.ValueOf(rapid.Make[planned]().Draw(t, "other")))
			n, from, _ := readMapLen(raw, 0)
			m, more, _ := readMapLen(other, 0)
			raw = append(append(AppendMapLen(nil, n+m), raw[from:]...), other[more:]...)
		}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.SampledFrom([]byte{
				0x00, 0x7f, 0xff, 0x80, 0x90, 0x91, 0xa0, 0xa1, mpNil, mpTrue, mpBin8, mpFloat32, mpFloat64, mpUint64, mpInt64, mpFixExt1,
			}).Draw(t, "byte")
		}
		if Guard(raw, MaxDepth) != nil {
			return
		}
		var got, want planned
		if rapid.Bool().Draw(t, "filled") {
			s.plan.fill(reflect.ValueOf(&got).Elem())
			s.plan.fill(reflect.ValueOf(&want).Elem())
		}
		gotErr, wantErr := Unmarshal(raw, &got), unmarshalByLibrary(raw, &want, s)
		if (gotErr == nil) != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error() {
			t.Fatalf("%x: error %v, want %v", raw, gotErr, wantErr)
		}
		if gotErr != nil {
			return
		}
		read++
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("%x (-library +plan):\n%s", raw, diff)
		}
	})
	if read == 0 {
		t.Error("no value was read")
	}
}

// What the reader itself takes, without the library's help.
func TestAPlanConverts(t *testing.T) {
	t.Parallel()
	s, err := shapeOf(reflect.TypeFor[planned]())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Marshal(map[string]any{
		"i": 3.0, "u8": uint64(200), "f": 7, "fo": float32(0.5), "fs": []any{1, 2.5}, "unknown": []int{1}, "p": nil, "a": []int{1},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got planned
	r := planReader{b: raw, budget: memoryBudget(raw)}
	if end, ok := r.read(s.plan, 0, reflect.ValueOf(&got).Elem()); !ok || end != len(raw) {
		t.Fatalf("read up to %d of %d, %v", end, len(raw), ok)
	}
	want := planned{I: 3, U8: 200, F: 7, FO: 0.5, Fs: []float64{1, 2.5}, A: [3]uint16{1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, v := range map[string]any{
		"i": 1.5, "i16": 1 << 20, "u": -1, "u8": 256, "f32": math.MaxFloat64, "ok": 1, "s": 1, "b": "text", "fs": "x", "a": []int{1, 2, 3, 4},
		"in": []int{1}, "ss": nil,
	} {
		raw, err := Marshal(map[string]any{name: v})
		if err != nil {
			t.Fatal(err)
		}
		r := planReader{b: raw, budget: memoryBudget(raw)}
		if _, ok := r.read(s.plan, 0, reflect.ValueOf(new(planned)).Elem()); ok {
			t.Errorf("%q: %v is read; the library must judge it", name, v)
		}
	}
	// One byte may not become a large struct without end.
	r = planReader{b: []byte{0x93, 0x80, 0x80, 0x80}, budget: 2*int64(reflect.TypeFor[planned]().Size()) - 1}
	list, err := shapeOf(reflect.TypeFor[[]*planned]())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.read(list.plan, 0, reflect.ValueOf(new([]*planned)).Elem()); ok {
		t.Error("structs are not charged to the budget")
	}
}
