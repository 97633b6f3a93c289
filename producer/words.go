package producer

import (
	"errors"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// Words is the source of a list of words, as in `starburst run -- CMD {} ::: a b c`.
// Each word stays a string, also where it looks like a number.
func Words(words []string) Source { return list(words) }

type list []string

func (l list) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		for _, word := range l {
			raw, err := text(word)
			if err != nil {
				err = &InputError{Source: l.String(), Err: err}
			}
			if !yield(raw, err) || err != nil {
				return
			}
		}
	}
}

func (l list) String() string { return "the list of words" }

// linesOf yields each line as a string. Blank lines are skipped, as xargs does.
func linesOf(name string, r io.Reader) iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		for line, err := range textLines(name, r) {
			var raw msgpack.RawMessage
			if err == nil {
				if raw, err = text(string(line.text)); err != nil {
					err = &InputError{Source: name, Line: line.number, Err: err}
				}
			}
			if !yield(raw, err) || err != nil {
				return
			}
		}
	}
}

var errNotUTF8 = errors.New("not UTF-8 text (`iconv -t utf-8` converts it)")

func text(s string) (msgpack.RawMessage, error) {
	if !utf8.ValidString(s) {
		return nil, errNotUTF8
	}
	return codec.Marshal(s)
}
