package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// scaled is a stack on the embedded endpoint with messages on its queue and a service of workers that only sleep.
type scaled struct {
	stack.Stack
	clients *stack.Clients
	store   *store.Store
}

func startScaled(t *testing.T, messages int) *scaled {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep command to play the worker")
	}
	url := localawstest.Start(t).URL()
	s := &scaled{}
	if s.clients, err = stack.Open(t.Context(), stack.Stack{Endpoint: url}); err != nil {
		t.Fatal(err)
	}
	if s.Stack, err = laptop.Ensure(t.Context(), s.clients, url, laptop.Fleet{Command: []string{sleep, "60"}}); err != nil {
		t.Fatal(err)
	}
	s.store = s.Store(s.clients)
	for range messages {
		body := "{}"
		if _, err := s.clients.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.QueueURL, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// autoscaler makes a process of the command on the stack; paced says at the pace of AWS instead of a laptop's.
func (s *scaled) autoscaler(ctx context.Context, paced bool, args ...string) (*exec.Cmd, *syncWriter) {
	cmd := process(ctx, append([]string{"autoscale"}, args...)...)
	env := s.Env()
	if paced {
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, stack.EnvLocal+"=") })
	}
	cmd.Env = append(cmd.Env, env...)
	out := &syncWriter{w: &bytes.Buffer{}}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

func (s *scaled) decisions(t *testing.T) (all []store.Decision) {
	t.Helper()
	for d, err := range s.store.Decisions(t.Context(), s.Fleet, time.Now().Add(-time.Hour), time.Now().Add(time.Minute)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// printedDecision is what `starburst autoscale --once` prints.
var printedDecision = regexp.MustCompile(`^(\d+)  decision (\d+), wave (\d+), bound by (\w+): (.+)\n$`)

func TestADecisionIsOneLineWithItsNumberWaveBindingAndFigures(t *testing.T) {
	t.Parallel()
	s := startScaled(t, 40)
	for _, c := range []struct {
		because string
		args    []string
		want    string // of the line
		stored  int
		desired int32
	}{
		{"a dry run changes nothing", []string{"--max-workers", "3", "--once", "--dry-run"}, `^1  decision 1, wave 1, bound by wave: wave 1: 0→1, doubling; 40 tasks`, 0, 0},
		{"an operator's own quota binds, and says whose it is", []string{"-w", "30", "--mode", "efficiency", "--efficiency", "0.01", "--vcpu-quota", "2", "--once"},
			`^2  decision 1, wave 1, bound by quota: wave 1: 0→2, .*40 waiting.*bound by its limit of 2 vCPU, set by you`, 1, 2},
	} {
		cmd, out := s.autoscaler(t.Context(), false, c.args...)
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", c.because, err, out)
		}
		lines := strings.SplitAfter(strings.TrimSuffix(out.String(), "\n"), "\n")
		line := lines[len(lines)-1] + "\n"
		if !printedDecision.MatchString(line) || !regexp.MustCompile(c.want).MatchString(line) {
			t.Errorf("%s: %q, want %s", c.because, line, c.want)
		}
		all := s.decisions(t)
		if len(all) != c.stored {
			t.Errorf("%s: %d decisions stored", c.because, len(all))
		}
		for _, d := range all {
			if got := fmt.Sprintf("%d  decision %d, wave %d, bound by %s: %s\n", d.Want, d.Seq, d.Wave, d.Binding, d.Reason); got != line {
				t.Errorf("%s: stored %q, printed %q", c.because, got, line)
			}
		}
		counts, err := s.clients.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{s.Service}})
		if err != nil || counts.Services[0].DesiredCount != c.desired {
			t.Errorf("%s: desired %d, %v", c.because, counts.Services[0].DesiredCount, err)
		}
	}
}

// What the autoscaler knows of a job's messages, whoever asks for its state should hear.
func TestStatusTellsOfTasksThatNoMessageCarries(t *testing.T) {
	t.Parallel()
	s := startScaled(t, 0)
	run := func(args ...string) (exit.Code, string) {
		cmd := process(t.Context(), args...)
		cmd.Env = append(cmd.Env, s.Env()...)
		out, err := cmd.CombinedOutput()
		if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return exit.Code(cmd.ProcessState.ExitCode()), string(out)
	}
	if err := s.store.PutHandler(t.Context(), s.Fleet, store.HandlerInfo{Name: "nap", Seen: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if code, out := run("submit", "nap", "--range", "1:3", "--job", "gone"); code != exit.OK {
		t.Fatalf("%d: %s", code, out)
	}
	const says = "the queue holds no message for them"
	if code, out := run("status", "gone"); code != exit.Pending || strings.Contains(out, says) {
		t.Errorf("at first: %d: %s", code, out)
	}
	if err := s.store.PutDecision(t.Context(), store.Decision{Fleet: s.Fleet, At: time.Now(), Seq: 1, Binding: "stranded"}); err != nil {
		t.Fatal(err)
	}
	if code, out := run("status", "gone"); code != exit.Pending || !strings.Contains(out, "3 of 3 tasks have no result, and "+says) || !strings.Contains(out, "--job gone") {
		t.Errorf("stranded: %d: %s", code, out)
	} else if !regexp.MustCompile(`(?m)^state +stranded$`).MatchString(out) || !regexp.MustCompile(`(?m)^missing +0-2$`).MatchString(out) {
		t.Errorf("the state and the missing indices are to be named:\n%s", out)
	}
	var line jobLine
	if _, out := run("status", "gone", "-o", "json"); json.NewDecoder(strings.NewReader(out)).Decode(&line) != nil || line.State != "stranded" || !slices.Equal(line.MissingIndices, []string{"0-2"}) {
		t.Errorf("stranded: %+v", line)
	}
}

// Two processes: the one that leads is killed, the other goes on. On a laptop the lease is 2 s; STARBURST_REAL_PACE=1 plays
// it with the 20 s of AWS, which take half a minute.
func TestAKilledLeaderIsReplacedByTheStandby(t *testing.T) {
	t.Parallel()
	paced := os.Getenv("STARBURST_REAL_PACE") != ""
	s := startScaled(t, 5)
	args := []string{"--max-workers", "2"}
	if !paced {
		args = append(args, "--interval", "200ms")
	}
	type autoscaler struct {
		cmd *exec.Cmd
		out *syncWriter
	}
	var both []autoscaler
	for range 2 {
		cmd, out := s.autoscaler(t.Context(), paced, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}()
		both = append(both, autoscaler{cmd, out})
	}
	leads := func(a autoscaler) bool { return strings.Contains(a.out.String(), "leading the fleet") }
	stands := func(a autoscaler) bool { return strings.Contains(a.out.String(), autoscale.ErrStandby.Error()) }
	eventually(t, "one leads and the other stands by", func() bool {
		return leads(both[0]) && stands(both[1]) || leads(both[1]) && stands(both[0])
	})
	leader, standby := both[0], both[1]
	if leads(both[1]) {
		leader, standby = standby, leader
	}
	eventually(t, "it decides", func() bool { return len(s.decisions(t)) > 0 })
	before := s.decisions(t)
	if err := leader.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	eventually(t, "the standby leads", func() bool { return leads(standby) })
	took := time.Since(killed)
	t.Logf("replaced after %s", took.Round(10*time.Millisecond))
	if took > 30*time.Second {
		t.Errorf("replaced after %s", took)
	}
	eventually(t, "it decides", func() bool { return len(s.decisions(t)) > len(before) })
	all := s.decisions(t)
	if last, next := all[len(before)-1], all[len(before)]; next.Seq <= last.Seq || next.Wave < last.Wave {
		t.Errorf("the successor began anew: decision %d, wave %d, after decision %d, wave %d", next.Seq, next.Wave, last.Seq, last.Wave)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 90 s: %s", what)
		}
	}
}

func TestAutoscaleSettingsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--max-workers is required"},
		{[]string{"-w", "0"}, "--max-workers is \"0\""},
		{[]string{"-w", "3", "--mode", "cheapest"}, "--mode is \"cheapest\"\nwhy:   there is no such mode"},
		{[]string{"-w", "3", "--deadline", "soon"}, "--deadline"},
		{[]string{"-w", "3", "--budget", "-1"}, "--budget"},
		{[]string{"-w", "3", "--efficiency", "1"}, "--efficiency"},
		{[]string{"-w", "3", "--max-wait", "5"}, "--max-wait"},
		{[]string{"-w", "3", "--vcpu-quota", "many"}, "--vcpu-quota"},
	} {
		got := starburst(t.Context(), "", append([]string{"autoscale"}, c.args...)...)
		if got.code != exit.Usage || !strings.Contains(got.stderr, c.want) {
			t.Errorf("%v: %d %s", c.args, got.code, got.stderr)
		}
	}
}

func TestEverySettingIsInTheHelpAndInTheDocumentation(t *testing.T) {
	t.Parallel()
	help := starburst(t.Context(), "", "autoscale", "--help").stdout
	page, err := os.ReadFile("../../docs/autoscaling.md")
	if err != nil {
		t.Fatal(err)
	}
	function, err := os.ReadFile("../starburst-lambda/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range scaling.All() {
		for in, text := range map[string]string{"--help": help, "docs/autoscaling.md": string(page)} {
			if !strings.Contains(text, "--"+g.Flag) || !strings.Contains(text, g.Env) {
				t.Errorf("%s does not have --%s and %s", in, g.Flag, g.Env)
			}
		}
		if !strings.Contains(string(function), g.Env) {
			t.Errorf("the Lambda function's documentation does not have %s", g.Env)
		}
	}
}
