package deployed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/deploy"
)

const (
	moduleDir  = "../../infra/terraform"
	scriptsDir = "../../scripts/terraform"
)

// deployment is a copy of the module that is applied to one endpoint.
type deployment struct {
	dir  string
	env  []string
	vars []string
}

// newDeployment copies the module and what the server cannot store beside it.
func newDeployment(t *testing.T, override, endpoint string, vars ...string) *deployment {
	t.Helper()
	d := &deployment{dir: t.TempDir(), vars: vars, env: append(os.Environ(),
		"AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_EC2_METADATA_DISABLED=true", "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0")}
	files, err := filepath.Glob(filepath.Join(moduleDir, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatal("the module's files:", files, err)
	}
	for _, f := range files {
		copyFile(t, f, filepath.Join(d.dir, filepath.Base(f)))
	}
	copyFile(t, filepath.Join(scriptsDir, override), filepath.Join(d.dir, "emulator_override.tf"))
	d.run(t, "init", "-no-color")
	return d
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs terraform to a good end and returns its standard output.
func (d *deployment) run(t *testing.T, args ...string) []byte {
	t.Helper()
	out, code := d.try(t, args...)
	if code != 0 {
		t.Fatalf("terraform %s ended with %d:\n%s", args[0], code, tail(out, 6000))
	}
	return out
}

// terraformTime bounds one command: an emulator that never answers as the provider wants is waited for otherwise.
const terraformTime = 5 * time.Minute

func (d *deployment) try(t *testing.T, args ...string) ([]byte, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), terraformTime) // destroy runs when the test's context is over
	defer cancel()
	if args[0] == "apply" || args[0] == "plan" || args[0] == "destroy" {
		args = append(args, d.vars...)
	}
	cmd := exec.CommandContext(ctx, "terraform", args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = d.dir, d.env, 10*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	t.Logf("%s: terraform %s took %.0f s", t.Name(), args[0], time.Since(begun).Seconds())
	var ended *exec.ExitError
	switch {
	case err == nil:
		return stdout.Bytes(), 0
	case errors.As(err, &ended):
		return append(stdout.Bytes(), stderr.Bytes()...), ended.ExitCode()
	default:
		t.Fatalf("terraform %s: %v", args[0], err)
		return nil, 0
	}
}

// mustBeSettled plans once more: a module whose plan is never empty would change what people run, on and on.
func (d *deployment) mustBeSettled(t *testing.T, when string) {
	t.Helper()
	out, code := d.try(t, "plan", "-no-color", "-detailed-exitcode", "-lock=false")
	if code != 0 {
		t.Errorf("%s, the plan is not empty (terraform ended with %d):\n%s", when, code, tail(out, 6000))
	}
}

// site is the module's output as the command line reads it.
func (d *deployment) site(t *testing.T) deploy.Site {
	t.Helper()
	site, err := deploy.ParseSite(d.run(t, "output", "-json", "config"))
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// destroy takes everything down, also after a failure.
func (d *deployment) destroy(t *testing.T) {
	t.Helper()
	d.run(t, "destroy", "-auto-approve", "-no-color")
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
