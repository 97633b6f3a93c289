package listing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// document prints the rows as the items of one JSON document.
type document[T any] struct {
	w      io.Writer
	schema string
	item   func(T) any
	n      int
}

func (d *document[T]) begin() error {
	_, err := fmt.Fprintf(d.w, "{\n  \"schema\": %q,\n  \"items\": [", d.schema)
	return err
}

func (d *document[T]) row(r T) error {
	b, err := marshal(d.item(r))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if d.n++; d.n > 1 {
		text.WriteByte(',')
	}
	text.WriteString("\n    ")
	if err := json.Indent(&text, b, "    ", "  "); err != nil {
		return err
	}
	_, err = d.w.Write(text.Bytes())
	return err
}

func (d *document[T]) end() error {
	end := "\n  ]\n}\n"
	if d.n == 0 {
		end = "]\n}\n"
	}
	_, err := io.WriteString(d.w, end)
	return err
}

// lines prints one row a line.
type lines[T any] struct {
	w    io.Writer
	item func(T) any
}

func (l *lines[T]) begin() error { return nil }
func (l *lines[T]) end() error   { return nil }

func (l *lines[T]) row(r T) error {
	b, err := marshal(l.item(r))
	if err != nil {
		return err
	}
	_, err = l.w.Write(append(b, '\n'))
	return err
}

// Document prints an object as an indented JSON document whose first field is the schema. The object must
// become a JSON object, without a field of that name.
func Document(w io.Writer, schema string, object any) error {
	b, err := withSchema(schema, object)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, b, "", "  "); err != nil {
		return fmt.Errorf("print %s: %w", schema, err)
	}
	text.WriteByte('\n')
	_, err = w.Write(text.Bytes())
	return err
}

// DocumentLine is Document on one line, for a stream of them.
func DocumentLine(w io.Writer, schema string, object any) error {
	b, err := withSchema(schema, object)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func withSchema(schema string, object any) ([]byte, error) {
	b, err := marshal(object)
	if err != nil {
		return nil, fmt.Errorf("print %s: %w", schema, err)
	}
	var own struct {
		Schema *json.RawMessage `json:"schema"`
	}
	switch err := json.Unmarshal(b, &own); {
	case err != nil || len(b) == 0 || b[0] != '{':
		return nil, fmt.Errorf("print %s: %T is no JSON object", schema, object)
	case own.Schema != nil:
		return nil, errors.New("print " + schema + ": the object has a schema of its own")
	}
	head, err := marshal(schema)
	if err != nil {
		return nil, err
	}
	comma := ","
	if bytes.Equal(b, []byte("{}")) {
		comma = ""
	}
	return append([]byte(`{"schema":`+string(head)+comma), b[1:]...), nil
}

// marshal is json.Marshal without the escapes that only matter inside HTML: a program's error has < and > in it.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
