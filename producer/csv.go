package producer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// csvBuffer is how far ahead the CSV reader reads.
const csvBuffer = 64 << 10

// csvRows yields each record after the header (RFC 4180, comma, UTF-8) as a map of
// column to value in the header's order. A field that is a JSON number, spaces
// around it aside, is a number; every other one is a string: "007" and "1_000" stay as they are.
func csvRows(name string, r io.Reader) iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		limit := &recordLimit{r: r}
		br := bufio.NewReaderSize(limit, csvBuffer)
		limit.reset()
		skipBOM(br)
		rows := csv.NewReader(br)
		rows.ReuseRecord = true
		head, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var columns []string
		if err == nil {
			columns, err = header(head)
		}
		if err != nil {
			yield(nil, csvError(name, 1, err))
			return
		}
		w := newArgWriter()
		for at := 1; ; {
			limit.reset()
			record, err := rows.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var raw msgpack.RawMessage
			if err == nil {
				at, _ = rows.FieldPos(0)
				raw, err = row(w, columns, record)
			}
			if err != nil {
				err = csvError(name, at, err)
			}
			if !yield(raw, err) || err != nil {
				return
			}
		}
	}
}

// header checks the names of the columns, which become the keys of a map.
func header(fields []string) ([]string, error) {
	for i, name := range fields {
		switch {
		case strings.TrimSpace(name) == "":
			return nil, fmt.Errorf("column %d has no name; the first line names the columns", i+1)
		case !utf8.ValidString(name):
			return nil, errNotUTF8
		case slices.Contains(fields[:i], name):
			return nil, fmt.Errorf("two columns are named %q", name)
		}
	}
	return slices.Clone(fields), nil
}

func row(w *argWriter, columns, record []string) (msgpack.RawMessage, error) {
	w.reset()
	w.mapLen(len(columns))
	for i, name := range columns {
		if !utf8.ValidString(record[i]) {
			return nil, fmt.Errorf("column %q: %w", name, errNotUTF8)
		}
		w.str(name)
		if v, ok := parseNumber(record[i]); ok {
			w.value(v)
			continue
		}
		w.str(record[i])
	}
	return w.bytes()
}

// csvError adds the line to err: the one where the quoting broke, else that of
// the last record that could be read.
func csvError(name string, line int, err error) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		if line = parse.Line; errors.Is(err, csv.ErrFieldCount) {
			err = errors.New("not as many fields as the header has columns")
		} else {
			err = fmt.Errorf("column %d: %w", parse.Column, parse.Err)
		}
	}
	if errors.Is(err, errLineTooLong) {
		err = fmt.Errorf("the record after it is %w (or a quote is not closed)", err)
	}
	return &InputError{Source: name, Line: line, Err: err}
}

// recordLimit ends a record that grows beyond MaxLine: encoding/csv would take a
// whole file into memory because of one stray quote.
type recordLimit struct {
	r    io.Reader
	left int
}

// reset is called before each record. The buffer between here and the CSV reader
// may hold what belongs to later ones, so the bound is MaxLine and up to that much more.
func (l *recordLimit) reset() { l.left = MaxLine + csvBuffer }

func (l *recordLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLineTooLong
	}
	n, err := l.r.Read(p)
	l.left -= n
	return n, err
}
