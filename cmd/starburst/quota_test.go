package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/stack"
)

// startAccount is an account with a quota, which the other commands find through the SDK's own variables.
func startAccount(t *testing.T, vcpu float64) {
	t.Helper()
	srv := localawstest.Start(t, localawstest.WithConfig(func(c *localaws.Config) { c.VCPUQuota = vcpu }))
	for _, kv := range stack.LocalEnv(srv.URL()) {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	t.Setenv("XDG_STATE_HOME", t.TempDir()) // no stack runs there
}

func readQuotas(t *testing.T, args ...string) (r quotaReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, append([]string{"quota", "-o", "json"}, args...)...)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestQuotaTellsWhatIsLeftAndFilesRaises(t *testing.T) {
	startAccount(t, 6)
	r := readQuotas(t, "--tasks", "60", "--task-time", "1m", "--vcpu", "2000")
	if q := r.Quotas[0]; q.Code != "L-3032A538" || !q.Known() || *q.Available != 6 || *q.Workers != 3 || q.Limit.Source != "Service Quotas" || q.Used.Source != "CloudWatch" {
		t.Errorf("%+v", q)
	}
	if b := r.Buys; len(b) != 3 || b[0].Workers != 3 || b[1].Workers != 6 || b[2].Workers != 12 || b[1].Seconds > .7*b[0].Seconds || b[2].Seconds > .7*b[1].Seconds {
		t.Errorf("what more would buy: %+v", b)
	}
	out := must(t, "quota", "--tasks", "60", "--task-time", "1m")
	for _, says := range []string{"us-east-1", "on-demand vCPU  6", "2 times the quota", "4 times the quota", "starburst quota --request 12"} {
		if !strings.Contains(out, says) {
			t.Errorf("no %q in\n%s", says, out)
		}
	}

	for _, c := range []struct {
		because, args string
		code          exit.Code
		says          string
	}{
		{"nobody is there to say yes", "--request 100", exit.Refused, "nobody is there to confirm"},
		{"it is no raise", "--request 6 --yes", exit.Refused, "not more than there is"},
		{"yes", "--request 100 --yes", exit.OK, "asked for 100 on-demand vCPUs"},
		{"one is open, even for another number", "--request 200 --yes", exit.Refused, "100 on-demand vCPUs is PENDING"},
		{"and that is said before anybody is asked", "--request 200", exit.Refused, "is PENDING"},
		{"the other quota is another", "--request 50 --spot --yes", exit.OK, "asked for 50 spot vCPUs"},
		{"half a job", "--tasks 5", exit.Usage, "go together"},
		{"no size", "--vcpu 0", exit.Usage, "--vcpu"},
	} {
		got := starburst(t.Context(), "y\n", append([]string{"quota"}, strings.Fields(c.args)...)...)
		if got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.says) {
			t.Errorf("%s: exit code %d\n%s%s", c.because, got.code, got.stdout, got.stderr)
		}
	}
	if r := readQuotas(t); len(r.Quotas[0].Open) != 1 || r.Quotas[0].Open[0].VCPU != 100 || len(r.Quotas[1].Open) != 1 {
		t.Errorf("the open requests: %+v", r.Quotas)
	}
	if out := must(t, "quota"); !strings.Contains(out, "100 vCPUs are asked for, PENDING") || strings.Contains(out, "more: ") {
		t.Errorf("%s", out)
	}

	t.Setenv("STARBURST_VCPU_QUOTA", "64")
	if q := readQuotas(t).Quotas[0]; q.Limit.Source != "set by you" || *q.Available != 64 {
		t.Errorf("an own limit: %+v", q)
	}
	t.Setenv("STARBURST_VCPU_QUOTA", "many")
	if got := starburst(t.Context(), "", "quota"); got.code != exit.Usage || !strings.Contains(got.stderr, "STARBURST_VCPU_QUOTA") {
		t.Errorf("exit code %d, %s", got.code, got.stderr)
	}
}

func TestAQuotaThatNobodyTellsIsUnknown(t *testing.T) {
	startAccount(t, 0)
	r := readQuotas(t, "--tasks", "60", "--task-time", "1m")
	if q := r.Quotas[0]; q.Limit.Known || q.Available != nil || q.Workers != nil || r.Buys != nil {
		t.Errorf("%+v", r)
	}
	if out := must(t, "quota"); strings.Count(out, "unknown") < 3 || !strings.Contains(out, "no applied value of L-3032A538") || !strings.Contains(out, "set STARBURST_VCPU_QUOTA") {
		t.Errorf("%s", out)
	}
}

// Without a word about a job, a raise is for what the stack has left to do.
func TestQuotaLooksAtTheStacksOwnJob(t *testing.T) {
	startDev(t, "sleep", "{}")
	t.Setenv("STARBURST_VCPU_QUOTA", "3")
	job := strings.TrimSpace(must(t, "submit", "exec", "--chunk", "1", "--input", writeFile(t, "in.txt", strings.Repeat("0.5\n", 200))))
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if r := readQuotas(t); len(r.Buys) == 3 && strings.Contains(r.About, "tasks left of job "+job) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("job %s is not looked at: %s", job, must(t, "quota"))
		}
	}
	must(t, "cancel", job)
}
