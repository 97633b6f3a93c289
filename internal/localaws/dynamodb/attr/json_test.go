package attr

import (
	"errors"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestParseValue(t *testing.T) {
	t.Parallel()
	nested := func(levels int) string {
		return strings.Repeat(`{"L":[`, levels-1) + `{"N":"1"}` + strings.Repeat(`]}`, levels-1)
	}
	for _, c := range []struct{ name, in, want, fails string }{
		{"a string", `{"S":"a\u00e9\ud83d\ude00\n"}`, `{"S":"aé😀\u000a"}`, ""},
		{"a lone surrogate becomes U+FFFD", `{"S":"\ud83d"}`, `{"S":"` + "\uFFFD" + `"}`, ""},
		{"white space is no matter", " { \"N\" :\t\"1\" }\n", `{"N":"1"}`, ""},
		{"numbers become canonical", `{"N":"01.50e1"}`, `{"N":"15"}`, ""},
		{"members are sorted, the last of one name counts", `{"M":{"b":{"N":"1"},"a":{"N":"2"},"b":{"N":"3"}}}`, `{"M":{"a":{"N":"2"},"b":{"N":"3"}}}`, ""},
		{"sets are sorted by value", `{"NS":["10","9","-1"]}`, `{"NS":["-1","9","10"]}`, ""},
		{"a null member counts as absent", `{"S":null,"N":"1"}`, `{"N":"1"}`, ""},
		{"32 levels", nested(32), nested(32), ""},
		{"33 levels", nested(33), "", "Nesting Levels"},
		{"no type", `{}`, "", "is empty"},
		{"an unknown type", `{"X":"1"}`, "", "is empty"},
		{"two types", `{"S":"a","N":"1"}`, "", "more than one"},
		{"NULL false", `{"NULL":false}`, "", "value of true"},
		{"an empty set", `{"SS":[]}`, "", "string set  may not be empty"},
		{"a set with a duplicate", `{"SS":["a","a"]}`, "", "[a, a] contains duplicates"},
		{"a set with one number twice", `{"NS":["1","1.0"]}`, "", "contains duplicates"},
		{"a number that is none", `{"N":"one"}`, "", "numeric value"},
		{"a number without quotes", `{"N":1}`, "", "NUMBER_VALUE cannot be converted to String"},
		{"broken base64", `{"B":"A"}`, "", "Base64"},
		{"text behind the value", `{"S":"a"}x`, "", "Unexpected text"},
		{"half a value", `{"S":"a"`, "", "End of input"},
		{"a trailing comma", `{"L":[{"N":"1"},]}`, "", "after ','"},
		{"a bare control character", "{\"S\":\"\n\"}", "", "Control character"},
		{"invalid UTF-8", "{\"S\":\"\xff\"}", "", "UTF-8"},
		{"an unknown escape", `{"S":"\x"}`, "", "Bad escape"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, err := ParseValue(c.in)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("%v; want an error with %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := string(AppendValue(nil, v)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// valuesOf draws values of all types, nested up to depth.
func valuesOf(depth int) *rapid.Generator[Value] {
	scalars := rapid.OneOf(
		rapid.Map(rapid.String(), String),
		rapid.Map(decimals(), Number),
		rapid.Custom(func(t *rapid.T) Value {
			return Value{Kind: B, Text: string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))}
		}),
		rapid.Map(rapid.Bool(), func(b bool) Value { return Value{Kind: BOOL, Bool: b} }),
		rapid.Just(Value{Kind: NULL}),
		rapid.Custom(func(t *rapid.T) Value {
			set, _ := NewSet(SS, rapid.SliceOfNDistinct(rapid.Map(rapid.String(), String), 1, 4, func(v Value) string { return v.Text }).Draw(t, "set"))
			return set
		}),
	)
	if depth == 0 {
		return scalars
	}
	return rapid.OneOf(scalars,
		rapid.Map(rapid.SliceOfN(valuesOf(depth-1), 0, 3), func(l []Value) Value { return Value{Kind: L, List: l} }),
		rapid.Map(items(depth-1), func(it Item) Value { return Value{Kind: M, Map: it} }))
}

func items(depth int) *rapid.Generator[Item] {
	return rapid.Custom(func(t *rapid.T) Item {
		it := Item{}
		for name, v := range rapid.MapOfN(rapid.String(), valuesOf(depth), 0, 4).Draw(t, "members") {
			it = it.With(name, v)
		}
		return it
	})
}

func TestItemsSurviveTheirJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		it := items(3).Draw(t, "item")
		text := string(AppendItem(nil, it))
		again, err := ParseItem(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if d := gocmp.Diff(it, again, cmpopts.EquateEmpty()); d != "" || !EqualItems(it, again) {
			t.Fatal(d)
		}
	})
}

func TestItemIsAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		it, model := Item{}, map[string]string{}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c", "d", ""}).Draw(t, "name")
			before := string(AppendItem(nil, it))
			var next Item
			if rapid.Bool().Draw(t, "add") {
				v := rapid.StringN(0, 2, -1).Draw(t, "value")
				next, model[name] = it.With(name, String(v)), v
			} else {
				next = it.Without(name)
				delete(model, name)
			}
			if string(AppendItem(nil, it)) != before {
				t.Fatal("the old item has changed")
			}
			it = next
			if len(it) != len(model) {
				t.Fatalf("%v, want %v", it, model)
			}
			for k, v := range model {
				if it.Get(k).Text != v {
					t.Fatalf("%s of %v, want %v", k, it, model)
				}
			}
		}
	})
}

func TestSize(t *testing.T) {
	t.Parallel()
	// By the developer guide: names and strings in UTF-8 bytes; 3 for a list or map and 1 for each element.
	it, err := ParseItem(`{"pk":{"S":"aé"},"n":{"N":"-123.4"},"b":{"B":"AAE="},"t":{"BOOL":true},"z":{"NULL":true},
		"ss":{"SS":["x","yy"]},"l":{"L":[{"S":"a"},{"N":"0"}]},"m":{"M":{"k":{"S":"v"}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := 2 + 3 + 1 + 4 + 1 + 2 + 1 + 1 + 1 + 1 + 2 + 3 + 1 + (3 + 2 + 1 + 1) + 1 + (3 + 1 + 1 + 1)
	if it.Size() != want {
		t.Errorf("size %d, want %d", it.Size(), want)
	}
}

func FuzzParseItem(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"S":"x\u00e9"}}`, `{"a":{"N":"-1.5e3"},"b":{"L":[{"NULL":true},{"M":{"c":{"BS":["AA=="]}}}]}}`, `{"a":{"SS":["a","b"]}}`, `{"a":{"X":[{}]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		it, err := ParseItem(text)
		if err != nil {
			var syntax *SyntaxError
			var invalid *InvalidError
			if !errors.As(err, &syntax) && !errors.As(err, &invalid) {
				t.Fatalf("untyped error %T %v", err, err)
			}
			return
		}
		once := AppendItem(nil, it)
		again, err := ParseItem(string(once))
		if err != nil || string(AppendItem(nil, again)) != string(once) {
			t.Fatalf("%q does not come back: %v", once, err)
		}
		if it.Depth() > MaxDepth {
			t.Fatal("nested too deeply")
		}
		_ = it.Size()
	})
}
