package deploy_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/stack"
)

const siteJSON = `{"schema":1,"name":"lab","region":"eu-west-1","queue_url":"https://sqs.eu-west-1.amazonaws.com/1/lab","dlq_url":"d","table":"lab","bucket":"b","fleet":"default",
	"cluster":"lab","services":[{"name":"lab","arn":"a","capacity":"FARGATE_SPOT"},{"name":"lab-2","arn":"a","capacity":"FARGATE_SPOT"},{"name":"lab-on-demand","arn":"c","capacity":"FARGATE"}],"new_key":true}`

type parameters map[string]string

func (p parameters) Parameter(_ context.Context, name string) (string, error) { return p[name], nil }

func TestASiteIsReadFromWhereverTerraformPutIt(t *testing.T) {
	t.Parallel()
	want := stack.Stack{
		QueueURL: "https://sqs.eu-west-1.amazonaws.com/1/lab", DLQURL: "d", Table: "lab", Bucket: "b", Fleet: "default",
		Cluster: "lab", Service: "lab", Services: []string{"lab", "lab-2"}, Fallback: []string{"lab-on-demand"},
	}
	fromSSM, err := deploy.FromParameter(t.Context(), parameters{"/starburst/lab/config": siteJSON}, "lab")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, fromSSM.Stack()); d != "" {
		t.Errorf("from SSM (-want +got):\n%s", d)
	}
	for name, content := range map[string]string{"all outputs": `{"config":{"sensitive":false,"value":` + siteJSON + `},"queue_url":{"value":"x"}}`, "the output config": siteJSON} {
		path := filepath.Join(t.TempDir(), "out.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := deploy.FromTerraform(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(fromSSM, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// A folder is asked through terraform; one that is not applied, and an error of its, are told apart.
func TestAFolderIsAskedThroughTerraform(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	tools, folder := t.TempDir(), t.TempDir()
	t.Setenv("PATH", tools+":/usr/bin:/bin")
	for _, tc := range []struct{ does, want string }{
		{`[ "$*" = "-chdir=` + folder + ` output -json -no-color" ] && echo '{"config":{"value":` + strings.ReplaceAll(siteJSON, "\n", "") + `}}'`, ""},
		{`echo '{}'`, "no outputs"},
		{`echo 'Error: Backend initialization required' >&2; exit 1`, "Backend initialization required"},
		{`echo 'x'`, "outputs"},
	} {
		if err := os.WriteFile(filepath.Join(tools, "terraform"), []byte("#!/bin/sh\n"+tc.does+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		s, err := deploy.FromTerraform(t.Context(), folder)
		if tc.want == "" && (err != nil || s.Name != "lab") || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %+v, %v; want %q", tc.does, s, err, tc.want)
		}
	}
}

func TestSitesThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "configuration", `{"schema":2}`: "schema 2", `{"schema":1}`: "lacks the queue", `[]`: "configuration", strings.Repeat(" ", 1<<17): "at most",
	} {
		if _, err := deploy.ParseSite([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	if _, err := deploy.FromParameter(t.Context(), parameters{}, "../x"); err == nil || !strings.Contains(err.Error(), "no stack's name") {
		t.Errorf("a name with a path: %v", err)
	}
	if _, err := deploy.FromTerraform(t.Context(), "/none"); err == nil {
		t.Error("a folder that is not there is accepted")
	}
}

// Terraform's table of keys is the contract: each of a Site's must be in it.
func TestTerraformHasAllKeysOfASite(t *testing.T) {
	t.Parallel()
	outputs, err := os.ReadFile("../../infra/terraform/outputs.tf")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("site.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile("`json:\"([a-z_]+)\"`").FindAllStringSubmatch(strings.SplitN(string(source), "// Service of a stack.", 2)[0], -1)
	if len(keys) < 20 {
		t.Fatalf("only %d keys found in site.go", len(keys))
	}
	for _, k := range keys {
		if !regexp.MustCompile(`(?m)^\s+` + k[1] + `\s+=`).Match(outputs) {
			t.Errorf("infra/terraform/outputs.tf has no key %q", k[1])
		}
	}
}

func FuzzParseSite(f *testing.F) {
	f.Add([]byte(siteJSON))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := deploy.ParseSite(b); err == nil && (s.QueueURL == "" || s.Schema != deploy.Schema) {
			t.Errorf("%q is accepted as %+v", b, s)
		}
	})
}
