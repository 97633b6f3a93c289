package main

import (
	"fmt"
	"strings"

	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
	"github.com/starburst-go/starburst/internal/oplog"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/otelstarburst"
)

// topics are the pages of help that belong to no command.
func topics() []manual.Topic {
	return []manual.Topic{
		{Name: "config", Usage: "where settings come from, and which there are", Text: configTopic()},
		{Name: "environment", Usage: "the variables that are read", Text: environmentTopic()},
		{Name: "exit-codes", Usage: "what the exit code says", Text: exitCodes()},
		{Name: "formats", Usage: "inputs, outputs and how they are written", Text: formatsTopic},
	}
}

// exitCodes is the table of the exit codes, a line each.
func exitCodes() string {
	var b strings.Builder
	for _, e := range exit.Table {
		fmt.Fprintf(&b, "%3d  %s\n", e.Code, e.Meaning)
	}
	return b.String()
}

func configTopic() string {
	var b strings.Builder
	b.WriteString("A setting is looked for in this order, and the first place that has it counts:\n\n" +
		"  1. a flag of the command\n" +
		"  2. a variable of the environment\n" +
		"  3. the project's file, starburst.toml in the current folder\n" +
		"  4. the profile: [profile.NAME] in $XDG_CONFIG_HOME/starburst/config.toml\n" +
		"     (else ~/.config/starburst/config.toml). --profile or STARBURST_PROFILE\n" +
		"     chooses it, else the file's line default_profile = \"NAME\", else it is \"default\"\n" +
		"  5. what starburst init --save has written of the stack, or Terraform's outputs\n" +
		"  6. the default\n\n" +
		"A stack is chosen as a whole: the first place that names one (stack, terraform, queue_url or table) hides what the places below it say of stacks. " +
		"So the queue of one stack never meets the table of another.\n\n" +
		"STARBURST_PROFILE=none leaves the files aside: for scripts that must not depend on who runs them.\n\n" +
		"starburst config list --show-origin says what counts and why; config set writes a line. The files hold no secrets: " +
		"credentials are the AWS SDK's (aws configure, SSO, roles).\n\nThe settings:\n\n")
	for _, k := range config.Keys() {
		fmt.Fprintf(&b, "  %-18s %s\n", k.Name, k.Usage)
	}
	b.WriteString("\nAn example of a configuration file:\n\n" +
		"  [profile.default]\n  stack = \"starburst\"\n  region = \"eu-west-1\"\n\n  [profile.test]\n  terraform = \"/home/me/stacks/test\"\n  max_cost_per_day = \"5\"\n")
	return b.String()
}

func environmentTopic() string {
	var b strings.Builder
	b.WriteString("Settings, which may also be in a file (starburst help config):\n\n")
	for _, k := range config.Keys() {
		fmt.Fprintf(&b, "  %-30s %s\n", k.Env, k.Name)
	}
	b.WriteString("\nThe autoscaler's settings (starburst autoscale --help has what they mean):\n\n")
	for _, g := range scaling.All() {
		fmt.Fprintf(&b, "  %-30s --%s\n", g.Env, g.Flag)
	}
	b.WriteString("\nOthers:\n\n")
	for _, v := range [][2]string{
		{config.EnvProfile, "the profile of the configuration file"},
		{"XDG_CONFIG_HOME", "where starburst/config.toml is"},
		{"XDG_STATE_HOME", "where local states are"},
		{"NO_COLOR", "anything: no colours"},
		{"CLICOLOR_FORCE", "anything but 0: colours also in a pipe"},
		{"TERM", "dumb: no colours, nothing drawn over"},
		{"CI", "anything: nothing drawn over, no questions"},
		{envMetrics, "an address: metrics for Prometheus"},
		{otelstarburst.EnvTracing, "otlp, off or auto: traces"},
		{role.EnvEMF, "on, off or auto: workers' metrics for CloudWatch"},
		{oplog.EnvFormat, "json, text or auto"},
		{oplog.EnvLevel, "debug, info, warn or error"},
		{"AWS_REGION, AWS_PROFILE, …", "the AWS SDK's own"},
	} {
		fmt.Fprintf(&b, "  %-30s %s\n", v[0], v[1])
	}
	b.WriteString("\nPrograms that `starburst run` starts find these:\n\n")
	for _, v := range [][2]string{
		{"STARBURST_JOB, _TASK", "the job, and the task's identity"},
		{"STARBURST_INDEX, _ATTEMPT", "which task, and for the how manieth time"},
		{"STARBURST_DEADLINE_MS", "when it is ended"},
		{"STARBURST_TMPDIR", "a folder that is removed afterwards"},
		{"STARBURST_OUTPUT", "a file whose content is the result"},
	} {
		fmt.Fprintf(&b, "  %-30s %s\n", v[0], v[1])
	}
	return b.String()
}

const formatsTopic = `Data goes to standard output, all else to standard error.

Inputs of run, submit and plan (--input FILE, its kind by the name or --format):

  jsonl   a JSON value a line
  csv     a header; each line is a task whose argument has its fields
  lines   a text a line (.txt)
  -       standard input, jsonl unless --format says otherwise
  --range A:B[:STEP] and --grid NAME=V1,V2 need no file

Results (-o of run, submit --wait, attach, results):

  text    what each program printed, in the order of the inputs
  jsonl   an object a line: index, state, result or error
  csv     a row a task
  table   for people

Lists and documents (-o of the others):

  table   aligned columns, long cells cut; wide: nothing cut
  json    one document with its "schema", such as starburst.jobs/v1
  jsonl   an item a line
  csv     all columns

A schema's number rises when a field is removed or means something else. A new field does not raise it.
`
