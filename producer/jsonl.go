package producer

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// jsonl yields the JSON value of each line. Blank lines are skipped.
func jsonl(name string, r io.Reader) iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		for line, err := range textLines(name, r) {
			var raw msgpack.RawMessage
			if err == nil {
				if raw, err = codec.JSONToMsgpack(line.text); err != nil {
					err = &InputError{Source: name, Line: line.number, Err: notJSON(err, line)}
				}
			}
			if !yield(raw, err) || err != nil {
				return
			}
		}
	}
}

// notJSON words codec's error for a file: what it calls a bad message is a line here.
func notJSON(err error, l line) error {
	detail := err.Error()
	if bad, ok := errors.AsType[*codec.BadMessageError](err); ok {
		detail = bad.Detail
	}
	hint := " (is every line a text? then --format lines)"
	if l.number == 1 && l.text[0] == '[' {
		hint = " (JSON Lines have one value a line; `jq -c '.[]'` makes them of an array)"
	}
	return fmt.Errorf("not one JSON value: %s%s", detail, hint)
}
