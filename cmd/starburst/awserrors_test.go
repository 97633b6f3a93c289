package main

import (
	"debug/elf"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

// stackAtAWS is what a new user has exported: a stack, a Region, and keys unless they are taken away.
func stackAtAWS(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"STARBURST_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/starburst", "STARBURST_TABLE": "starburst", "STARBURST_LOCAL": "", "STARBURST_STACK": "",
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "HOME": t.TempDir(), "XDG_STATE_HOME": t.TempDir(),
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	} {
		t.Setenv(name, value)
	}
}

// answering makes AWS a server that gives one answer to all.
func answering(t *testing.T, status int, errorType, message string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":%q,"message":%q}`, errorType, message)
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
}

// The errors of AWS that a new user meets first say what, why and what next.
func TestFirstErrorsOfAWS(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for _, tc := range []struct {
		name  string
		setup func(t *testing.T)
		args  []string
		code  exit.Code
		says  []string // all of them
	}{
		{
			"no credentials", func(t *testing.T) {
				t.Helper()
				t.Setenv("AWS_ACCESS_KEY_ID", "")
				t.Setenv("AWS_SECRET_ACCESS_KEY", "")
			},
			[]string{"status"}, exit.Permission, []string{"why:   no AWS credentials were found", "try:   aws configure"},
		},
		{
			"a profile that is not there", func(t *testing.T) {
				t.Helper()
				t.Setenv("AWS_PROFILE", "nobody")
			},
			[]string{"status"}, exit.Permission, []string{"nobody", "try:   aws configure"},
		},
		{
			"no Region", func(t *testing.T) {
				t.Helper()
				t.Setenv("AWS_REGION", "")
			},
			[]string{"status"}, exit.Usage, []string{"no AWS region", "try:   set AWS_REGION"},
		},
		{
			"the wrong Region", func(t *testing.T) {
				t.Helper()
				t.Setenv("AWS_REGION", "us-east-1")
			},
			[]string{"status"}, exit.Usage, []string{"the stack's queue is in eu-west-1, and the AWS configuration is for us-east-1", "try:   export AWS_REGION=eu-west-1"},
		},
		{
			"keys that AWS does not know", func(t *testing.T) {
				t.Helper()
				answering(t, 403, "UnrecognizedClientException", "The security token is invalid")
			},
			[]string{"status"}, exit.Permission, []string{"why:   AWS does not accept these credentials", "aws sts get-caller-identity"},
		},
		{
			"credentials that have expired", func(t *testing.T) {
				t.Helper()
				answering(t, 400, "ExpiredTokenException", "expired")
			},
			[]string{"status"}, exit.Permission, []string{"why:   the AWS credentials have expired", "aws sso login"},
		},
		{
			"no such queue", func(t *testing.T) {
				t.Helper()
				answering(t, 400, "com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")
			},
			[]string{"dlq", "ls"}, exit.NotFound, []string{"there is no such queue in this account and Region", "STARBURST_QUEUE_URL"},
		},
		{
			"no such table", func(t *testing.T) {
				t.Helper()
				answering(t, 400, "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "Requested resource not found")
			},
			[]string{"status"}, exit.NotFound, []string{"why:   there is no such table in this account and Region", "STARBURST_TABLE"},
		},
		{
			"access denied", func(t *testing.T) {
				t.Helper()
				answering(t, 400, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/x is not authorized to perform: dynamodb:Query on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/starburst")
			},
			[]string{"status"}, exit.Permission, []string{"why:   these AWS credentials may not do dynamodb:Query", "policy"},
		},
		{
			"no such stack", func(t *testing.T) {
				t.Helper()
				answering(t, 400, "ParameterNotFound", "")
			},
			[]string{"init", "--stack", "lab"}, exit.NotFound, []string{"why:   there is no stack of that name", "terraform apply"},
		},
		{
			"no such image", func(*testing.T) {},
			[]string{"deploy", "--from-terraform", "SITE", "--image", "REGISTRY/none" + digest}, exit.NotFound, []string{"look for REGISTRY/none", "try:"},
		},
		{
			"an image for another architecture", func(*testing.T) {},
			[]string{"deploy", "--from-terraform", "SITE", "--image", "IMAGE"}, exit.Usage, []string{"is for [amd64], and the stack's workers are arm64", "try:   build one for it: starburst deploy --arch arm64"},
		},
		{
			"a program for another architecture", func(*testing.T) {},
			[]string{"deploy", "--from-terraform", "SITE", "PROGRAM"}, exit.Usage, []string{"is for linux/amd64, not an executable for linux/arm64", "GOARCH=arm64"},
		},
		{
			"a base by tag", func(*testing.T) {},
			[]string{"image", "build", "--arch", "amd64", "--base", "REGISTRY/python:3", "--exec", "--starburst", "PROGRAM", "--", "x"}, exit.Usage, []string{"not named by a digest", "try:   --base NAME@sha256"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stackAtAWS(t)
			tc.setup(t)
			host, program := startRegistry(t), linuxProgram(t, elf.EM_X86_64)
			site := writeFile(t, "site.json", `{"schema":1,"name":"lab","region":"eu-west-1","queue_url":"https://sqs.eu-west-1.amazonaws.com/123456789012/lab","table":"lab","cluster":"lab",
				"services":[{"name":"lab","capacity":"FARGATE"}],"architecture":"ARM64","repository_url":"`+host+`/workers"}`)
			fill := strings.NewReplacer("REGISTRY", host, "SITE", site, "PROGRAM", program)
			var args []string
			for _, a := range tc.args {
				if a == "IMAGE" {
					a = strings.TrimSpace(succeeds(t, "image", "push", "--to", host+"/other", program).stdout)
				}
				args = append(args, fill.Replace(a))
			}
			got := starburst(t.Context(), "", args...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			for _, want := range tc.says {
				if want = fill.Replace(want); !strings.Contains(got.stderr, want) {
					t.Errorf("it does not say %q:\n%s", want, got.stderr)
				}
			}
		})
	}
}

// Without credentials nothing can be looked at: the doctor says so line by line, and what to do.
func TestTheDoctorNeedsNoHealthyStack(t *testing.T) {
	stackAtAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("STARBURST_CLUSTER", "lab")
	t.Setenv("STARBURST_SERVICE", "lab")
	got := starburst(t.Context(), "", "doctor")
	if got.code != exit.Failed || !strings.Contains(got.stdout, "✗ credentials") || !strings.Contains(got.stdout, "→ aws configure") || !strings.Contains(got.stdout, "? permissions") {
		t.Errorf("%d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestInitPrintsAStackOfTerraforms(t *testing.T) {
	stackAtAWS(t)
	t.Setenv("AWS_REGION", "")
	out := writeFile(t, "out.json", `{"config":{"value":{"schema":1,"name":"lab","region":"eu-west-1","queue_url":"https://sqs.eu-west-1.amazonaws.com/1/lab","dlq_url":"d","table":"lab","bucket":"b","cluster":"lab",
		"services":[{"name":"lab","capacity":"FARGATE_SPOT"},{"name":"lab-on-demand","capacity":"FARGATE"}]}}}`)
	got := succeeds(t, "init", "--from-terraform", out)
	for _, want := range []string{
		"export STARBURST_QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/1/lab\n", "export STARBURST_TABLE=lab\n", "export STARBURST_BUCKET=b\n", "export STARBURST_SERVICE=lab\n",
		"export STARBURST_FALLBACK_SERVICE=lab-on-demand\n", "export AWS_REGION=eu-west-1\n", "export STARBURST_STACK=lab\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no line %q in\n%s", want, got.stdout)
		}
	}
	if both := starburst(t.Context(), "", "init", "--create", "--from-terraform", out); both.code != exit.Usage {
		t.Errorf("two ways at once: %+v", both)
	}
	if none := starburst(t.Context(), "", "init"); none.code != exit.Usage || !strings.Contains(none.stderr, "--stack NAME") {
		t.Errorf("no way: %+v", none)
	}
}
