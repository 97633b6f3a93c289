package deployed

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// read joins the files of the module that match the pattern.
func read(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(moduleDir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatal(pattern, files, err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// names are the first groups of all matches, in order and once each.
func names(expression, text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// blocks are the bodies of blocks such as variable "name" { … }, by name.
func blocks(kind, text string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?ms)^`+kind+` "(\w+)" \{\n(.*?)^\}`).FindAllStringSubmatch(text, -1) {
		all[m[1]] = m[2]
	}
	return all
}

func TestEveryVariableHasARuleAndATestOfIt(t *testing.T) {
	t.Parallel()
	tested := names(`var\.(\w+),`, read(t, "tests/validation.tftest.hcl"))
	readme := read(t, "README.md")
	for name, body := range blocks("variable", read(t, "variables*.tf")) {
		ruled := strings.Contains(body, "validation {")
		switch {
		case !strings.Contains(body, "description = ") || !strings.Contains(body, "default "):
			t.Errorf("variable %s has no description, or no default", name)
		case !ruled && !strings.Contains(body, "= bool"):
			t.Errorf("variable %s takes any value", name)
		case ruled && !slices.Contains(tested, name):
			t.Errorf("no test gives variable %s a wrong value", name)
		case !strings.Contains(readme, "\n| `"+name+"` | "):
			t.Errorf("the README does not name variable %s", name)
		}
	}
}

func TestTheREADMENamesWhatTheModuleTells(t *testing.T) {
	t.Parallel()
	readme, outputs := read(t, "README.md"), read(t, "outputs.tf")
	_, tables, _ := strings.Cut(readme, "## What a program reads")
	tables, _, _ = strings.Cut(tables, "## Variables")
	for name := range blocks("output", outputs) {
		if !strings.Contains(tables, "`"+name+"`") {
			t.Errorf("the README does not name output %s", name)
		}
	}
	_, object, _ := strings.Cut(outputs, "config = {")
	object, _, _ = strings.Cut(object, "\n  }")
	keys := names(`(?m)^    (\w+) +=`, object)
	if len(keys) < 30 {
		t.Fatal("keys of config:", keys)
	}
	for _, key := range keys {
		if !strings.Contains(tables, "`"+key+"`") {
			t.Errorf("the README does not name config's %s", key)
		}
	}
}

// minReason is the least that a reason for a skip must say, in characters.
const minReason = 20

func TestEverySkipIsInTheREADME(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	skipped := map[string]bool{}
	for _, m := range regexp.MustCompile(`#checkov:skip=(\w+):?(.*)`).FindAllStringSubmatch(read(t, "*.tf"), -1) {
		id, reason := m[1], strings.TrimSpace(m[2])
		skipped[id] = true
		row := regexp.MustCompile("(?m)^\\| `" + id + "` \\| .* \\|$").FindString(readme)
		switch {
		case len(reason) < minReason:
			t.Errorf("%s is skipped for %q: say why", id, reason)
		case row == "":
			t.Errorf("%s is skipped and not in the README's table", id)
		}
	}
	for _, id := range names("(?m)^\\| `(CKV\\w+)` \\|", readme) {
		if !skipped[id] {
			t.Errorf("the README's table has %s, which nothing skips", id)
		}
	}
	if text := read(t, "examples/*/*.tf"); strings.Contains(text, "checkov:skip") {
		t.Error("an example skips checks: users copy examples")
	}
}

// What an emulator cannot store is said beside the tests, never in the module.
func TestTheModuleKnowsNoEmulator(t *testing.T) {
	t.Parallel()
	text := strings.ToLower(read(t, "*.tf") + read(t, "examples/*/*.tf"))
	for _, word := range []string{"emulator", "moto", "ministack", "localstack", "skip_credentials", "127.0.0.1", "localhost"} {
		if strings.Contains(text, word) {
			t.Errorf("the module mentions %s", word)
		}
	}
	if strings.Contains(text, `data "aws_iam_policy_document"`) {
		t.Error("policies are written out by jsonencode: a data source would be made up in tests")
	}
}
