package iamcheck

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Lists are the actions that each role and policy of the module allows, by the name of its resource.
type Lists map[string][]string

// free are calls that IAM allows everybody.
var free = []string{"sts:GetCallerIdentity"}

// The module writes its policies out, formatted by `terraform fmt`: blocks begin at the margin and
// end at the next closing brace there, and a list of actions stands on lines of its own.
var (
	policyBlock = regexp.MustCompile(`(?ms)^resource "aws_iam_(?:role_policy|policy)" "(\w+)" \{\n(.*?)^\}`)
	localsBlock = regexp.MustCompile(`(?ms)^locals \{\n(.*?)^\}`)
	actionList  = regexp.MustCompile(`(?s)\bAction\s*=\s*(\[.*?\]|"[^"]*")`)
	quoted      = regexp.MustCompile(`"([^"]*)"`)
	localUse    = regexp.MustCompile(`\blocal\.(\w+_statements?)\b`)
)

// Load reads the lists from a folder of Terraform files.
func Load(dir string) (Lists, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		text.Write(b)
		text.WriteByte('\n')
	}
	return parse(text.String())
}

func parse(text string) (Lists, error) {
	statements := map[string]string{}
	for _, block := range localsBlock.FindAllStringSubmatch(text, -1) {
		maps.Copy(statements, values(block[1]))
	}
	lists := Lists{}
	for _, block := range policyBlock.FindAllStringSubmatch(text, -1) {
		found, err := actionsIn(block[2], statements, nil)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", block[1], err)
		}
		slices.Sort(found)
		lists[block[1]] = slices.Compact(found)
	}
	if len(lists) == 0 {
		return nil, errors.New("no policies found: are these the module's files?")
	}
	return lists, nil
}

// values are the values of a locals block whose names end in _statement or _statements.
func values(block string) map[string]string {
	out := map[string]string{}
	var name string
	for line := range strings.Lines(block) {
		if len(line) > 3 && strings.HasPrefix(line, "  ") && line[2] != ' ' && line[2] != '}' && line[2] != ']' && line[2] != ')' {
			name, _, _ = strings.Cut(line[2:], " ")
		}
		if strings.HasSuffix(name, "_statement") || strings.HasSuffix(name, "_statements") {
			out[name] += line
		}
	}
	return out
}

// actionsIn are the actions written in a text and in the local values that it names.
func actionsIn(text string, statements map[string]string, above []string) ([]string, error) {
	var found []string
	for _, list := range actionList.FindAllStringSubmatch(text, -1) {
		for _, action := range quoted.FindAllStringSubmatch(list[1], -1) {
			found = append(found, action[1])
		}
	}
	for _, use := range localUse.FindAllStringSubmatch(text, -1) {
		value, ok := statements[use[1]]
		if !ok || slices.Contains(above, use[1]) {
			return nil, fmt.Errorf("local.%s is not there, or names itself", use[1])
		}
		more, err := actionsIn(value, statements, append(above, use[1]))
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// Missing are the actions that a list does not allow.
func (l Lists) Missing(name string, actions []string) []string {
	var missing []string
	for _, a := range actions {
		if !slices.Contains(l[name], a) && !slices.Contains(free, a) {
			missing = append(missing, a)
		}
	}
	return missing
}

// Unused are the actions that a list allows and that were not seen.
func (l Lists) Unused(name string, seen []string) []string {
	var unused []string
	for _, a := range l[name] {
		if !slices.Contains(seen, a) {
			unused = append(unused, a)
		}
	}
	return unused
}
