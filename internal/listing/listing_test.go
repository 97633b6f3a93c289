package listing

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type animal struct {
	Name string `json:"name"`
	Legs int    `json:"legs"`
	Note string `json:"note,omitempty"`
}

func animals() List[animal] {
	return List[animal]{
		Schema: "zoo.animals/v1",
		Columns: []Column[animal]{
			{Name: "name", Cell: func(a animal) string { return a.Name }},
			{Name: "leg_count", Cell: func(a animal) string { return strconv.Itoa(a.Legs) + " legs" }, Raw: func(a animal) string { return strconv.Itoa(a.Legs) }},
			{Name: "note", Wide: true, Cell: func(a animal) string { return a.Note }},
		},
	}
}

func rows(all ...animal) iter.Seq2[animal, error] {
	return func(yield func(animal, error) bool) {
		for _, a := range all {
			if !yield(a, nil) {
				return
			}
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	zoo := []animal{{"ant", 6, "<small>"}, {"earthworm", 0, ""}}
	for _, c := range []struct {
		what    string
		options Options
		rows    []animal
		want    string
	}{
		{"the zero options are a table", Options{}, zoo, "NAME       LEG COUNT\nant        6 legs\nearthworm  0 legs\n"},
		{"wide has every column, and a mark where nothing is", Options{Format: Wide}, zoo, "NAME       LEG COUNT  NOTE\nant        6 legs     <small>\nearthworm  0 legs     -\n"},
		{"a column by name, in another order and case", Options{Format: Table, Columns: []string{"NOTE", "name"}}, zoo, "NOTE     NAME\n<small>  ant\n-        earthworm\n"},
		{"no headers", Options{NoHeaders: true}, zoo, "ant        6 legs\nearthworm  0 legs\n"},
		{"a table of nothing is its header", Options{}, nil, "NAME  LEG COUNT\n"},
		{"csv has all columns and plain figures", Options{Format: CSV}, zoo, "name,leg_count,note\nant,6,<small>\nearthworm,0,\n"},
		{"csv of one column", Options{Format: CSV, Columns: []string{"leg_count"}, NoHeaders: true}, zoo, "6\n0\n"},
		{"a line an item", Options{Format: JSONL}, zoo, `{"name":"ant","legs":6,"note":"<small>"}` + "\n" + `{"name":"earthworm","legs":0}` + "\n"},
		{"no lines", Options{Format: JSONL}, nil, ""},
		{"one document", Options{Format: JSON}, zoo[1:], "{\n  \"schema\": \"zoo.animals/v1\",\n  \"items\": [\n    {\n      \"name\": \"earthworm\",\n      \"legs\": 0\n    }\n  ]\n}\n"},
		{"an empty document", Options{Format: JSON}, nil, "{\n  \"schema\": \"zoo.animals/v1\",\n  \"items\": []\n}\n"},
	} {
		var out bytes.Buffer
		n, err := animals().Write(&out, c.options, rows(c.rows...))
		if err != nil || n != len(c.rows) {
			t.Errorf("%s: %d rows, %v", c.what, n, err)
		}
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.what, diff)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options Options
		want    FormatError
	}{
		{Options{Format: "yaml"}, FormatError{"yaml", "format", []string{"table", "wide", "json", "jsonl", "csv"}}},
		{Options{Columns: []string{"name", "wings"}}, FormatError{"wings", "column", []string{"name", "leg_count", "note"}}},
	} {
		var out bytes.Buffer
		_, err := animals().Write(&out, c.options, func(func(animal, error) bool) { t.Error("the rows were read") })
		refused, ok := errors.AsType[*FormatError](err)
		if !ok {
			t.Fatalf("%+v: %v, want a *FormatError", c.options, err)
		}
		if diff := cmp.Diff(c.want, *refused); diff != "" || out.Len() > 0 {
			t.Errorf("%+v: %q written (-want +got)\n%s", c.options, out.String(), diff)
		}
		if err := animals().Check(c.options); err == nil {
			t.Errorf("%+v: Check allows it", c.options)
		}
	}
}

// What was read before an error is printed, and no document pretends to be whole.
func TestErrorOfTheRows(t *testing.T) {
	t.Parallel()
	broken := errors.New("the keeper is away")
	for _, f := range Formats {
		var out bytes.Buffer
		n, err := animals().Write(&out, Options{Format: f}, func(yield func(animal, error) bool) {
			if yield(animal{Name: "ant", Legs: 6}, nil) {
				yield(animal{}, broken)
			}
		})
		if n != 1 || !errors.Is(err, broken) || f != CSV && !strings.Contains(out.String(), "ant") {
			t.Errorf("%s: %d rows, %v, wrote %q", f, n, err, out.String())
		}
		if f == JSON && json.Valid(out.Bytes()) {
			t.Errorf("the unfinished document is valid: %s", out.String())
		}
	}
}

// A long list is not held: the first rows are written before the last are read.
func TestTableStreams(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, err := animals().Write(&out, Options{}, func(yield func(animal, error) bool) {
		for i := range 20 * blockRows {
			if i == 10*blockRows && out.Len() == 0 {
				t.Error("nothing is written yet")
			}
			if !yield(animal{Name: strconv.Itoa(i)}, nil) {
				return
			}
		}
	})
	if lines := strings.Count(out.String(), "\n"); err != nil || lines != 20*blockRows+1 {
		t.Errorf("%d lines, %v", lines, err)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, in string
		limit    int
		want     string
	}{
		{"white space is one blank", " a\tb\n\nc ", 0, "a b c"},
		{"an escape sequence is not one any more", "\x1b[31mred\x07\u009b", 0, "?[31mred??"},
		{"cut", "abcdefghij", 8, "abcde..."},
		{"runes, not bytes", "ääääääää", 8, "ääääääää"},
		{"broken UTF-8", "a\xffb", 0, "a?b"},
	} {
		if got := Line(c.in, c.limit); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Document(&out, "zoo.animal/v1", animal{Name: "a<b"}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"schema\": \"zoo.animal/v1\",\n  \"name\": \"a<b\",\n  \"legs\": 0\n}\n"; out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
	out.Reset()
	if err := errors.Join(DocumentLine(&out, "x/v1", struct{}{}), DocumentLine(&out, "x/v1", animal{})); err != nil {
		t.Fatal(err)
	}
	if want := `{"schema":"x/v1"}` + "\n" + `{"schema":"x/v1","name":"","legs":0}` + "\n"; out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
	for what, bad := range map[string]any{"a list": []int{1}, "a schema of its own": map[string]int{"schema": 1}, "no JSON": func() {}, "null": nil} {
		if err := Document(&out, "x/v1", bad); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// Whatever texts the rows hold, each format has as many rows as there are, and programs read back what was put in.
func TestWriteAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) animal {
			return animal{rapid.String().Draw(t, "name"), rapid.Int().Draw(t, "legs"), rapid.String().Draw(t, "note")}
		}), 0, 20).Draw(t, "rows")
		outs := map[Format]*bytes.Buffer{}
		for _, f := range Formats {
			outs[f] = &bytes.Buffer{}
			if n, err := animals().Write(outs[f], Options{Format: f}, rows(all...)); err != nil || n != len(all) {
				t.Fatalf("%s: %d rows, %v", f, n, err)
			}
		}
		for _, f := range []Format{Table, Wide} {
			if n := strings.Count(outs[f].String(), "\n"); n != len(all)+1 {
				t.Fatalf("%s has %d lines for %d rows: %q", f, n, len(all), outs[f].String())
			}
		}
		var doc struct {
			Schema string
			Items  []animal
		}
		if err := json.Unmarshal(outs[JSON].Bytes(), &doc); err != nil || doc.Schema != "zoo.animals/v1" {
			t.Fatalf("schema %q, %v", doc.Schema, err)
		}
		if diff := cmp.Diff(append([]animal{}, all...), doc.Items); diff != "" {
			t.Fatal(diff)
		}
		records, err := csv.NewReader(outs[CSV]).ReadAll()
		if err != nil || len(records) != len(all)+1 {
			t.Fatalf("csv has %d records, %v", len(records), err)
		}
	})
}
