package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// object is a JSON object whose members are kept as they came.
type object = map[string]json.RawMessage

// batches are the calls with entries that are answered one by one.
var batches = map[string]bool{"SendMessageBatch": true, "DeleteMessageBatch": true, "ChangeMessageVisibilityBatch": true}

// batch is a call whose entries do not all fare as the endpoint says.
type batch struct {
	fates   map[string]Fate // by entry id; Passed ones are not in it
	entries int             // that are left to be carried out
}

// cutBatch takes out of a batch request what is not to be carried out.
func cutBatch(body []byte, fate func(k int) Fate) ([]byte, *batch, error) {
	var req object
	var entries []object
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, nil, fmt.Errorf("a batch request: %w", err)
	}
	if err := json.Unmarshal(req["Entries"], &entries); err != nil {
		return nil, nil, fmt.Errorf("the entries of a batch request: %w", err)
	}
	b := &batch{fates: map[string]Fate{}}
	kept := entries[:0]
	for k, e := range entries {
		var id string
		if err := json.Unmarshal(e["Id"], &id); err != nil {
			return nil, nil, fmt.Errorf("the id of an entry: %w", err)
		}
		f := fate(k)
		if f != Passed {
			b.fates[id] = f
		}
		if f != FailedUndone && f != OmittedUndone {
			kept = append(kept, e)
		}
	}
	b.entries = len(kept)
	req["Entries"] = mustJSON(kept)
	return mustJSON(req), b, nil
}

// answer turns the endpoint's answer to what is left into the one that the caller gets.
// An entry that the endpoint itself refused stays refused.
func (b *batch) answer(body []byte) ([]byte, error) {
	res := object{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &res); err != nil {
			return nil, fmt.Errorf("a batch answer: %w", err)
		}
	}
	var succeeded, failed []object
	if err := unmarshalIf(res["Successful"], &succeeded); err != nil {
		return nil, err
	}
	if err := unmarshalIf(res["Failed"], &failed); err != nil {
		return nil, err
	}
	kept := make([]object, 0, len(succeeded))
	for _, e := range succeeded {
		var id string
		if err := json.Unmarshal(e["Id"], &id); err != nil {
			return nil, fmt.Errorf("the id of an answered entry: %w", err)
		}
		switch b.fates[id] {
		case Passed:
			kept = append(kept, e)
		case FailedDone:
			failed = append(failed, failedEntry(id))
		default: // left out, or never executed
		}
	}
	for id, f := range b.fates {
		if f == FailedUndone {
			failed = append(failed, failedEntry(id))
		}
	}
	res["Successful"] = mustJSON(kept)
	delete(res, "Failed")
	if len(failed) > 0 {
		res["Failed"] = mustJSON(failed)
	}
	return mustJSON(res), nil
}

func failedEntry(id string) object {
	return object{
		"Id": mustJSON(id), "Code": mustJSON("InternalError"), "SenderFault": mustJSON(false),
		"Message": mustJSON("An internal error occurred. Please try again."),
	}
}

// again marks the receipt handle of a repeated message. SQS gives each delivery a
// handle of its own; the endpoint knows only the first, so the mark is taken off on the way back.
const again = "~again"

// unmark takes the marks off a request's receipt handles.
func unmark(operation string, body []byte) []byte {
	switch operation {
	case "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch":
		return []byte(strings.ReplaceAll(string(body), again+`"`, `"`))
	}
	return body
}

// keysLeft takes keys out of a BatchGetItem and returns them as the answer's UnprocessedKeys.
func keysLeft(body []byte, fate func(k int) Fate) (cut []byte, left object, err error) {
	var req object
	var tables map[string]object
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, nil, fmt.Errorf("a BatchGetItem: %w", err)
	}
	if err := json.Unmarshal(req["RequestItems"], &tables); err != nil {
		return nil, nil, fmt.Errorf("the items of a BatchGetItem: %w", err)
	}
	left = object{}
	k, kept := 0, 0
	for table, want := range tables {
		var keys, here, later []json.RawMessage
		if err := json.Unmarshal(want["Keys"], &keys); err != nil {
			return nil, nil, fmt.Errorf("the keys of a BatchGetItem: %w", err)
		}
		for _, key := range keys {
			if fate(k) == Passed {
				here = append(here, key)
			} else {
				later = append(later, key)
			}
			k++
		}
		kept += len(here)
		if len(later) > 0 {
			rest := maps.Clone(want)
			rest["Keys"] = mustJSON(later)
			left[table] = mustJSON(rest)
		}
		want["Keys"] = mustJSON(here)
	}
	if kept == 0 || len(left) == 0 {
		return body, nil, nil // DynamoDB processes at least one, and refuses a request for none
	}
	for table, want := range tables {
		if string(want["Keys"]) == "null" {
			delete(tables, table)
		}
	}
	req["RequestItems"] = mustJSON(tables)
	return mustJSON(req), left, nil
}

// addUnprocessed names the keys that were left out.
func addUnprocessed(body []byte, left object) ([]byte, error) {
	var res object
	var there object
	if err := json.Unmarshal(body, &res); err != nil {
		return nil, fmt.Errorf("a BatchGetItem's answer: %w", err)
	}
	if err := unmarshalIf(res["UnprocessedKeys"], &there); err != nil {
		return nil, err
	}
	if len(there) > 0 {
		return nil, errors.New("the endpoint left keys unprocessed by itself")
	}
	res["UnprocessedKeys"] = mustJSON(left)
	return mustJSON(res), nil
}

func unmarshalIf(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("an answer's member: %w", err)
	}
	return nil
}

// mustJSON encodes what was decoded from JSON, or strings and lists of it; that cannot fail.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
