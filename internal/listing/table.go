package listing

import (
	"encoding/csv"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// maxCell is where a table cuts a cell, in runes: twice what fits a narrow terminal.
const maxCell = 100

// blockRows is how many rows a table aligns at once. It bounds the memory of a long list, and what is
// aligned looks like one table as long as nobody sees more than so many rows at a time.
const blockRows = 500

type table[T any] struct {
	w       *tabwriter.Writer
	columns []Column[T]
	options Options
	held    int
}

func newTable[T any](w io.Writer, columns []Column[T], o Options) *table[T] {
	return &table[T]{w: tabwriter.NewWriter(w, 2, 8, 2, ' ', 0), columns: columns, options: o}
}

func (t *table[T]) begin() error {
	if t.options.NoHeaders {
		return nil
	}
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = strings.ToUpper(strings.ReplaceAll(c.Name, "_", " "))
	}
	return t.line(heads)
}

func (t *table[T]) row(r T) error {
	cells := make([]string, len(t.columns))
	for i, c := range t.columns {
		limit := maxCell
		if t.options.Format == Wide {
			limit = 0
		}
		cells[i] = Line(c.Cell(r), limit)
		if cells[i] == "" {
			cells[i] = "-"
		}
	}
	if err := t.line(cells); err != nil {
		return err
	}
	if t.held++; t.held < blockRows {
		return nil
	}
	t.held = 0
	return t.w.Flush()
}

// line writes the cells. The last has no tab behind it, so that the line ends where its text does.
func (t *table[T]) line(cells []string) error {
	_, err := io.WriteString(t.w, strings.Join(cells, "\t")+"\n")
	return err
}

func (t *table[T]) end() error { return t.w.Flush() }

// Line makes one line of a text that somebody else has written: white space becomes one blank, and what
// a terminal would act on (control characters, such as escape sequences begin with, and those that turn the
// direction of writing) a "?". A text of
// more than limit runes is cut; 0 means no limit.
func Line(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); limit > 3 && len(r) > limit {
		return string(r[:limit-3]) + "..."
	}
	return s
}

type csvTable[T any] struct {
	w         *csv.Writer
	columns   []Column[T]
	noHeaders bool
}

func newCSV[T any](w io.Writer, columns []Column[T], noHeaders bool) *csvTable[T] {
	return &csvTable[T]{csv.NewWriter(w), columns, noHeaders}
}

func (t *csvTable[T]) begin() error {
	if t.noHeaders {
		return nil
	}
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.Name
	}
	return t.w.Write(heads)
}

func (t *csvTable[T]) row(r T) error {
	cells := make([]string, len(t.columns))
	for i, c := range t.columns {
		if c.Raw != nil {
			cells[i] = c.Raw(r)
		} else {
			cells[i] = c.Cell(r)
		}
	}
	return t.w.Write(cells)
}

func (t *csvTable[T]) end() error {
	t.w.Flush()
	return t.w.Error()
}
