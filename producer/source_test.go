package producer_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
)

// render drains the source into JSON texts and its error.
func render(t testing.TB, s producer.Source) (args []string, err error) {
	t.Helper()
	for raw, err := range s.Args() {
		if err != nil {
			return args, err
		}
		text, err := codec.MsgpackToJSON(raw)
		if err != nil {
			t.Fatalf("the source yields %x: %v", raw, err)
		}
		args = append(args, string(text))
	}
	return args, nil
}

func file(t testing.TB, name, content string) *producer.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := producer.OpenFile(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	grid := func(axes ...string) producer.Source { return must[producer.Grid](t)(producer.ParseGrid(axes)) }
	span := func(s string) producer.Source { return must[producer.Range](t)(producer.ParseRange(s)) }
	type point struct {
		X int     `msgpack:"x"`
		Y float64 `msgpack:"y"`
	}
	bigLine := strings.Repeat("x", 200<<10)
	for _, test := range []struct {
		name   string
		source producer.Source
		want   []string
	}{
		{"a slice of values", producer.Slice([]any{1, "a", nil, 2.5}), []string{`1`, `"a"`, `null`, `2.5`}},
		{"a slice of structs", producer.Slice([]point{{1, 2}, {}}), []string{`{"x":1,"y":2.0}`, `{"x":0,"y":0.0}`}},
		{"an empty slice", producer.Slice([]int{}), nil},

		{"JSON lines", file(t, "a.jsonl", "{\"x\":1}\n[1,2.0]\n\"s\"\nnull\n"), []string{`{"x":1}`, `[1,2.0]`, `"s"`, `null`}},
		{"the last line needs no end", file(t, "a.jsonl", "1\n2"), []string{`1`, `2`}},
		{"blank lines are skipped", file(t, "a.jsonl", "\n1\n  \t\n\r\n2\n\n"), []string{`1`, `2`}},
		{"CRLF and a byte order mark", file(t, "a.jsonl", "\xef\xbb\xbf1\r\n2\r\n"), []string{`1`, `2`}},
		{"a line longer than any buffer", file(t, "a.jsonl", `"`+bigLine+"\"\n7"), []string{`"` + bigLine + `"`, `7`}},
		{"an empty file", file(t, "a.jsonl", ""), nil},
		{"any other name means JSON lines", file(t, "args", "1\n"), []string{`1`}},

		{"CSV", file(t, "a.csv", "x,name\n1,a\n2.5,\"b, \"\"c\"\"\"\n"), []string{`{"x":1,"name":"a"}`, `{"x":2.5,"name":"b, \"c\""}`}},
		{
			"what is a number in a CSV field", file(t, "a.csv", "n\n-1\n1e3\n 7 \n18446744073709551615\n-0.5\n0\n"),
			[]string{`{"n":-1}`, `{"n":1000.0}`, `{"n":7}`, `{"n":18446744073709551615}`, `{"n":-0.5}`, `{"n":0}`},
		},
		{
			"and what is a string", file(t, "a.csv", "n,m\n007,1_0\n+1,0x10\nNaN,inf\n1.,.5\n18446744073709551616,1e999\n,true\n-,1e\n"),
			[]string{
				`{"n":"007","m":"1_0"}`, `{"n":"+1","m":"0x10"}`, `{"n":"NaN","m":"inf"}`, `{"n":"1.","m":".5"}`,
				`{"n":"18446744073709551616","m":"1e999"}`, `{"n":"","m":"true"}`, `{"n":"-","m":"1e"}`,
			},
		},
		{"CSV with a byte order mark, CRLF and a line end in a field", file(t, "a.CSV", "\xef\xbb\xbfa,b\r\n1,\"x\ny\"\r\n"), []string{`{"a":1,"b":"x\ny"}`}},
		{"CSV with a header only", file(t, "a.csv", "a,b\n"), nil},
		{"an empty CSV file", file(t, "a.csv", ""), nil},

		{"lines", file(t, "a.txt", "a b\n\n12\nlast"), []string{`"a b"`, `"12"`, `"last"`}},
		{"words", producer.Words([]string{"a", "12", ""}), []string{`"a"`, `"12"`, `""`}},

		{"a range", span("1:3"), []string{`1`, `2`, `3`}},
		{"a range of one", span("5:5"), []string{`5`}},
		{"a range with a step that misses the end", span("0:10:4"), []string{`0`, `4`, `8`}},
		{"a range downwards", span("3:-3:-3"), []string{`3`, `0`, `-3`}},
		{"a range at the end of the integers", span("9223372036854775806:9223372036854775807"), []string{`9223372036854775806`, `9223372036854775807`}},
		{"a range across all integers", span("-9223372036854775808:9223372036854775807:9223372036854775807"), []string{`-9223372036854775808`, `-1`, `9223372036854775806`}},

		{
			"a grid, the first axis slowest", grid("lr=0.1,0.01", "depth=2,4"),
			[]string{`{"lr":0.1,"depth":2}`, `{"lr":0.1,"depth":4}`, `{"lr":0.01,"depth":2}`, `{"lr":0.01,"depth":4}`},
		},
		{"a grid of other values", grid("a=true,false,x=1, null ,007"), []string{`{"a":true}`, `{"a":false}`, `{"a":"x=1"}`, `{"a":"null"}`, `{"a":"007"}`}},
		{"a grid without axes", grid(), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // a source can be read again
				got, err := render(t, test.source)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(test.want, got); d != "" {
					t.Fatalf("arguments (-want +got):\n%s", d)
				}
			}
		})
	}
}

func TestEqualValuesHaveEqualBytesWhereverTheyComeFrom(t *testing.T) {
	t.Parallel()
	values := []string{"0", "1", "-1", "127", "128", "-32", "-33", "65536", "-70000", "4294967296", "9223372036854775807", "1.5", "1e100"}
	csv := file(t, "a.csv", "v\n"+strings.Join(values, "\n")+"\n")
	jsonl := file(t, "a.jsonl", `{"v":`+strings.Join(values, "}\n{\"v\":")+"}\n")
	grid, err := producer.ParseGrid([]string{"v=" + strings.Join(values, ",")})
	if err != nil {
		t.Fatal(err)
	}
	bytes := func(s producer.Source) (out []string) {
		for raw, err := range s.Args() {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, hex.EncodeToString([]byte(raw)))
		}
		return out
	}
	for _, s := range []producer.Source{csv, grid} {
		if d := cmp.Diff(bytes(jsonl), bytes(s)); d != "" {
			t.Errorf("%v differs from JSON lines (-jsonl +it):\n%s", s, d)
		}
	}
}

func TestMalformedInputNamesItsPlace(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", producer.MaxLine)
	for _, test := range []struct {
		name   string
		source producer.Source
		line   int
		says   string
	}{
		{"a line that is not JSON", file(t, "a.jsonl", "1\n\n{x}\n"), 3, "not one JSON value"},
		{"two values in a line", file(t, "a.jsonl", "1 2\n"), 1, "not one JSON value"},
		{"a JSON array over several lines", file(t, "a.jsonl", "[\n1\n]\n"), 1, "jq -c"},
		{"a file that is cut off", file(t, "a.jsonl", "1\n{\"a\":"), 2, "not one JSON value"},
		{"a line that is too long", file(t, "a.jsonl", "1\n\""+long+"\"\n"), 2, "longer than"},
		{"a long line without an end", file(t, "a.jsonl", "1\n\""+long), 2, "longer than"},

		{"a CSV record with a field too few", file(t, "a.csv", "a,b\n1,2\n3\n"), 3, "as many fields"},
		{"a CSV record with a field too many", file(t, "a.csv", "a,b\n1,2,3\n"), 2, "as many fields"},
		{"a bare quote in a CSV field", file(t, "a.csv", "a,b\n1,2\nx\"y,3\n"), 3, "column 2"},
		{"a quote that is never closed", file(t, "a.csv", "a\n1\n\"x\n2\n"), 4, "quote"},
		{"a quote that is never closed in a large file", file(t, "a.csv", "a\n1\n\""+long+long), 2, "quote is not closed"},
		{"a CSV column without a name", file(t, "a.csv", "a,\n1,2\n"), 1, "column 2 has no name"},
		{"two CSV columns of one name", file(t, "a.csv", "a,b,a\n1,2,3\n"), 1, `two columns are named "a"`},
		{"a CSV field that is not UTF-8", file(t, "a.csv", "a\n1\ncaf\xe9\n"), 3, "UTF-8"},
		{"a CSV header that is not UTF-8", file(t, "a.csv", "caf\xe9\n1\n"), 1, "UTF-8"},

		{"a line that is not UTF-8", file(t, "a.txt", "a\ncaf\xe9\n"), 2, "UTF-8"},
		{"a word that is not UTF-8", producer.Words([]string{"\xff"}), 0, "UTF-8"},
		{"a value that cannot be encoded", producer.Slice([]any{1, make(chan int)}), 0, "argument 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := render(t, test.source)
			wantInputError(t, err, test.line, test.says)
			if named, ok := test.source.(fmt.Stringer); ok && !strings.Contains(err.Error(), named.String()) {
				t.Errorf("%q does not name %v", err, named)
			}
		})
	}
}

func wantInputError(t *testing.T, err error, line int, says string) {
	t.Helper()
	var in *producer.InputError
	if !errors.As(err, &in) {
		t.Fatalf("got %v, want an *InputError", err)
	}
	if in.Line != line || !strings.Contains(err.Error(), says) {
		t.Errorf("got %q at line %d, want %q at line %d", err, in.Line, says, line)
	}
}

func TestOptionsThatCannotBeParsed(t *testing.T) {
	t.Parallel()
	for s, says := range map[string]string{
		"":                       "want",
		"7":                      "want",
		"1:2:3:4":                "want",
		"a:2":                    "not an integer",
		"1:":                     "not an integer",
		"1:2.5":                  "not an integer",
		"1:99999999999999999999": "64 bits",
		"1:2:0":                  "step is 0",
		"2:1":                    "empty",
		"1:2:-1":                 "empty",
		"0:2147483648":           "at most",
		"-9223372036854775808:9223372036854775807": "at most",
	} {
		_, err := producer.ParseRange(s)
		wantInputError(t, err, 0, says)
	}
	for _, test := range []struct {
		axes []string
		says string
	}{
		{[]string{"lr"}, "want"},
		{[]string{"=1"}, "want"},
		{[]string{"lr="}, "value 1 is empty"},
		{[]string{"lr=1,,2"}, "value 2 is empty"},
		{[]string{"a=1", "a=2"}, "two axes"},
		{[]string{"a=\xff"}, "UTF-8"},
		{[]string{"a=1" + strings.Repeat(",1", 99999), "b=1" + strings.Repeat(",1", 99999)}, "at most"},
	} {
		_, err := producer.ParseGrid(test.axes)
		wantInputError(t, err, 0, test.says)
	}
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	_, err := producer.OpenFile(t.Context(), "no/such/file.jsonl", "")
	wantInputError(t, err, 0, "no/such/file.jsonl: no such file")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	_, err = producer.OpenFile(t.Context(), t.TempDir(), "")
	wantInputError(t, err, 0, "directory")
	_, err = producer.OpenFile(t.Context(), "a.xml", "xml")
	wantInputError(t, err, 0, "unknown input format")
	_, err = producer.Spool(t.Context(), nil, "standard input", "xml")
	wantInputError(t, err, 0, "unknown input format")
}

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	f, err := producer.Spool(t.Context(), iotest.OneByteReader(strings.NewReader("a\n1\n2\n")), "standard input", producer.CSV)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := render(t, f)
		if d := cmp.Diff([]string{`{"a":1}`, `{"a":2}`}, got); d != "" || err != nil {
			t.Errorf("arguments (-want +got), %v:\n%s", err, d)
		}
	}
	for range 2 { // closing twice is no error
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSpoolOfAReaderThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	_, err := producer.Spool(t.Context(), iotest.ErrReader(errNetwork), "standard input", "")
	if !errors.Is(err, errNetwork) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAPipeIsSpooled(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no /dev/fd")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		_, _ = io.WriteString(w, "1\n2\n")
		_ = w.Close()
	}()
	f, err := producer.OpenFile(t.Context(), fmt.Sprintf("/dev/fd/%d", r.Fd()), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 {
		if got, err := render(t, f); err != nil || len(got) != 2 {
			t.Errorf("got %v, %v", got, err)
		}
	}
}
