package expr_test

import (
	"fmt"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

func Example() {
	engine := expr.NewEngine(0)
	item, _ := attr.ParseItem(`{"state": {"S": "open"}, "count": {"N": "41"}}`)

	scope, _ := expr.NewScope(
		map[string]string{"#s": "state", "#c": "count"},
		map[string]attr.Value{":open": attr.String("open"), ":one": attr.Number(attr.NewDecimal(1))})
	condition, err := engine.Condition(scope, expr.ConditionExpression, "#s = :open")
	if err != nil {
		fmt.Println(err)
		return
	}
	update, err := engine.Update(scope, "SET #c = #c + :one")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := scope.Unused(); err != nil {
		fmt.Println(err)
		return
	}
	if condition.Match(item) {
		item, err = update.Apply(item)
	}
	fmt.Println(string(attr.AppendItem(nil, item)), err)

	_, err = engine.Condition(nil, expr.ConditionExpression, "state = = x")
	fmt.Println(err)
	// Output:
	// {"count":{"N":"42"},"state":{"S":"open"}} <nil>
	// Invalid ConditionExpression: Syntax error; token: "=", near: "= = x"
}
