// Package expr is DynamoDB's expression language: conditions and filters, key
// conditions, updates and projections.
//
// One request may carry several expressions that share the placeholders of
// ExpressionAttributeNames and ExpressionAttributeValues; a [Scope] holds those
// and, at the end, tells which were never used:
//
//	scope, err := expr.NewScope(names, values)
//	cond, err := engine.Condition(scope, expr.ConditionExpression, "attribute_not_exists(#k)")
//	upd, err := engine.Update(scope, "SET n = n + :one")
//	err = scope.Unused()
//	if cond.Match(item) { item, err = upd.Apply(item) }
//
// An expression passes through four small steps, a file each: lex.go cuts it into
// tokens, parse.go and parse_update.go build a tree without looking at placeholders
// (cached by text, cache.go), bind.go resolves placeholders into a copy of the tree,
// check.go refuses what DynamoDB refuses before it reads any item. What is left is
// evaluated by eval.go, update.go, projection.go and keys.go.
//
// Every error is an *attr.InvalidError with the message that DynamoDB Local 3.3.1 was
// seen to give (its behaviour was observed from outside, by asking it).
package expr
