package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// The messages that DynamoDB Local 3.3.1 was seen to give, word for word.
func TestMessages(t *testing.T) {
	t.Parallel()
	for kind, cases := range map[Kind]map[string]string{
		ConditionExpression: {
			"":                           `The expression can not be empty;`,
			" ":                          `Syntax error; token: "<EOF>", near: " "`,
			"n":                          `Syntax error; token: "<EOF>", near: "n"`,
			"n = ":                       `Syntax error; token: "<EOF>", near: "= "`,
			"n == :one":                  `Syntax error; token: "=", near: "== :one"`,
			"n != :one":                  `Syntax error; token: "!", near: "n !="`,
			"n = :one)":                  `Syntax error; token: ")", near: ":one)"`,
			"(n = :one":                  `Syntax error; token: "<EOF>", near: ":one"`,
			"n-a = :one":                 `Syntax error; token: "-", near: "n-a"`,
			"_n = :one":                  `Syntax error; token: "_", near: "_n"`,
			"1n = :one":                  `Syntax error; token: "1", near: "1n"`,
			"é = :one":                   `Syntax error; token: "é", near: "é ="`,
			"# = :one":                   `Syntax error; token: "#", near: "# ="`,
			"n[01] = :one":               `Syntax error; token: "1", near: "01]"`,
			"n[-1] = :one":               `Syntax error; token: "-", near: "[-1"`,
			"n[0]x = :one":               `Syntax error; token: "x", near: "]x ="`,
			"n..a = :one":                `Syntax error; token: ".", near: "..a"`,
			"n IN ()":                    `Syntax error; token: ")", near: "()"`,
			"n IN :one":                  `Syntax error; token: ":one", near: "IN :one"`,
			"n = :one AND OR n = :one":   `Syntax error; token: "OR", near: "AND OR n"`,
			"set = :one":                 `Syntax error; token: "set", near: "set ="`,
			"not = :one":                 `Syntax error; token: "=", near: "not = :one"`,
			"(n=:one) = (n=:one)":        `Syntax error; token: "=", near: ") = ("`,
			"(n=:one) AND (:one)":        `Syntax error; token: "<EOF>", near: ")"`,
			"((n = :one))":               `The expression has redundant parentheses;`,
			"((n)) = :one":               `The expression has redundant parentheses;`,
			"status = :one":              `Attribute name is a reserved keyword; reserved keyword: status`,
			"a.Status = :one":            `Attribute name is a reserved keyword; reserved keyword: Status`,
			"#undefined = :one":          `An expression attribute name used in the document path is not defined; attribute name: #undefined`,
			"n = :w":                     `An expression attribute value used in expression is not defined; attribute value: :w`,
			"n = n":                      `The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [n]`,
			"#n[0] IN (n[0])":            `The first operand must be distinct from the remaining operands for this operator or function; operator: IN, first operand: [n, [0]]`,
			"contains(n, n)":             `The first operand must be distinct from the remaining operands for this operator or function; operator: contains, first operand: [n]`,
			"foo(n) = :one":              `Invalid function name; function: foo`,
			"Attribute_exists(n)":        `Invalid function name; function: Attribute_exists`,
			"size(n)":                    `The function is not allowed to be used this way in an expression; function: size`,
			"attribute_exists(n) = :one": `The function is not allowed to be used this way in an expression; function: attribute_exists`,
			"if_not_exists(n, :one) = n": `The function is not allowed in a condition expression; function: if_not_exists`,
			"attribute_exists(:one)":     `Operator or function requires a document path; operator or function: attribute_exists`,
			"attribute_exists(n, n)":     `Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2`,
			"begins_with(n)":             `Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1`,
			"begins_with(n, :one)":       `Incorrect operand type for operator or function; operator or function: begins_with, operand type: N`,
			"begins_with(n, size(x))":    `Incorrect operand type for operator or function; operator or function: begins_with, operand type: N`,
			"size(:one) = :one":          `Incorrect operand type for operator or function; operator or function: size, operand type: N`,
			"n < :true":                  `Incorrect operand type for operator or function; operator or function: <, operand type: BOOL`,
			"n BETWEEN :l AND :l":        `Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: L`,
			"n BETWEEN :two AND :one":    `The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}`,
			"n BETWEEN :one AND :he":     `The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:he}`,
			"attribute_type(n, :one)":    `Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N`,
			"attribute_type(n, :X)":      `Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}`,
			"n[2147483648] = :one":       `List index is not within the allowable range; index: [2147483648]`,
			"n" + strings.Repeat(".a", 32) + " = :one":        `The document path has too many nesting levels; nesting levels: 33`,
			"n IN (:one" + strings.Repeat(",:one", 100) + ")": `The IN operator is provided with too many operands; number of operands: 101`,
			"n<:one" + strings.Repeat(" AND n<:one", 150):     `The expression contains too many operators; operator count: 301`,
			"n = :one" + strings.Repeat(" ", 4096):            `Expression size has exceeded the maximum allowed size; expression size: 4104`,
		},
		UpdateExpression: {
			"":                                  `The expression can not be empty;`,
			"SET":                               `Syntax error; token: "<EOF>", near: "SET"`,
			"SET a":                             `Syntax error; token: "<EOF>", near: "a"`,
			"SET a = :one,":                     `Syntax error; token: "<EOF>", near: ","`,
			"SET a :one":                        `Syntax error; token: ":one", near: "a :one"`,
			"FOO a = :one":                      `Syntax error; token: "FOO", near: "FOO a"`,
			"SET a = b = :one":                  `Syntax error; token: "=", near: "b = :one"`,
			"SET a = :one + :one + :one":        `Syntax error; token: "+", near: ":one + :one"`,
			"SET a = -:one":                     `Syntax error; token: "-", near: "= -:one"`,
			"SET a = :one * :one":               `Syntax error; token: "*", near: ":one * :one"`,
			"SET (a) = :one":                    `Syntax error; token: "(", near: "SET (a"`,
			"SET size(a) = :one":                `Syntax error; token: "(", near: "size(a"`,
			"ADD a a":                           `Syntax error; token: "a", near: "a a"`,
			"ADD a (:one)":                      `Syntax error; token: "(", near: "a (:one"`,
			"SET a = ((:one))":                  `The expression has redundant parentheses;`,
			"SET a = :one SET b = :one":         `The "SET" section can only be used once in an update expression;`,
			"REMOVE a REMOVE b":                 `The "REMOVE" section can only be used once in an update expression;`,
			"SET m.p = :one, m = :m":            `Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m, p], path two: [m]`,
			"SET a = :one REMOVE a":             `Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]`,
			"SET l[0] = :one, l.a = :one":       `Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [l, [0]], path two: [l, a]`,
			"SET a = size(n)":                   `The function is not allowed in an update expression; function: size`,
			"SET a = foo(n)":                    `Invalid function name; function: foo`,
			"SET a = list_append(l)":            `Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1`,
			"SET a = list_append(l, :one)":      `Incorrect operand type for operator or function; operator or function: list_append, operand type: N`,
			"SET a = list_append(l, :l) + :one": `The function is not allowed to be used this way in an expression; function: list_append`,
			"SET a = if_not_exists(:one, :one)": `Operator or function requires a document path; operator or function: if_not_exists`,
			"SET a = if_not_exists(n, n)":       `The first operand must be distinct from the remaining operands for this operator or function; operator: if_not_exists, first operand: [n]`,
			"SET a = n + :he":                   `Incorrect operand type for operator or function; operator or function: +, operand type: S`,
			"ADD a :he":                         `Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND`,
			"DELETE a :one":                     `Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND`,
		},
		ProjectionExpression: {
			"":          `The expression can not be empty;`,
			"n,":        `Syntax error; token: "<EOF>", near: ","`,
			",n":        `Syntax error; token: ",", near: ",n"`,
			"n m":       `Syntax error; token: "m", near: "n m"`,
			":one":      `Syntax error; token: ":one", near: ":one"`,
			"size(n)":   `Syntax error; token: "(", near: "size(n"`,
			"n, n":      `Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [n], path two: [n]`,
			"m.p, m[0]": `Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [m, p], path two: [m, [0]]`,
			"name":      `Attribute name is a reserved keyword; reserved keyword: name`,
		},
	} {
		e := NewEngine(0)
		for text, want := range cases {
			err := prepareAny(t, e, kind, text)
			want = "Invalid " + string(kind) + ": " + want
			var invalid *attr.InvalidError
			if !errors.As(err, &invalid) || err.Error() != want {
				t.Errorf("%.60q\n got %v\nwant %s", text, err, want)
			}
		}
	}
}

func prepareAny(t testing.TB, e *Engine, kind Kind, text string) (err error) {
	t.Helper()
	s := scopeFor(t, text)
	switch kind {
	case UpdateExpression:
		_, err = e.Update(s, text)
	case ProjectionExpression:
		_, err = e.Projection(s, text)
	case KeyConditionExpression:
		_, err = e.KeyCondition(s, text)
	default:
		_, err = e.Condition(s, kind, text)
	}
	return err
}

func TestKeyConditionMessages(t *testing.T) {
	t.Parallel()
	e := NewEngine(0)
	for text, want := range map[string]string{
		"pk = :one OR sk = :one":                 "Invalid operator used in KeyConditionExpression: OR",
		"NOT pk = :one":                          "Invalid operator used in KeyConditionExpression: NOT",
		"pk <> :one":                             "Invalid operator used in KeyConditionExpression: <>",
		"pk IN (:one)":                           "Invalid operator used in KeyConditionExpression: IN",
		"contains(pk, :one)":                     "Invalid operator used in KeyConditionExpression: contains",
		"pk = :one AND pk > :two":                "KeyConditionExpressions must only contain one condition per key",
		"size(pk) = :one":                        "KeyConditionExpressions cannot contain nested operations",
		"pk.a = :one":                            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk",
		"pk = sk":                                "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
		":one = :two":                            "Invalid condition in KeyConditionExpression: No key attribute specified",
		":one BETWEEN sk AND pk":                 "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand",
		"begins_with(:he, sk)":                   "Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand",
		"pk = :one AND sk BETWEEN :two AND :one": "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
	} {
		if err := prepareAny(t, e, KeyConditionExpression, text); err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	v := map[string]attr.Value{":a": attr.String("a"), ":b": attr.String("b"), ":c": attr.String("c")}
	s, err := NewScope(map[string]string{"#n": "status"}, v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewEngine(0).Condition(s, FilterExpression, "x = :b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Unused(); err == nil || err.Error() != "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}" {
		t.Error(err)
	}
	if _, err := NewEngine(0).Condition(s, FilterExpression, "#n = :b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Unused(); err == nil || err.Error() != "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a, :c}" {
		t.Error(err)
	}
	if _, err := NewScope(map[string]string{"n": "status"}, nil); err == nil || err.Error() != `ExpressionAttributeNames contains invalid key: Syntax error; key: "n"` {
		t.Error(err)
	}
	if _, err := NewScope(nil, map[string]attr.Value{}); err == nil || err.Error() != "ExpressionAttributeValues must not be empty" {
		t.Error(err)
	}
}
