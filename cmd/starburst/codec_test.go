package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/exit"
)

const (
	priceJSON = `{"f":"price","t":[["AAPL",187.25]]}`
	priceBody = "gqFmpXByaWNloXSRkqRBQVBMy0BnaAAAAAAA"
)

func TestCodecEncode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stdin string
		args        []string
		code        exit.Code
		stdout      string // the line, or how it begins when it ends in "…"
		stderr      string // a part of it
	}{
		{"base64", priceJSON + "\n", nil, exit.OK, priceBody, ""},
		{"a form", priceJSON, []string{"--form", "json"}, exit.OK, priceJSON, ""},
		{"zstd although it does not pay", priceJSON, []string{"--form", "zstd"}, exit.OK, "z1.…", ""},
		{"zstd where it pays", `{"f":"x","t":["` + strings.Repeat("a", 5000) + `"]}`, nil, exit.OK, "z1.…", ""},
		{"unknown keys are kept", `{"f":"x","t":[1],"zz":0}`, []string{"--form", "json"}, exit.OK, `{"f":"x","t":[1],"zz":0}`, ""},
		{"an unknown form", priceJSON, []string{"--form", "xml"}, exit.Usage, "", "--form base64"},
		{"no message", `{"f":"price"}`, nil, exit.Usage, "", `bad message (envelope): "t" is missing`},
		{"no JSON", `{"f":"price",}`, nil, exit.Usage, "", "bad message (json)"},
		{"an array", `[1]`, nil, exit.Usage, "", "want a map"},
		{"nothing", "", nil, exit.Usage, "", "bad message (json)"},
		{"a message as the argument", "", []string{priceJSON}, exit.Usage, "", "reads standard input"},
		{"more than SQS carries", `{"f":"x","t":[` + strings.Repeat("0.1234567890,", 100_000) + `1]}`, []string{"--form", "json"}, exit.Usage, "", "tasks"},
		{"tasks that make a body beyond SQS's limit", `{"f":"x","t":["` + strings.Repeat("a", 900_000) + `"]}`, []string{"--form", "base64"}, exit.Usage, "", "SQS carries at most 1048576"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := starburst(t.Context(), tt.stdin, append([]string{"codec", "encode"}, tt.args...)...)
			begin, cut := strings.CutSuffix(tt.stdout, "…")
			line := strings.TrimSuffix(got.stdout, "\n")
			if got.code != tt.code || line != begin && (!cut || !strings.HasPrefix(line, begin)) || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("%d %.200q %q, want %d %q and on stderr %q", got.code, got.stdout, got.stderr, tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestCodecDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stdin string
		args        []string
		code        exit.Code
		stdout      string
		stderr      string
	}{
		{"from standard input", priceBody + "\n", nil, exit.OK, priceJSON + "\n", ""},
		{"the same by name", priceBody, []string{"-"}, exit.OK, priceJSON + "\n", ""},
		{"from the argument", "", []string{priceBody}, exit.OK, priceJSON + "\n", ""},
		{"a body that is no message shows what it is", "", []string{"kQE="}, exit.OK, "[1]\n", ""},
		{"a body that is nothing", "", []string{"hello"}, exit.Usage, "", "bad message (base64)"},
		{"malformed msgpack", "", []string{"3X////8="}, exit.Usage, "", "bad message (msgpack)"},
		{"a packed value", "AIGhcpKzZ290IFsiQUFQTCIsMTg3LjI1XbBnb3QgWyJNU0ZUIiw0MzFd\n", []string{"--packed"}, exit.OK, `{"r":["got [\"AAPL\",187.25]","got [\"MSFT\",431]"]}` + "\n", ""},
		{"a packed value in zstd", "", []string{"--packed", "ASi1L/0gCUkAAIKhZqF4oXSRAQ=="}, exit.OK, `{"f":"x","t":[1]}` + "\n", ""},
		{"a body that is not packed", "", []string{"--packed", priceBody}, exit.Usage, "", "begins with the byte 0 or 1"},
		{"no base64", "", []string{"--packed", "?"}, exit.Usage, "", "error: a packed value\nwhy:   illegal base64"},
		{"two bodies", "", []string{priceBody, priceBody}, exit.Usage, "", "takes one body"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := starburst(t.Context(), tt.stdin, append([]string{"codec", "decode"}, tt.args...)...)
			if got.code != tt.code || got.stdout != tt.stdout || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("%+v, want %d %q and on stderr %q", got, tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

// What decode prints encode takes back, every key of a message included.
func TestCodecDecodeThenEncode(t *testing.T) {
	t.Parallel()
	const body = "jKF2AaFmpXByaWNloWqlam9iLTehcQehaZIHCaFtpjMuMS5yMqJpZKF4oWEComRszwAAAaIMeq17onRw2TcwMC0wYWY3NjUxOTE2Y2Q0M2RkODQ0OGViMjExYzgwMzE5Yy1iN2FkNmI3MTY5MjAzMzMxLTAxoW4CoXSSAQI="
	text := starburst(t.Context(), "", "codec", "decode", body)
	back := starburst(t.Context(), text.stdout, "codec", "encode")
	again := starburst(t.Context(), back.stdout, "codec", "decode")
	if back.code != exit.OK || again.stdout != text.stdout || text.stdout == "" {
		t.Errorf("%+v, then %+v, then %+v", text, back, again)
	}
}

func TestCodecCheckOfABody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stdin, arg string
		code             exit.Code
		want             string // a part of what is printed
	}{
		{"a task without an id", "", priceBody, exit.OK, `good: a message in base64, 36 bytes, for the handler "price"; task 0 without a job; result in the table under pk "R#~" and the MessageId`},
		{"typed by hand, with an id", "", `{"f":"x","id":"a-1","t":[1]}`, exit.OK, `result in the table under pk "R#~a-1", sk "0"`},
		{"a job's", "", `{"f":"x","j":"b","q":7,"t":[1,2]}`, exit.OK, `tasks 7 to 8 of job "b"`},
		{"a job's with gaps", "", `{"f":"x","j":"b","i":[7,9],"t":[1,2]}`, exit.OK, `2 tasks from 7 to 9 of job "b"`},
		{"from standard input", " " + priceBody + "\r\n", "-", exit.OK, "good: "},
		{"a good pointer", "", `{"f":"x","j":"b","s3":"in/b/k","sha":"` + strings.Repeat("0f", 32) + `","len":1,"n":1}`, exit.OK, `arguments in the object "in/b/k"`},
		{"a pointer that no worker follows", "", `{"f":"x","j":"b","s3":"in/c/k","sha":"` + strings.Repeat("0f", 32) + `","len":1,"n":1}`, exit.Usage, `bad message (offload): "s3" must begin with "in/b/"`},
		{"a word", "", "cGFy", exit.Usage, "bad message (envelope): the body begins with"},
		{"base64 of JSON", "", "eyJmIjoieCIsInQiOlsxXX0=", exit.Usage, "send the JSON itself"},
		{"base64 of base64", "", "Z3FGbW9YaWhkSkVC", exit.Usage, "base64 of base64"},
		{"nothing", "", "-", exit.Usage, "bad message (empty)"},
		{"more than SQS carries", strings.Repeat("A", 1<<20+1), "-", exit.Usage, "bad message (limit)"},
		{"the five bytes", "", "3X////8=", exit.Usage, "bad message (envelope)"},
		{"a file that is not there", "", "nosuch.json", exit.Usage, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := starburst(t.Context(), tt.stdin, "codec", "check", tt.arg)
			text := got.stdout
			if tt.code != exit.OK {
				text = got.stderr
			}
			if got.code != tt.code || !strings.Contains(text, tt.want) || tt.code != exit.OK && got.stdout != "" {
				t.Errorf("%+v, want %d and %q", got, tt.code, tt.want)
			}
		})
	}
}

func TestCodecCheckRunsTheVectors(t *testing.T) {
	t.Parallel()
	vectors, err := codec.Vectors()
	if err != nil {
		t.Fatal(err)
	}
	built := starburst(t.Context(), "", "codec", "check")
	if built.code != exit.OK || strings.Count(built.stdout, "pass  ") != len(vectors) || !strings.Contains(built.stderr, "vectors pass") {
		t.Errorf("exit %d, %d lines for %d vectors, %s", built.code, strings.Count(built.stdout, "\n"), len(vectors), built.stderr)
	}
	file, err := os.ReadFile("../../codec/testdata/vectors/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := starburst(t.Context(), "", "codec", "check", "../../codec/testdata/vectors/messages.json"); got != built || !json.Valid(file) {
		t.Errorf("from the file: exit %d, %s; want the same as from the program", got.code, got.stderr)
	}
	lie := writeFile(t, "lie.json", `[{"name":"a lie","body":"hello","reason":"json"},{"name":"a truth","body":"hello","reason":"base64"}]`)
	got := starburst(t.Context(), "", "codec", "check", lie)
	want := "FAIL  a lie: refused as \"base64\" (neither base64 nor a JSON object nor \"z1.\": illegal base64 data at input byte 4); want \"json\"\npass  a truth\n"
	if got.code != exit.Failed || got.stdout != want || !strings.Contains(got.stderr, "1 of 2 vectors fail") {
		t.Errorf("%+v, want %q", got, want)
	}
	broken := writeFile(t, "broken.json", `[{"name":"x"}]`)
	if got := starburst(t.Context(), "", "codec", "check", broken); got.code != exit.Usage || !strings.Contains(got.stderr, "want one of message and reason") {
		t.Errorf("%+v", got)
	}
}

func TestCodecWithoutACommand(t *testing.T) {
	t.Parallel()
	if got := starburst(t.Context(), "", "codec"); got.code != exit.OK || !strings.Contains(got.stdout, "encode") {
		t.Errorf("%+v", got)
	}
	if got := starburst(t.Context(), "", "codec", "nosuch"); got.code != exit.Usage {
		t.Errorf("%+v", got)
	}
}
