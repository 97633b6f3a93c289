package expr

import (
	"errors"
	"fmt"
	"testing"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

func TestTheCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	e := NewEngine(8)
	hot, err := e.tree(ConditionExpression, "attribute_not_exists(pk)")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if _, err := e.tree(ConditionExpression, fmt.Sprintf("a%d = :v", i)); err != nil {
			t.Fatal(err)
		}
		again, err := e.tree(FilterExpression, "attribute_not_exists(pk)")
		if err != nil || again != hot {
			t.Fatalf("after %d others the tree was parsed again (%v)", i, err)
		}
	}
	if n := len(e.trees.young) + len(e.trees.old); n > 16 {
		t.Errorf("%d trees kept", n)
	}
	if _, err := e.tree(ConditionExpression, "a = "); err == nil {
		t.Error("a syntax error must not be cached as a tree")
	}
}

func TestTreesAreSharedBetweenScopes(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	it := attr.Item{}.With("a", attr.String("1")).With("b", attr.String("2"))
	for _, c := range []struct{ name, value string }{{"a", "1"}, {"b", "2"}} {
		s, err := NewScope(map[string]string{"#n": c.name}, map[string]attr.Value{":v": attr.String(c.value)})
		if err != nil {
			t.Fatal(err)
		}
		cond, err := e.Condition(s, ConditionExpression, "#n = :v")
		if err != nil || !cond.Match(it) {
			t.Errorf("#n=%s :v=%s: %v", c.name, c.value, err)
		}
	}
}

func TestNotExists(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	for text, want := range map[string]string{
		"attribute_not_exists(pk)":                              "pk",
		"attribute_not_exists(#sk)":                             "sk",
		"attribute_not_exists(pk.a)":                            "",
		"attribute_exists(pk)":                                  "",
		"NOT attribute_not_exists(pk)":                          "",
		"attribute_not_exists(pk) AND attribute_not_exists(sk)": "",
	} {
		c, err := e.Condition(scopeFor(t, text), ConditionExpression, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := c.NotExists(); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", text, got, ok)
		}
	}
}

func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{
		"a = :one AND NOT (b[0].c < :two OR size(#d) BETWEEN :one AND :five)", "SET a = if_not_exists(a, :one) + :one, l[1] = list_append(l, :l) REMOVE m.b ADD ns :ns DELETE ss :ss",
		"a, m.b, l[0][1]", "pk = :one AND begins_with(sk, :he)", "attribute_type(a, :S)", "((((", "a IN (:one", "é#:[0",
	} {
		f.Add(seed)
	}
	it := parseItem(f, testItem)
	f.Fuzz(func(t *testing.T, text string) {
		e := NewEngine(1)
		s := scopeFor(t, text)
		typed := func(err error) {
			var invalid *attr.InvalidError
			if err != nil && !errors.As(err, &invalid) {
				t.Fatalf("untyped error %T %v", err, err)
			}
		}
		if c, err := e.Condition(s, ConditionExpression, text); err == nil {
			c.Match(it)
			c.Match(nil)
			c.Uses("a")
		} else {
			typed(err)
		}
		if p, err := e.Projection(s, text); err == nil {
			p.Apply(it)
		} else {
			typed(err)
		}
		_, err := e.KeyCondition(s, text)
		typed(err)
		u, err := e.Update(s, text)
		if err != nil {
			typed(err)
			return
		}
		before := string(attr.AppendItem(nil, it))
		after, err := u.Apply(it)
		typed(err)
		if err == nil {
			if _, err := attr.ParseItem(string(attr.AppendItem(nil, after))); err != nil && after.Depth() <= attr.MaxDepth {
				t.Fatalf("the result is no item: %v", err)
			}
		}
		if string(attr.AppendItem(nil, it)) != before {
			t.Fatal("the update changed the item it was given")
		}
	})
}
