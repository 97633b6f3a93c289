package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/exit"
)

// A new user's way: init --save from Terraform's outputs, config list, another profile, the project's file, the environment.
func TestConfig(t *testing.T) {
	home, project := t.TempDir(), t.TempDir()
	for _, k := range config.Keys() {
		t.Setenv(k.Env, "")
	}
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Chdir(project)
	do := func(want exit.Code, args ...string) output {
		t.Helper()
		got := starburst(t.Context(), "", args...)
		if got.code != want {
			t.Fatalf("%v: %+v", args, got)
		}
		return got
	}
	outputs := `{"schema":1,"name":"prod","region":"eu-west-1","queue_url":"https://sqs.eu-west-1.amazonaws.com/1/prod","dlq_url":"https://sqs.eu-west-1.amazonaws.com/1/prod-dlq",
		"table":"prod","bucket":"prod-data","cluster":"prod","services":[{"name":"spot","capacity":"FARGATE_SPOT"},{"name":"od","capacity":"FARGATE"}]}`
	if err := os.WriteFile("outputs.json", []byte(outputs), 0o600); err != nil {
		t.Fatal(err)
	}
	do(exit.OK, "init", "--from-terraform", "outputs.json", "--save")
	do(exit.OK, "config", "set", "max_cost_per_day", "5")
	do(exit.OK, "config", "set", "table", "mine", "--profile", "test")
	do(exit.OK, "config", "set", "workers", "3", "--project")
	t.Setenv("STARBURST_SLOTS", "2")
	user, saved := filepath.Join(home, "starburst", "config.toml"), filepath.Join(home, "starburst", "stacks", "prod.toml")
	got := do(exit.OK, "config", "list", "--show-origin")
	for _, want := range []string{
		"stack prod profile default in " + user + ":2", "region eu-west-1 init, " + saved + ":2", "queue_url https://sqs.eu-west-1.amazonaws.com/1/prod init, " + saved + ":3",
		"fallback_service od init, " + saved, "workers 3 starburst.toml:1", "slots 2 environment STARBURST_SLOTS", "max_cost_per_day 5 profile default in " + user + ":3",
	} {
		if !strings.Contains(strings.Join(strings.Fields(got.stdout), " ")+" ", want) {
			t.Errorf("no %q in\n%s", want, got.stdout)
		}
	}
	if got := do(exit.OK, "config", "get", "table", "--profile", "test"); got.stdout != "mine\n" {
		t.Errorf("%+v", got)
	}
	if got := do(exit.OK, "config", "path"); got.stdout != "starburst.toml\n"+user+"\n" {
		t.Errorf("%+v", got)
	}
	if got := do(exit.OK, "config", "list", "-o", "json", "--profile", "none"); strings.Contains(got.stdout, "prod") || !strings.Contains(got.stdout, `"schema"`) {
		t.Errorf("%+v", got)
	}
	// What was saved is what commands work with, and only that: --profile chooses another stack even where one is exported.
	if got := do(exit.OK, "init", "--from-terraform", "outputs.json"); !strings.Contains(got.stdout, "export STARBURST_BUCKET=prod-data\n") {
		t.Errorf("%+v", got)
	}
	t.Setenv("STARBURST_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/exported")
	if got := do(exit.OK, "config", "get", "queue_url"); !strings.HasSuffix(got.stdout, "/exported\n") {
		t.Errorf("%+v", got)
	}
	do(exit.NotFound, "config", "get", "queue_url", "--profile", "test")
	do(exit.NotFound, "config", "get", "table")
	if got := do(exit.Usage, "status", "--profile", "test"); !strings.Contains(got.stderr, "STARBURST_QUEUE_URL is not set") {
		t.Errorf("%+v", got)
	}
}

func TestTheNameOfTheStackIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for _, k := range config.Keys() {
		if k.Name == config.KeyStack && k.Env != deploy.EnvStack {
			t.Errorf("%s and %s", k.Env, deploy.EnvStack)
		}
	}
}
