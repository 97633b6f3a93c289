package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// testItem is what the tests of this file look at.
const testItem = `{"pk":{"S":"p"},"n":{"N":"5"},"s":{"S":"hello"},"b":{"B":"AAE="},"t":{"BOOL":true},"z":{"NULL":true},
	"ss":{"SS":["a","b"]},"ns":{"NS":["1","2"]},"l":{"L":[{"N":"1"},{"S":"two"},{"L":[{"N":"3"}]}]},
	"m":{"M":{"a":{"N":"1"},"b":{"M":{"c":{"S":"x"}}}}}}`

func parseItem(t testing.TB, text string) attr.Item {
	t.Helper()
	it, err := attr.ParseItem(text)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// literals are the values that the tests' expressions may use; a scope holds those that occur.
var literals = map[string]string{
	":one": `{"N":"1"}`, ":two": `{"N":"2"}`, ":five": `{"N":"5"}`, ":he": `{"S":"he"}`, ":hello": `{"S":"hello"}`,
	":b": `{"B":"AA=="}`, ":true": `{"BOOL":true}`, ":null": `{"NULL":true}`, ":l": `{"L":[{"N":"1"},{"N":"2"}]}`,
	":inner": `{"L":[{"N":"3"}]}`, ":m": `{"M":{"p":{"N":"1"}}}`, ":ss": `{"SS":["b","c"]}`, ":ab": `{"SS":["a","b"]}`, ":ns": `{"NS":["2","3"]}`,
	":S": `{"S":"S"}`, ":X": `{"S":"X"}`, ":big": `{"N":"9e125"}`, ":tiny": `{"N":"1e-130"}`,
}

func scopeFor(t testing.TB, text string) *Scope {
	t.Helper()
	var names map[string]string
	var values map[string]attr.Value
	for _, tok := range lex(text) {
		switch {
		case tok.kind == tokName && tok.text != "#undefined":
			if names == nil {
				names = map[string]string{}
			}
			names[tok.text] = tok.text[1:]
		case tok.kind == tokValue && literals[tok.text] != "":
			v, err := attr.ParseValue(literals[tok.text])
			if err != nil {
				t.Fatal(err)
			}
			if values == nil {
				values = map[string]attr.Value{}
			}
			values[tok.text] = v
		}
	}
	s, err := NewScope(names, values)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConditions(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	it := parseItem(t, testItem)
	for _, c := range []struct {
		text string
		want bool
	}{
		{"n = :five", true},
		{"(n) = (:five)", true},
		{":five = n", true},
		{"n <> :five", false},
		{"nope <> :five", true},
		{"nope = nope2", false},
		{"nope <> nope2", true},
		{"n > :two", true},
		{"n > :he", false},
		{"NOT n > :he", true},
		{"not n <= :two", true},
		{"n between :one AND :five", true},
		{"n BETWEEN :one AND :two AND n = :five", false},
		{"n = :five OR n = :one AND n = :two", true},
		{"(n = :five OR n = :one) AND n = :two", false},
		{"NOT n = :one AND n = :one", false},
		{"n IN (:one, :five)", true},
		{"m IN (:m, :one)", false},
		{"attribute_exists(m.b.c)", true},
		{"attribute_exists(m.b.#d)", false},
		{"attribute_not_exists(l[3])", true},
		{"attribute_exists(l[2][0])", true},
		{"attribute_type(s, :S)", true},
		{"attribute_type(n, :S)", false},
		{"begins_with(s, :he)", true},
		{"begins_with(b, :b)", true},
		{"begins_with(n, :he)", false},
		{"contains(s, :he)", true},
		{"contains(ss, :he)", false},
		{"contains(ns, :two)", true},
		{"contains(l, :inner)", true},
		{"contains(b, :b)", true},
		{"size(s) = :five", true},
		{"size(l) > size(b)", true},
		{"size(n) = :one", false},
		{"ss = :ab", true},
		{"t = :true AND z = :null", true},
		{"#pk = m.a OR l [ 0 ] = :one", true},
	} {
		cond, err := e.Condition(scopeFor(t, c.text), ConditionExpression, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if cond.Match(it) != c.want {
			t.Errorf("%s: %v", c.text, !c.want)
		}
	}
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	for _, c := range []struct{ name, text, before, after string }{
		{"values come from the item as it was", "SET a = b, b = a", `{"a":{"N":"1"},"b":{"N":"2"}}`, `{"a":{"N":"2"},"b":{"N":"1"}}`},
		{"plus and minus", "SET a = a + :five, b = :one - b", `{"a":{"N":"0.1"},"b":{"N":"2"}}`, `{"a":{"N":"5.1"},"b":{"N":"-1"}}`},
		{"a counter that may not be there", "SET n = if_not_exists(n, :one) + :one", `{}`, `{"n":{"N":"2"}}`},
		{"lists grow at both ends", "SET a = list_append(a, :l), b = list_append(:inner, a)", `{"a":{"L":[{"N":"7"}]}}`,
			`{"a":{"L":[{"N":"7"},{"N":"1"},{"N":"2"}]},"b":{"L":[{"N":"3"},{"N":"7"}]}}`},
		{"elements beyond the end are appended in order", "SET a[9] = :two, a[5] = :one", `{"a":{"L":[{"N":"0"}]}}`, `{"a":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]}}`},
		{"positions are those of the item as it was", "SET a[2] = :one REMOVE a[0]", `{"a":{"L":[{"N":"7"},{"N":"8"},{"N":"9"}]}}`, `{"a":{"L":[{"N":"8"},{"N":"1"}]}}`},
		{"several elements go", "REMOVE a[0], a[2], a[7]", `{"a":{"L":[{"N":"7"},{"N":"8"},{"N":"9"}]}}`, `{"a":{"L":[{"N":"8"}]}}`},
		{"a nested attribute", "SET m.a.b = :one REMOVE m.c", `{"m":{"M":{"a":{"M":{}},"c":{"N":"1"}}}}`, `{"m":{"M":{"a":{"M":{"b":{"N":"1"}}}}}}`},
		{"removing what is not there", "REMOVE nope", `{"a":{"N":"1"}}`, `{"a":{"N":"1"}}`},
		{"ADD makes a number", "ADD n :five", `{}`, `{"n":{"N":"5"}}`},
		{"ADD to a set", "ADD a :ss", `{"a":{"SS":["a","b"]}}`, `{"a":{"SS":["a","b","c"]}}`},
		{"DELETE from a set", "DELETE a :ss", `{"a":{"SS":["a","b"]}}`, `{"a":{"SS":["a"]}}`},
		{"a set that becomes empty goes", "DELETE a :ss", `{"a":{"SS":["b","c"]}}`, `{}`},
		{"all sections in any order", "add n :one remove x delete s :ss set y = :two", `{"s":{"SS":["a","b"]},"x":{"N":"1"}}`, `{"n":{"N":"1"},"s":{"SS":["a"]},"y":{"N":"2"}}`},
	} {
		before := parseItem(t, c.before)
		u, err := e.Update(scopeFor(t, c.text), c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		after, err := u.Apply(before)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.after, string(attr.AppendItem(nil, after))); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if d := cmp.Diff(c.before, string(attr.AppendItem(nil, before))); d != "" {
			t.Errorf("%s changed the item it was given: %s", c.name, d)
		}
	}
}

func TestUpdatesThatDoNotFitTheItem(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	it := parseItem(t, testItem)
	for text, want := range map[string]string{
		"SET a = nope":               "refers to an attribute that does not exist in the item",
		"SET a = nope + :one":        "refers to an attribute that does not exist in the item",
		"SET a = if_not_exists(n,x)": "refers to an attribute that does not exist in the item",
		"SET a = s + :one":           "An operand in the update expression has an incorrect data type",
		"SET a = list_append(n, :l)": "An operand in the update expression has an incorrect data type",
		"ADD s :one":                 "An operand in the update expression has an incorrect data type",
		"DELETE ss :ns":              "An operand in the update expression has an incorrect data type",
		"SET nope.x = :one":          "The document path provided in the update expression is invalid for update",
		"SET n[0] = :one":            "The document path provided in the update expression is invalid for update",
		"REMOVE n.x":                 "The document path provided in the update expression is invalid for update",
		"DELETE nope.x :ss":          "The document path provided in the update expression is invalid for update",
		"SET a = :big + :big":        "Number overflow",
		"SET a = :big + :tiny":       "38 significant digits",
	} {
		u, err := e.Update(scopeFor(t, text), text)
		if err != nil {
			t.Errorf("%s: refused too early: %v", text, err)
			continue
		}
		_, err = u.Apply(it)
		var invalid *attr.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestProjections(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	it := parseItem(t, testItem)
	for text, want := range map[string]string{
		"n":               `{"n":{"N":"5"}}`,
		"nope, m.nope":    `{}`,
		"m.b.c, n":        `{"m":{"M":{"b":{"M":{"c":{"S":"x"}}}}},"n":{"N":"5"}}`,
		"l[2][0], l[0]":   `{"l":{"L":[{"N":"1"},{"L":[{"N":"3"}]}]}}`,
		"m.a, m.b, #s, t": `{"m":{"M":{"a":{"N":"1"},"b":{"M":{"c":{"S":"x"}}}}},"s":{"S":"hello"},"t":{"BOOL":true}}`,
	} {
		p, err := e.Projection(scopeFor(t, text), text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(want, string(attr.AppendItem(nil, p.Apply(it)))); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestKeyConditions(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	one, two := attr.Number(attr.NewDecimal(1)), attr.Number(attr.NewDecimal(2))
	for text, want := range map[string][]KeyTerm{
		"pk = :one":                            {{Name: "pk", Op: "=", Value: one}},
		"(:one = pk) AND :two >= #sk":          {{Name: "pk", Op: "=", Value: one}, {Name: "sk", Op: "<=", Value: two}},
		"sk BETWEEN :one AND :two AND pk=:two": {{Name: "sk", Op: "BETWEEN", Value: one, High: two}, {Name: "pk", Op: "=", Value: two}},
		"begins_with(sk, :he)":                 {{Name: "sk", Op: "begins_with", Value: attr.String("he")}},
	} {
		got, err := e.KeyCondition(scopeFor(t, text), text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}
