package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

// items reads a list in JSON, which names its schema first.
func items[T any](t *testing.T, schema, text string) []T {
	t.Helper()
	var doc struct {
		Schema string
		Items  []T
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Schema != schema || doc.Items == nil {
		t.Fatalf("schema %q, items %v, %v; want a list of %s: %.200s", doc.Schema, doc.Items, err, schema, text)
	}
	if !strings.HasPrefix(text, "{\n  \"schema\": ") {
		t.Errorf("the schema is not the first field: %.60s", text)
	}
	return doc.Items
}

// One place refuses a format, before anything is opened: no stack is configured here.
func TestFormatsAreRefusedAlike(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, c := range []struct{ args, says string }{
		{"jobs ls -o yaml", `-o "yaml" is not a format`}, {"jobs show J -o csv", `-o "csv" is not a format`}, {"jobs rm J --yes -o x", `-o "x" is not a format`},
		{"tasks ls J -o x", `-o "x" is not a format`}, {"tasks show J 1 -o wide", `-o "wide" is not a format`}, {"wait J -o x", `-o "x" is not a format`},
		{"logs -o table", `-o "table" is not a format`}, {"status -o xml", `-o "xml" is not a format`}, {"waves J -o x", `-o "x" is not a format`},
		{"dlq ls -o x", `-o "x" is not a format`}, {"quota -o csv", `-o "csv" is not a format`}, {"scale show -o wide", `-o "wide" is not a format`},
		{"scale explain -o x", `-o "x" is not a format`}, {"prices -o x", `-o "x" is not a format`}, {"doctor -o x", `-o "x" is not a format`},
		{"cost J -o wide", `-o "wide" is not a format`}, {"plan --tasks 1 -o x", `-o "x" is not a format`}, {"hello -o x", `-o "x" is not a format`},
		{"down -o x", `-o "x" is not a format`}, {"deploy -o x .", `-o "x" is not a format`}, {"image build -o x .", `-o "x" is not a format`},
		{"jobs ls --columns job,wings", `there is no column "wings"`}, {"tasks ls J --columns x", `there is no column "x"`},
		{"jobs ls -o json --columns job", "--columns does not go with -o json"}, {"status J -o csv", "one job is no list"},
		{"jobs ls --since yesterday", "--since"}, {"jobs ls --only nice", "--only"}, {"jobs ls J", "takes no arguments"}, {"jobs rm", "say which jobs"},
		{"jobs extend J", "for"}, {"jobs extend J --for -3d", "--for"}, {"tasks ls J --failed --only ok", "exclude each other"}, {"tasks ls J --only x", "--only"},
		{"tasks ls J --limit -1", "--limit"}, {"tasks show J", "two arguments"}, {"tasks show J x", "no index"}, {"wait", "say which jobs"}, {"wait J --for ever", "--for"},
		{"wait J --timeout soon", "--timeout"}, {"logs J 1 2", "a JOB and an INDEX"}, {"logs J x", "no index"},
		{"enqueue", "one argument"}, {"enqueue H --data {", "not JSON"}, {"enqueue H --data @/nowhere", "nowhere"}, {"enqueue H --timeout 3s", "--timeout needs --job"},
		{"enqueue H --id a --job b", "exclude each other"}, {"enqueue H --job b --attempts 0", "at least 1"},
	} {
		got := starburst(t.Context(), "", strings.Fields(c.args)...)
		if got.code != exit.Usage || !strings.Contains(got.stderr, c.says) || got.stdout != "" {
			t.Errorf("%s: exit %d, %q, %q; want %d and %q", c.args, got.code, got.stdout, got.stderr, exit.Usage, c.says)
		}
	}
}
