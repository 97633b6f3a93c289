package dynamodb

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Limits of a transaction (DynamoDB API reference, TransactWriteItems).
const (
	maxTransact      = 100
	maxTransactBytes = 4 << 20
	maxToken         = 36
)

// transactFactor: a transaction reads and writes each item twice, and is billed so.
const transactFactor = 2

// transactRequest is the input of TransactWriteItems or TransactGetItems.
type transactRequest struct {
	items    []transactItem
	token    string
	capacity string
}

// transactItem is one part: kind is Put, Update, Delete, ConditionCheck or Get.
type transactItem struct {
	kind string
	*request
}

func decodeTransact(rd *attr.Reader) (*transactRequest, error) {
	t := new(transactRequest)
	err := rd.Object(func(f string) (err error) {
		if rd.Null() {
			return nil
		}
		switch f {
		case "TransactItems":
			return rd.Array(func() error { return t.part(rd) })
		case "ClientRequestToken":
			t.token, err = rd.Str()
		case "ReturnConsumedCapacity":
			t.capacity, err = rd.Str()
		default:
			return rd.Skip()
		}
		return err
	})
	if err == nil {
		err = rd.End()
	}
	switch n := len(t.items); {
	case err != nil:
	case n == 0:
		err = invalid("1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case n > maxTransact:
		err = invalid("1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to %d", maxTransact)
	case len(t.token) > maxToken:
		err = invalid("1 validation error detected: Value '%s' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to %d", t.token, maxToken)
	}
	return t, err
}

func (t *transactRequest) part(rd *attr.Reader) error {
	var it transactItem
	err := rd.Object(func(f string) error {
		if rd.Null() {
			return nil
		}
		switch f {
		case "Put", "Update", "Delete", "ConditionCheck", "Get":
			if it.kind != "" {
				return invalid("TransactItems can only contain one of Check, Put, Update or Delete")
			}
			it = transactItem{f, new(request)}
			return it.read(rd)
		}
		return rd.Skip()
	})
	if err == nil && it.kind == "" {
		err = invalid("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
	}
	t.items = append(t.items, it)
	return err
}

func (s *Service) transactWriteItems(ctx context.Context, rd *attr.Reader) (raw, error) {
	t, err := decodeTransact(rd)
	if err != nil {
		return nil, err
	}
	all := make([]*mutation, len(t.items))
	size := 0
	for i, it := range t.items {
		if all[i], err = s.transactMutation(it); err != nil {
			return nil, err
		}
		size += it.item.Size()
	}
	if size > maxTransactBytes {
		return nil, invalid("Collection size exceeded: the items of a transaction may have %d bytes in all", maxTransactBytes)
	}
	if repeated(all) {
		return nil, invalid("Transaction request cannot include multiple operations on one item")
	}
	repeat := false
	err = s.db.Update(ctx, func(tx *db.Tx) (err error) {
		if repeat, err = s.seen(tx, t); err != nil || repeat {
			return err
		}
		if err := checkAll(tx, t, all); err != nil {
			return err
		}
		for _, m := range all {
			if err := m.apply(tx); err != nil {
				return err
			}
		}
		return s.remember(tx, t)
	})
	if err != nil {
		return nil, err
	}
	totals := sumUnits(all, transactFactor)
	if repeat { // AWS bills a repeated transaction as a read
		for name, c := range totals {
			totals[name] = consumed{read: true, table: c.table}
		}
	}
	s.meter(totals)
	if !reportsCapacity(t.capacity) {
		return raw("{}"), nil
	}
	return append(appendCapacities(nil, t.capacity, true, totals), '}'), nil
}

// transactMutation prepares one part of a transaction.
func (s *Service) transactMutation(it transactItem) (*mutation, error) {
	if it.kind == "Get" {
		return nil, invalid("TransactWriteItems does not take Get")
	}
	m, err := s.mutation(it.request)
	if err != nil {
		return nil, err
	}
	m.wantOld = true
	switch it.kind {
	case "Put":
		return m, m.puts(it.request)
	case "Delete":
		return m, m.removes(it.request)
	case "Update":
		if it.update == nil {
			return nil, invalid("Value null at 'transactItems.member.update.updateExpression' failed to satisfy constraint: Member must not be null")
		}
		return m, m.updates(it.request)
	}
	if it.condition == nil {
		return nil, invalid("Value null at 'transactItems.member.conditionCheck.conditionExpression' failed to satisfy constraint: Member must not be null")
	}
	return m, m.at(it.request)
}

// reason is one of AWS's CancellationReasons.
type reason struct {
	Code    string
	Message string          `json:",omitempty"`
	Item    json.RawMessage `json:",omitempty"`
}

// checkAll checks every part, so that each gets its reason when the transaction is cancelled.
func checkAll(tx *db.Tx, t *transactRequest, all []*mutation) error {
	reasons := make([]reason, len(all))
	codes := make([]string, len(all))
	cancelled := false
	for i, m := range all {
		reasons[i].Code = "None"
		err := m.check(tx)
		var unfit *attr.InvalidError
		switch {
		case err == nil:
		case errors.Is(err, errCondition):
			reasons[i] = reason{Code: "ConditionalCheckFailed", Message: "The conditional request failed"}
			if t.items[i].returnOnFailure == "ALL_OLD" && m.old != nil {
				reasons[i].Item = m.old.json
			}
		case errors.As(err, &unfit):
			reasons[i] = reason{Code: "ValidationError", Message: unfit.Message}
		default:
			return err
		}
		codes[i] = reasons[i].Code
		cancelled = cancelled || err != nil
	}
	if !cancelled {
		return nil
	}
	e := awsjson.Errorf("TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	e.Fields = map[string]any{"CancellationReasons": reasons}
	return e
}

// seen tells whether a transaction with the token has been carried out; another one with the same token is an error.
func (s *Service) seen(tx *db.Tx, t *transactRequest) (bool, error) {
	if t.token == "" {
		return false, nil
	}
	var request []byte
	found, err := tx.Row(`SELECT request FROM ddb_tokens WHERE token = ? AND at >= ?`,
		[]any{t.token, s.opt.Now().Add(-tokenLife).UnixMilli()}, &request)
	if err == nil && found && string(request) != string(t.fingerprint()) {
		err = awsjson.Errorf("IdempotentParameterMismatchException", "The request uses the same client token as a previous, but non-identical request.")
	}
	return found, err
}

func (s *Service) remember(tx *db.Tx, t *transactRequest) error {
	if t.token == "" {
		return nil
	}
	_, err := tx.Exec(`INSERT OR REPLACE INTO ddb_tokens(token, request, at) VALUES (?, ?, ?)`, t.token, t.fingerprint(), s.opt.Now().UnixMilli())
	return err
}

// fingerprint identifies what a transaction does. It is not a hash of the body: SDKs write maps in any order.
func (t *transactRequest) fingerprint() []byte {
	h := sha256.New()
	for _, it := range t.items {
		text := attr.AppendItem(attr.AppendString(attr.AppendString(nil, it.kind), it.table), it.item)
		text = attr.AppendItem(text, it.key)
		for _, e := range []*string{it.update, it.condition} {
			if e != nil {
				text = attr.AppendString(text, *e)
			}
			text = append(text, ';')
		}
		for _, k := range slices.Sorted(maps.Keys(it.names)) {
			text = attr.AppendString(attr.AppendString(text, k), it.names[k])
		}
		for _, k := range slices.Sorted(maps.Keys(it.values)) {
			text = attr.AppendValue(attr.AppendString(text, k), it.values[k])
		}
		_, _ = h.Write(text)
	}
	return h.Sum(nil)
}

func (s *Service) transactGetItems(ctx context.Context, rd *attr.Reader) (raw, error) {
	t, err := decodeTransact(rd)
	if err != nil {
		return nil, err
	}
	all := make([]reading, len(t.items))
	keys := make([]*mutation, len(t.items))
	for i, it := range t.items {
		if it.kind != "Get" {
			return nil, invalid("TransactGetItems takes Get only, not %s", it.kind)
		}
		it.consistent = true
		if all[i], err = s.reading(it.request); err != nil {
			return nil, err
		}
		keys[i] = all[i].m
	}
	if repeated(keys) {
		return nil, invalid("Transaction request cannot include multiple operations on one item")
	}
	err = s.db.Snapshot(ctx, func(c *db.Conn) (err error) {
		for i := range all {
			if all[i].row, err = readRow(c, keys[i].table.id, keys[i].key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t.answer(all, s.meter)
}

func (t *transactRequest) answer(all []reading, meter func(map[string]consumed)) (raw, error) {
	out := append(field(nil, "Responses"), '[')
	totals := make(map[string]consumed)
	for i := range all {
		if i > 0 {
			out = append(out, ',')
		}
		j, err := all[i].json()
		if err != nil {
			return nil, err
		}
		out = append(out, '{')
		if j != nil {
			out = append(append(out, `"Item":`...), j...)
		}
		out = append(out, '}')
		c := totals[all[i].m.def.Name]
		c.plus(consumed{read: true, table: transactFactor * all[i].units()})
		totals[all[i].m.def.Name] = c
	}
	out = append(out, ']')
	meter(totals)
	return append(appendCapacities(out, t.capacity, true, totals), '}'), nil
}
