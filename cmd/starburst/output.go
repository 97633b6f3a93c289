package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// formats of results.
var formats = []string{"jsonl", "csv", "table", "text"}

// printed is what printing a job's results found.
type printed struct{ ok, failed int }

// printResults writes the settled tasks in the format, each as soon as it comes.
func printResults(w io.Writer, format string, results iter.Seq2[store.Settled, error]) (printed, error) {
	out := bufio.NewWriter(w)
	p, err := newPrinter(out, format)
	if err != nil {
		return printed{}, err
	}
	var n printed
	for s, err := range results {
		if err != nil {
			_ = p.end()
			_ = out.Flush()
			return n, err
		}
		if s.Failure != nil {
			n.failed++
		} else {
			n.ok++
		}
		if err := p.print(s); err != nil {
			return n, fmt.Errorf("print result %d: %w", s.Index, err)
		}
		// A reader of a slow job wants each line as it comes; a fast one fills the buffer.
		if out.Buffered() > 1<<15 || format != "table" {
			if err := out.Flush(); err != nil {
				return n, fmt.Errorf("write the results: %w", err)
			}
		}
	}
	if err := p.end(); err != nil {
		return n, err
	}
	return n, out.Flush()
}

// printer prints results one by one.
type printer interface {
	print(s store.Settled) error
	end() error
}

func newPrinter(w io.Writer, format string) (printer, error) {
	switch format {
	case "jsonl":
		return &jsonl{w}, nil
	case "csv":
		return &csvPrinter{w: csv.NewWriter(w)}, nil
	case "table":
		t := &table{tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)}
		_, err := fmt.Fprintln(t.w, "INDEX\tSTATE\tRESULT")
		return t, err
	case "text":
		return &text{w}, nil
	}
	return nil, exit.Errorf(exit.Usage, "-o %q is not a format", format).WithHint("-o %s", strings.Join(formats, ", -o "))
}

// resultLine is the JSON form of a settled task.
type resultLine struct {
	Index  int             `json:"index"`
	OK     bool            `json:"ok"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *errorLine      `json:"error,omitempty"`
}

type errorLine struct {
	Kind     string          `json:"kind"`
	Message  string          `json:"message"`
	Attempts int             `json:"attempts"`
	Argument json.RawMessage `json:"argument,omitempty"`
	Stack    string          `json:"stack,omitempty"`
}

type jsonl struct{ w io.Writer }

func (p *jsonl) print(s store.Settled) error {
	line := resultLine{Index: s.Index, OK: s.Failure == nil}
	var err error
	if f := s.Failure; f != nil {
		line.Error = &errorLine{Kind: string(f.Kind), Message: f.Message, Attempts: f.Attempts, Stack: f.Stack}
		if len(f.Argument) > 0 {
			line.Error.Argument, err = codec.MsgpackToJSON(f.Argument)
		}
	} else {
		line.Result, err = codec.MsgpackToJSON(s.Value)
	}
	if err != nil {
		return err
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = p.w.Write(append(b, '\n'))
	return err
}

func (p *jsonl) end() error { return nil }

// text prints each result as it is, like the programs of `run` wrote it;
// failures go to standard error elsewhere and leave no line.
type text struct{ w io.Writer }

func (p *text) print(s store.Settled) error {
	if s.Failure != nil {
		return nil
	}
	v, err := valueText(s.Value)
	if err == nil && v != "" {
		_, err = fmt.Fprintln(p.w, v)
	}
	return err
}

func (p *text) end() error { return nil }

// valueText shows a string as it is and anything else as JSON.
func valueText(raw []byte) (string, error) {
	b, err := codec.MsgpackToJSON(raw)
	if err != nil {
		return "", err
	}
	var s string
	if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &s) == nil {
		return s, nil
	}
	return string(b), nil
}

type table struct{ w *tabwriter.Writer }

func (p *table) print(s store.Settled) error {
	if f := s.Failure; f != nil {
		_, err := fmt.Fprintf(p.w, "%d\tfailed\t%s\n", s.Index, oneLine(f.Message))
		return err
	}
	v, err := valueText(s.Value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.w, "%d\tok\t%s\n", s.Index, oneLine(v))
	return err
}

func (p *table) end() error { return p.w.Flush() }

// oneLine fits a text into a table's cell.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 100 {
		return string(r[:97]) + "..."
	}
	return s
}

// csvPrinter prints the columns of the first successful result's object, or one
// column "result". Failures before it wait for the header that it decides.
type csvPrinter struct {
	w       *csv.Writer
	columns []string
	waiting []store.Settled
}

func (p *csvPrinter) print(s store.Settled) error {
	if p.columns == nil && s.Failure != nil {
		p.waiting = append(p.waiting, s)
		return nil
	}
	object, value, err := csvFields(s)
	if err != nil {
		return err
	}
	if p.columns == nil {
		if err := p.header(object); err != nil {
			return err
		}
	}
	return p.row(s, object, value)
}

func (p *csvPrinter) row(s store.Settled, object map[string]string, value string) error {
	row := []string{strconv.Itoa(s.Index), strconv.FormatBool(s.Failure == nil)}
	for _, c := range p.columns {
		if c == "result" && object == nil {
			row = append(row, value)
			continue
		}
		row = append(row, object[c])
	}
	message := ""
	if s.Failure != nil {
		message = s.Failure.Message
	}
	return p.w.Write(append(row, message))
}

func (p *csvPrinter) header(object map[string]string) error {
	p.columns = []string{}
	for k := range object {
		p.columns = append(p.columns, k)
	}
	slices.Sort(p.columns)
	if object == nil {
		p.columns = []string{"result"}
	}
	if err := p.w.Write(slices.Concat([]string{"index", "ok"}, p.columns, []string{"error"})); err != nil {
		return err
	}
	for _, w := range p.waiting {
		if err := p.row(w, nil, ""); err != nil {
			return err
		}
	}
	p.waiting = nil
	return nil
}

func (p *csvPrinter) end() error {
	if p.waiting != nil {
		if err := p.header(nil); err != nil {
			return err
		}
	}
	p.w.Flush()
	return p.w.Error()
}

// csvFields splits an object result into its fields; any other result is one text.
func csvFields(s store.Settled) (object map[string]string, value string, err error) {
	if s.Failure != nil {
		return nil, "", nil
	}
	value, err = valueText(s.Value)
	if err != nil || !strings.HasPrefix(value, "{") {
		return nil, value, err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &fields) != nil {
		return nil, value, nil //nolint:nilerr // a text that only begins as an object does
	}
	object = make(map[string]string, len(fields))
	for k, v := range fields {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		object[k] = text
	}
	return object, "", nil
}
