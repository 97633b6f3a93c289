package listing

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Format is a way to print.
type Format string

// The formats.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	JSONL Format = "jsonl"
	CSV   Format = "csv"
)

// Formats are those of a list, the default first.
var Formats = []Format{Table, Wide, JSON, JSONL, CSV}

// Column is a column of a list of T.
type Column[T any] struct {
	// Name as --columns takes it and as CSV heads it: lower case, words joined by "_".
	Name string
	// Wide columns are shown by the format wide, by CSV, and when they are asked for by name.
	Wide bool
	// Cell is what people read.
	Cell func(T) string
	// Raw is what CSV has instead, where the two differ: a plain number, a time in UTC. Default: Cell.
	Raw func(T) string
}

// List is a kind of list.
type List[T any] struct {
	// Schema names the JSON document with its version, for example "starburst.jobs/v1".
	Schema  string
	Columns []Column[T]
	// Item is the JSON form of a row. Default: the row itself.
	Item func(T) any
}

// Options say how to print.
type Options struct {
	// Format is one of Formats. Default: Table.
	Format Format
	// NoHeaders leaves out the header of table, wide and csv.
	NoHeaders bool
	// Columns are the names of those to print, in that order. Default: the format's own. Case does not matter.
	Columns []string
}

// FormatError tells of a format, or of an option, that a list does not have.
type FormatError struct {
	// Asked is what was asked for.
	Asked string
	// What it should have been one of: "format" or "column".
	What string
	// Offered are those that exist.
	Offered []string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%q is not a %s; there are %s", e.Asked, e.What, strings.Join(e.Offered, ", "))
}

// printer prints the rows of a list one by one.
type printer[T any] interface {
	begin() error
	row(T) error
	end() error
}

// Write prints the rows and returns how many there were. The error of the rows ends it: what came before is
// printed, and a JSON document stays without its end, so that nobody takes it for whole.
// An option that the list does not have is a *FormatError, before anything is read or written.
func (l List[T]) Write(w io.Writer, o Options, rows iter.Seq2[T, error]) (n int, err error) {
	out := bufio.NewWriter(w)
	p, err := l.printer(out, o)
	if err != nil {
		return 0, err
	}
	if err := p.begin(); err != nil {
		return 0, err
	}
	for r, err := range rows {
		if err != nil {
			if o.Format == Table || o.Format == Wide || o.Format == "" {
				_ = p.end() // a table holds rows back
			}
			_ = out.Flush()
			return n, err
		}
		if err := p.row(r); err != nil {
			return n, fmt.Errorf("print row %d: %w", n+1, err)
		}
		n++
		if o.Format == JSONL { // who reads a line may be waiting for it
			if err := out.Flush(); err != nil {
				return n, fmt.Errorf("write: %w", err)
			}
		}
	}
	if err := p.end(); err != nil {
		return n, fmt.Errorf("write: %w", err)
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("write: %w", err)
	}
	return n, nil
}

// Check is the error that Write would return for the options.
func (l List[T]) Check(o Options) error {
	_, err := l.printer(io.Discard, o)
	return err
}

func (l List[T]) printer(w io.Writer, o Options) (printer[T], error) {
	columns, err := l.choose(o)
	if err != nil {
		return nil, err
	}
	item := l.Item
	if item == nil {
		item = func(r T) any { return r }
	}
	switch o.Format {
	case Table, Wide, "":
		return newTable(w, columns, o), nil
	case JSON:
		return &document[T]{w: w, schema: l.Schema, item: item}, nil
	case JSONL:
		return &lines[T]{w: w, item: item}, nil
	case CSV:
		return newCSV(w, columns, o.NoHeaders), nil
	}
	return nil, &FormatError{Asked: string(o.Format), What: "format", Offered: texts(Formats)}
}

// choose picks the columns to print.
func (l List[T]) choose(o Options) ([]Column[T], error) {
	if o.Columns == nil {
		return slices.DeleteFunc(slices.Clone(l.Columns), func(c Column[T]) bool { return c.Wide && o.Format != Wide && o.Format != CSV }), nil
	}
	chosen := make([]Column[T], 0, len(o.Columns))
	for _, name := range o.Columns {
		i := slices.IndexFunc(l.Columns, func(c Column[T]) bool { return strings.EqualFold(c.Name, name) })
		if i < 0 {
			return nil, &FormatError{Asked: name, What: "column", Offered: l.names()}
		}
		chosen = append(chosen, l.Columns[i])
	}
	return chosen, nil
}

func (l List[T]) names() []string {
	names := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		names[i] = c.Name
	}
	return names
}

func texts(formats []Format) []string {
	t := make([]string, len(formats))
	for i, f := range formats {
		t[i] = string(f)
	}
	return t
}
