package dynamodb

import (
	"fmt"
	"maps"
	"strings"

	"pgregory.net/rapid"
)

// generator draws items and expressions over few names and small values, so that paths often lead
// somewhere and comparisons are often between things that can be compared.
type generator struct {
	t *rapid.T
	// values and names collect the placeholders of the expressions drawn since the last request.
	values map[string]any
	names  map[string]any
}

func av(kind string, v any) map[string]any { return map[string]any{kind: v} }

// below draws from 0..n-1 evenly. rapid's own integers favour the ends of their range, which would nest
// everything as deeply as it goes.
func (g *generator) below(n int) int {
	k := 0
	for range 7 {
		k *= 2
		if bit.Draw(g.t, "bit") {
			k++
		}
	}
	return k % n
}

var bit = rapid.Bool()

func (g *generator) chance(percent int) bool { return g.below(100) < percent }

func (g *generator) pick(options ...string) string { return options[g.below(len(options))] }

var names = []string{"a", "b", "c", "d", "l1", "m1"}

func (g *generator) item() map[string]any {
	it := map[string]any{}
	for _, n := range names {
		if g.chance(70) {
			it[n] = g.value(2)
		}
	}
	return it
}

var numbers = []string{"0", "1", "2", "-1", "10", "0.5", "-0.25", "1e3", "12345678901234567890", "1e-20", "3.14159265358979323846264338327950288"}

func (g *generator) scalar() map[string]any {
	switch g.pick("S", "S", "N", "N", "N", "B", "BOOL", "NULL") {
	case "S":
		return av("S", g.pick("", "a", "ab", "abc", "b", "S", "é"))
	case "N":
		return av("N", g.pick(numbers...))
	case "B":
		return av("B", g.pick("", "AA==", "AAE=", "/w=="))
	case "BOOL":
		return av("BOOL", g.chance(50))
	}
	return av("NULL", true)
}

func (g *generator) value(depth int) map[string]any {
	switch k := g.below(10); {
	case k < 5 || depth == 0 && k < 7:
		return g.scalar()
	case k == 5 && depth > 0:
		m := map[string]any{}
		for _, n := range names {
			if g.chance(40) {
				m[n] = g.value(depth - 1)
			}
		}
		return av("M", m)
	case k == 6 && depth > 0:
		l := []any{}
		for range g.below(5) {
			l = append(l, g.value(depth-1))
		}
		return av("L", l)
	case k == 7:
		return av("SS", g.subset("a", "ab", "b"))
	case k == 8:
		return av("NS", g.subset("1", "2", "0.5"))
	}
	return av("BS", g.subset("AA==", "/w=="))
}

// subset is not empty.
func (g *generator) subset(options ...string) []any {
	out := []any{}
	for _, o := range options {
		if g.chance(50) {
			out = append(out, o)
		}
	}
	if len(out) == 0 {
		return []any{options[0]}
	}
	return out
}

// request makes the body for the drawn expressions, with their placeholders.
func (g *generator) request(expressions map[string]string) map[string]any {
	body := map[string]any{"TableName": "differ"}
	for k, v := range expressions {
		body[k] = v
	}
	values := map[string]any{}
	maps.Copy(values, g.values)
	_, condition := expressions["ConditionExpression"]
	if len(values) > 0 || condition {
		body["ExpressionAttributeValues"] = values
	}
	if len(values) == 0 && strings.HasPrefix(expressions["UpdateExpression"], "SET touched") {
		body["ExpressionAttributeValues"] = values
	} else if len(values) == 0 {
		delete(body, "ExpressionAttributeValues")
	}
	if len(g.names) > 0 {
		body["ExpressionAttributeNames"] = g.names
	}
	g.values, g.names = nil, nil
	return body
}

// literal adds a value and gives its placeholder.
func (g *generator) literal(v map[string]any) string {
	if g.values == nil {
		g.values = map[string]any{}
	}
	k := fmt.Sprintf(":v%d", len(g.values))
	g.values[k] = v
	return k
}

func (g *generator) name() string {
	n := g.pick(names...)
	if !g.chance(30) {
		return n
	}
	if g.names == nil {
		g.names = map[string]any{}
	}
	g.names["#"+n] = n
	return "#" + n
}

func (g *generator) path() string {
	var p strings.Builder
	p.WriteString(g.name())
	for g.chance(35) {
		if g.chance(50) {
			fmt.Fprintf(&p, "[%d]", g.below(5))
		} else {
			p.WriteString("." + g.name())
		}
	}
	return p.String()
}

func (g *generator) operand() string {
	switch g.below(10) {
	case 0, 1, 2, 3:
		return g.path()
	case 4:
		return "size(" + g.path() + ")"
	case 5:
		return "(" + g.path() + ")"
	}
	return g.literal(g.value(1))
}

func (g *generator) condition(depth int) string {
	if depth > 0 && g.chance(60) {
		switch g.pick("AND", "OR", "NOT", "()") {
		case "AND":
			return g.condition(depth-1) + " AND " + g.condition(depth-1)
		case "OR":
			return g.condition(depth-1) + " or " + g.condition(depth-1)
		case "NOT":
			return "NOT " + g.condition(depth-1)
		}
		return "(" + g.condition(depth-1) + ")"
	}
	switch g.pick("cmp", "cmp", "cmp", "between", "in", "f1", "type", "f2", "f2") {
	case "cmp":
		return g.operand() + " " + g.pick("=", "<>", "<", "<=", ">", ">=") + " " + g.operand()
	case "between":
		return g.operand() + " BETWEEN " + g.operand() + " AND " + g.operand()
	case "in":
		return g.operand() + " IN (" + g.operand() + ", " + g.operand() + ")"
	case "f1":
		return g.pick("attribute_exists", "attribute_not_exists") + "(" + g.path() + ")"
	case "type":
		return "attribute_type(" + g.path() + ", " + g.literal(av("S", g.pick("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS", "X"))) + ")"
	}
	return g.pick("begins_with", "contains") + "(" + g.operand() + ", " + g.operand() + ")"
}

func (g *generator) update() string {
	var out []string
	sections := map[string]func() string{
		"SET":    func() string { return g.path() + " = " + g.assigned() },
		"REMOVE": g.path,
		"ADD":    func() string { return g.path() + " " + g.literal(g.value(0)) },
		"DELETE": func() string { return g.path() + " " + g.literal(g.value(0)) },
	}
	for _, s := range []string{"SET", "REMOVE", "ADD", "DELETE"} {
		if !g.chance(map[string]int{"SET": 60, "REMOVE": 35, "ADD": 25, "DELETE": 20}[s]) {
			continue
		}
		var parts []string
		for range 1 + g.below(3) {
			parts = append(parts, sections[s]())
		}
		out = append(out, s+" "+strings.Join(parts, ", "))
	}
	if out == nil {
		return "SET a = " + g.assigned()
	}
	return strings.Join(out, " ")
}

func (g *generator) assigned() string {
	value := func() string {
		switch g.below(6) {
		case 0, 1:
			return g.path()
		case 2:
			return "if_not_exists(" + g.path() + ", " + g.literal(g.value(1)) + ")"
		}
		return g.literal(g.value(1))
	}
	switch g.below(8) {
	case 0, 1:
		return value() + g.pick(" + ", " - ") + value()
	case 2:
		return "list_append(" + value() + ", " + value() + ")"
	case 3:
		return "if_not_exists(" + g.path() + ", " + value() + ")"
	}
	return value()
}

func (g *generator) projection() string {
	var parts []string
	for range 1 + g.below(4) {
		parts = append(parts, g.path())
	}
	return strings.Join(parts, ", ")
}

func (g *generator) sortKey(kind string) map[string]any {
	switch kind {
	case "N":
		return av("N", g.pick(numbers...))
	case "B":
		return av("B", g.pick("AA==", "AAE=", "/w==", "/wA=", "//8=", "AQ=="))
	}
	return av("S", g.pick("a", "ab", "abc", "b", "B", "é", "\U0001F600", "z", "\uffee"))
}

// sortTerm is a condition on the sort key, or "".
func (g *generator) sortTerm(kind string) string {
	switch g.pick("", "cmp", "between", "begins") {
	case "cmp":
		return "sk " + g.pick("=", "<", "<=", ">", ">=") + " " + g.literal(g.sortKey(kind))
	case "between":
		return "sk BETWEEN " + g.literal(g.sortKey(kind)) + " AND " + g.literal(g.sortKey(kind))
	case "begins":
		return "begins_with(sk, " + g.literal(g.sortKey(kind)) + ")"
	}
	return ""
}
