package dynamodb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// localEnv holds the URL of a running DynamoDB Local (AWS's own implementation). The tests of this file
// send the same random requests to it and to this package and compare the answers. They are skipped
// without it: its licence allows no distribution, so it is fetched where it is used.
const localEnv = "STARBURST_TEST_DYNAMODB_LOCAL"

// pair are two endpoints that must answer alike.
type pair struct{ ours, theirs string }

func newPair(t *testing.T) *pair {
	t.Helper()
	url := os.Getenv(localEnv)
	if url == "" {
		t.Skip("set " + localEnv + " to the URL of a DynamoDB Local to compare with it")
	}
	return &pair{setup(t).url, url}
}

// call sends a request and gives the status, the error's name and the body.
func call(t require, url, operation string, body map[string]any) (code int, name string, answer map[string]any) {
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=abc")
	req.Close = true // leaves no connection behind for goleak
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(operation, string(raw), err)
	}
	if kind, ok := answer["__type"].(string); ok {
		name = kind[strings.LastIndexByte(kind, '#')+1:]
	}
	return res.StatusCode, name, answer
}

type require interface{ Fatal(...any) }

// same sends a request to both and fails when the answers differ.
func (p *pair) same(t *rapid.T, operation string, body map[string]any) map[string]any {
	code1, name1, ours := call(t, p.ours, operation, body)
	code2, name2, theirs := call(t, p.theirs, operation, body)
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if name2 == "ValidationException" && strings.Contains(fmt.Sprint(ours["CancellationReasons"]), "ValidationError") {
		return nil // the API reference has this as a reason to cancel the transaction; theirs refuses the request
	}
	if code1 != code2 || name1 != name2 {
		t.Fatalf("%s %s\nours:   %d %s %v\ntheirs: %d %s %v", operation, text, code1, name1, ours, code2, name2, theirs)
	}
	if code1 == http.StatusOK {
		last := oneLast(ours, theirs)
		if d := cmp.Diff(canonical(theirs), canonical(ours)); d != "" {
			t.Fatalf("%s %s\n−theirs +ours:\n%s", operation, text, d)
		}
		if last != nil {
			ours["LastEvaluatedKey"] = last
		}
		return ours
	}
	// Messages are compared case by case in package expr: of several errors, which is reported first differs.
	for _, k := range []string{"Item", "CancellationReasons"} {
		if d := cmp.Diff(canonical(withoutMessages(theirs[k])), canonical(withoutMessages(ours[k]))); d != "" {
			t.Fatalf("%s %s: the error's %s\n%s", operation, text, k, d)
		}
	}
	return nil
}

// oneLast takes LastEvaluatedKey out of the answers when only one has it, and gives theirs: whether a
// page that ends with the last item says so is not specified, and theirs depends on the operator. (It
// does not accept ours as a start, either.)
func oneLast(ours, theirs map[string]any) any {
	a, b := ours["LastEvaluatedKey"], theirs["LastEvaluatedKey"]
	if (a == nil) == (b == nil) {
		return nil
	}
	delete(ours, "LastEvaluatedKey")
	delete(theirs, "LastEvaluatedKey")
	return b
}

func withoutMessages(v any) any {
	list, _ := v.([]any)
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			delete(m, "Message")
		}
	}
	return v
}

// canonical brings an answer into a form in which equal means same: numbers as this package writes
// them, sets sorted.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = canonical(e)
			if text, ok := e.(string); ok && k == "N" {
				if d, err := attr.ParseDecimal(text); err == nil {
					out[k] = d.String()
				}
			}
			if set, ok := e.([]any); ok && (k == "SS" || k == "NS" || k == "BS") {
				out[k] = canonicalSet(set, k == "NS")
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = canonical(e)
		}
		return out
	}
	return v
}

func canonicalSet(set []any, numbers bool) any {
	out := make([]string, len(set))
	for i, e := range set {
		out[i] = fmt.Sprint(e)
		if d, err := attr.ParseDecimal(out[i]); numbers && err == nil {
			out[i] = d.String()
		}
	}
	slices.Sort(out)
	return out
}

func (p *pair) createTable(t *testing.T, name string, sortType string) {
	t.Helper()
	for _, url := range []string{p.ours, p.theirs} {
		call(t, url, "DeleteTable", map[string]any{"TableName": name})
		code, _, answer := call(t, url, "CreateTable", map[string]any{
			"TableName": name, "BillingMode": "PAY_PER_REQUEST",
			"AttributeDefinitions": []any{
				map[string]any{"AttributeName": "pk", "AttributeType": "S"}, map[string]any{"AttributeName": "sk", "AttributeType": sortType},
				map[string]any{"AttributeName": "g", "AttributeType": "N"}},
			"KeySchema": []any{
				map[string]any{"AttributeName": "pk", "KeyType": "HASH"}, map[string]any{"AttributeName": "sk", "KeyType": "RANGE"}},
			"GlobalSecondaryIndexes": []any{map[string]any{"IndexName": "byg", "Projection": map[string]any{"ProjectionType": "ALL"},
				"KeySchema": []any{
					map[string]any{"AttributeName": "g", "KeyType": "HASH"}, map[string]any{"AttributeName": "sk", "KeyType": "RANGE"}}}},
		})
		if code != http.StatusOK {
			t.Fatal(url, answer)
		}
	}
}

func TestDifferentialExpressions(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.createTable(t, "differ", "N")
	key := map[string]any{"pk": av("S", "p"), "sk": av("N", "1")}
	rapid.Check(t, func(t *rapid.T) {
		g := &generator{t: t}
		it := g.item()
		it["pk"], it["sk"] = key["pk"], key["sk"]
		p.same(t, "PutItem", map[string]any{"TableName": "differ", "Item": it})
		for range 1 + g.below(4) {
			switch g.below(5) {
			case 0, 1:
				body := g.request(map[string]string{"UpdateExpression": g.update()})
				body["Key"] = key
				body["ReturnValues"] = g.pick("NONE", "ALL_OLD", "ALL_NEW")
				p.same(t, "UpdateItem", body)
			case 2:
				body := g.request(map[string]string{"UpdateExpression": "SET touched = :touched", "ConditionExpression": g.condition(2)})
				body["ExpressionAttributeValues"].(map[string]any)[":touched"] = av("N", "1")
				body["Key"] = key
				body["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
				p.same(t, "UpdateItem", body)
			case 3:
				body := g.request(map[string]string{"ProjectionExpression": g.projection()})
				body["Key"] = key
				p.same(t, "GetItem", body)
			case 4:
				body := g.request(map[string]string{"ConditionExpression": g.condition(1)})
				it := g.item()
				it["pk"], it["sk"] = key["pk"], key["sk"]
				body["Item"] = it
				body["ReturnValues"] = "ALL_OLD"
				p.same(t, "PutItem", body)
			}
			p.same(t, "GetItem", map[string]any{"TableName": "differ", "Key": key})
		}
	})
}

func TestDifferentialQueries(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, sortType := range []string{"S", "N", "B"} {
		table := "query" + sortType
		p.createTable(t, table, sortType)
		run := 0
		rapid.Check(t, func(t *rapid.T) {
			g := &generator{t: t}
			run++ // each check has a partition and an index key of its own
			pk := fmt.Sprintf("p%d", run)
			group := av("N", strconv.Itoa(run))
			for range g.below(9) {
				it := g.item()
				it["pk"], it["sk"] = av("S", pk), g.sortKey(sortType)
				if g.chance(75) {
					it["g"] = group
				}
				p.same(t, "PutItem", map[string]any{"TableName": table, "Item": it})
			}
			for range 3 {
				if g.chance(50) {
					g.queries(p, map[string]any{"TableName": table}, "pk = :p", av("S", pk), sortType)
				} else {
					g.queries(p, map[string]any{"TableName": table, "IndexName": "byg"}, "g = :p", group, sortType)
				}
			}
		})
	}
}

// queries follows a query through its pages.
func (g *generator) queries(p *pair, where map[string]any, condition string, hash map[string]any, sortType string) {
	g.values = map[string]any{":p": hash}
	if term := g.sortTerm(sortType); term != "" {
		condition += " AND " + term
	}
	expressions := map[string]string{"KeyConditionExpression": condition}
	if g.chance(40) {
		expressions["FilterExpression"] = g.condition(1)
	}
	body := g.request(expressions)
	maps.Copy(body, where)
	body["ScanIndexForward"] = g.chance(50)
	if g.chance(60) {
		body["Limit"] = 1 + g.below(4)
	}
	for range 10 {
		answer := p.same(g.t, "Query", body)
		if answer == nil || answer["LastEvaluatedKey"] == nil {
			return
		}
		body["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
	}
}

func TestDifferentialTransactions(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.createTable(t, "transact", "N")
	key := func(i int) map[string]any { return map[string]any{"pk": av("S", "p"), "sk": av("N", strconv.Itoa(i))} }
	rapid.Check(t, func(t *rapid.T) {
		g := &generator{t: t}
		const count = 3
		for i := range count {
			it := g.item()
			if g.chance(30) {
				p.same(t, "DeleteItem", map[string]any{"TableName": "transact", "Key": key(i), "ReturnConsumedCapacity": "TOTAL"})
				continue
			}
			it["pk"], it["sk"] = key(i)["pk"], key(i)["sk"]
			p.same(t, "PutItem", map[string]any{"TableName": "transact", "Item": it})
		}
		var parts []any
		for i := range count {
			parts = append(parts, g.part(key(i)))
		}
		p.same(t, "TransactWriteItems", map[string]any{"TransactItems": parts})
		for i := range count {
			p.same(t, "GetItem", map[string]any{"TableName": "transact", "Key": key(i), "ReturnConsumedCapacity": "TOTAL"})
		}
	})
}

// part draws a part of a transaction.
func (g *generator) part(key map[string]any) map[string]any {
	kind := g.pick("Put", "Update", "Delete", "ConditionCheck")
	expressions := map[string]string{}
	if kind == "ConditionCheck" || g.chance(40) {
		expressions["ConditionExpression"] = g.condition(0)
	}
	if kind == "Update" {
		expressions["UpdateExpression"] = g.update()
	}
	body := g.request(expressions)
	if values, ok := body["ExpressionAttributeValues"].(map[string]any); ok && len(values) == 0 {
		delete(body, "ExpressionAttributeValues")
	}
	body["TableName"] = "transact"
	body["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
	if kind == "Put" {
		it := g.item()
		it["pk"], it["sk"] = key["pk"], key["sk"]
		body["Item"] = it
	} else {
		body["Key"] = key
	}
	return map[string]any{kind: body}
}
