package deployed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/iamcheck"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// What scripts/terraform/test.sh sets.
const (
	envMoto      = "STARBURST_TEST_MOTO"      // URL
	envMiniStack = "STARBURST_TEST_MINISTACK" // URL
	envPython    = "STARBURST_TEST_PYTHON"    // a Python with boto3
	envBin       = "STARBURST_TEST_BIN"       // folder with the command line
	envDist      = "STARBURST_TEST_DIST"      // folder with the autoscaler's zip file, and unpacked
)

const (
	tasks      = 10_000
	maxWorkers = 12
	// applyTime is the most that an apply may take.
	applyTime = 4 * time.Minute
)

// witness is one server with a stack that Terraform makes on it.
type witness struct {
	name     string
	endpoint string
	by       map[string]*iamcheck.Recorder
	urls     map[string]string
	d        *deployment
	site     deploy.Site
}

// moto stores what Terraform makes, and runs nothing: the function's own file is run beside it,
// with the variables that Terraform gave it, and three times a minute to save time.
func TestMoto(t *testing.T) {
	t.Parallel()
	w := newWitness(t, "moto", envMoto)
	w.apply(t, "-var", "scaler_environment="+hclMap(w.scalerEnvironment(false)))
	env := w.as("scaler")
	for k, v := range look[map[string]string](t, w, "function") {
		env = append(env, k+"="+v)
	}
	l := startLambda(t, filepath.Join(os.Getenv(envDist), "lambda-"+zipArch(), "bootstrap"), env, 20*time.Second)
	w.work(t)
	events, answers, failures := l.outcome()
	t.Logf("%s: the function was invoked %d times; its last answer is %s", t.Name(), events, last(answers))
	if len(failures) > 0 || len(answers) == 0 {
		t.Errorf("the function failed %d times, answered %d times: %v", len(failures), len(answers), failures)
	}
	w.judge(t)
}

// MiniStack runs the function's zip file by itself, when its schedule says so.
func TestMiniStack(t *testing.T) {
	t.Parallel()
	w := newWitness(t, "ministack", envMiniStack)
	w.apply(t, "-var", "scaler_environment="+hclMap(w.scalerEnvironment(true)))
	w.work(t)
	w.judge(t)
}

func newWitness(t *testing.T, name, variable string) *witness {
	t.Helper()
	endpoint := os.Getenv(variable)
	if endpoint == "" {
		t.Skipf("%s is not set: `make test-terraform` runs this", variable)
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{name: name, endpoint: endpoint, by: map[string]*iamcheck.Recorder{}, urls: map[string]string{}}
	for _, who := range []string{"worker", "scaler", "producer", "deployer"} {
		w.by[who] = iamcheck.NewRecorder(u)
		s := httptest.NewServer(w.by[who])
		t.Cleanup(s.Close)
		w.urls[who] = s.URL
	}
	return w
}

// scalerEnvironment makes the autoscaler hurry: the work of this test would not outlast a start on Fargate.
func (w *witness) scalerEnvironment(itself bool) map[string]string {
	env := map[string]string{"STARBURST_MODE": "fast", "STARBURST_START_UP": "2s"}
	if itself {
		env["AWS_ENDPOINT_URL"] = w.urls["scaler"]
	}
	return env
}

func hclMap(m map[string]string) string {
	var b strings.Builder
	b.WriteString("{")
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s=%q,", k, m[k])
	}
	return b.String() + "}"
}

// zipArch is this machine's name of its processor among the zip files'.
func zipArch() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}

func (w *witness) apply(t *testing.T, more ...string) {
	t.Helper()
	vars := append([]string{
		"-var", "name=" + w.stackName(), "-var", "force_destroy=true", "-var", fmt.Sprint("max_workers=", maxWorkers), "-var", fmt.Sprint("vcpu_quota=", maxWorkers),
		"-var", "scaler_zip=" + filepath.Join(os.Getenv(envDist), "starburst-lambda-"+zipArch()+".zip"), "-var", "scaler_architecture=" + zipArch(),
	}, more...)
	w.d = newDeployment(t, w.name+"_override.tf", w.endpoint, vars...)
	t.Cleanup(func() {
		w.d.destroy(t)
		if left := look[[]string](t, w, "left"); len(left) > 0 {
			t.Errorf("destroy has left %v", left)
		}
	})
	begun := time.Now()
	out := w.d.run(t, "apply", "-auto-approve", "-no-color")
	if took := time.Since(begun); took > applyTime {
		t.Errorf("apply took %v; at most %v is allowed", took, applyTime)
	}
	if i := bytes.Index(out, []byte("Apply complete!")); i >= 0 {
		t.Logf("%s: %s", t.Name(), bytes.TrimSpace(bytes.SplitN(out[i:], []byte("\n"), 2)[0]))
	}
	w.site = w.d.site(t)
	w.d.mustBeSettled(t, "right after the apply")
}

func (w *witness) stackName() string { return "sb-" + w.name }

// as is the environment of a program with that role.
func (w *witness) as(who string) []string {
	return []string{"AWS_ENDPOINT_URL=" + w.urls[who], "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "HOME=" + os.TempDir()}
}

// look asks boto3.
func look[T any](t *testing.T, w *witness, what string) T {
	t.Helper()
	cmd := exec.Command(os.Getenv(envPython), filepath.Join(scriptsDir, "look.py"), what, w.stackName()) // also used when the test's context is over
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+w.endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("look.py %s: %v\n%s", what, err, &stderr)
	}
	var v T
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("look.py %s: %v", what, err)
	}
	return v
}

// work is a job from its submission to an empty fleet.
func (w *witness) work(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Minute) // the last worker is kept for minutes after the job
	defer cancel()
	direct, err := stack.Open(ctx, stack.Stack{Endpoint: w.endpoint})
	if err != nil {
		t.Fatal(err)
	}
	st := store.New(direct.DB, w.site.Environment[stack.EnvTable])
	w.deploy(ctx, t)
	if err := st.PutHandler(ctx, w.site.Environment[stack.EnvFleet], store.HandlerInfo{Name: handler, Seen: time.Now()}); err != nil {
		t.Fatal(err)
	}
	env := append(w.as("worker"), taskEnvironment(t, direct.ECS, w.site.Family, w.site.Container)...)
	c := startCrew(t, direct.ECS, w.site.Cluster, env)
	begun := time.Now()
	results := w.submit(ctx, t)
	w.awaitSize(ctx, t, func(n int) bool { return n > 0 })
	w.d.mustBeSettled(t, "after a deploy, and while the autoscaler holds another count")
	w.check(t, results)
	t.Logf("%s: %d tasks took %.0f s from the submission to the last result", t.Name(), tasks, time.Since(begun).Seconds())
	w.awaitSize(ctx, t, func(n int) bool { return n == 0 })
	sizes, at := c.gone(ctx)
	t.Logf("%s: desired counts %v, after %.0f s", t.Name(), sizes, at)
	checkWaves(t, sizes)
	if left := look[map[string]int](t, w, "waiting"); left[w.stackName()] != 0 || left[w.stackName()+"-dlq"] != 0 {
		t.Errorf("messages are left: %v", left)
	}
}

// deploy gives the services a revision with another image, as `starburst deploy` does. Nothing here
// pulls it; the crew takes the revision's environment.
func (w *witness) deploy(ctx context.Context, t *testing.T) {
	t.Helper()
	as, err := stack.Open(ctx, stack.Stack{Endpoint: w.urls["deployer"]})
	if err != nil {
		t.Fatal(err)
	}
	done, err := deploy.Deploy(ctx, deploy.Config{Site: w.site, ECS: as.ECS, NoWait: true, Image: w.site.Repository + "@sha256:" + strings.Repeat("0", 64)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(done.Revision, w.site.Family+":2") {
		t.Errorf("deploy made revision %s; want the second of %s", done.Revision, w.site.Family)
	}
	// Terraform does not know the revision; it costs nothing, and may stay. Here, destroy is held to leave nothing.
	t.Cleanup(func() {
		direct, err := stack.Open(context.Background(), stack.Stack{Endpoint: w.endpoint})
		if err == nil {
			_, err = direct.ECS.DeregisterTaskDefinition(context.Background(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &done.Revision})
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// checkWaves: raised at least twice, never above the limit, and at zero in the end.
func checkWaves(t *testing.T, sizes []int) {
	t.Helper()
	raises := 0
	for i := 1; i < len(sizes); i++ {
		if sizes[i] > sizes[i-1] {
			raises++
		}
	}
	if raises < 2 || slices.Max(sizes) > maxWorkers || sizes[len(sizes)-1] != 0 {
		t.Errorf("desired counts %v: want two waves or more, at most %d workers, and none in the end", sizes, maxWorkers)
	}
}

// submit starts the command line, which waits for the job; its results go to a file.
func (w *witness) submit(ctx context.Context, t *testing.T) func() string {
	t.Helper()
	cmd := exec.CommandContext(ctx, filepath.Join(os.Getenv(envBin), "starburst"), "submit", handler,
		"--range", fmt.Sprintf("1:%d", tasks), "--workers", strconv.Itoa(maxWorkers), "--task-time", taskTime.String(), "--wait", "--output", "jsonl", "--yes")
	cmd.Env = w.as("producer")
	for k, v := range w.site.Environment {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = file, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		err := cmd.Wait()
		_ = file.Close()
		if err != nil {
			t.Fatalf("starburst submit: %v\n%s", err, tail(stderr.Bytes(), 4000))
		}
		return file.Name()
	}
}

// check reads the results: each task once, in order, with the right value.
func (w *witness) check(t *testing.T, results func() string) {
	t.Helper()
	file, err := os.Open(results())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for lines := bufio.NewScanner(file); lines.Scan(); n++ {
		var r struct {
			Index  int `json:"index"`
			Result int `json:"result"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.Index != n || r.Result != (n+1)*(n+1) {
			t.Fatalf("line %d is %s, %v", n, lines.Bytes(), err)
		}
	}
	if n != tasks {
		t.Errorf("%d results of %d tasks", n, tasks)
	}
}

// awaitSize waits until boto3 sees a number of desired workers, and the server's ECS runs as many.
func (w *witness) awaitSize(ctx context.Context, t *testing.T, enough func(int) bool) {
	t.Helper()
	for {
		n, running := 0, 0
		for _, s := range look[map[string]struct{ Desired, Running int }](t, w, "sizes") {
			n += s.Desired
			running += s.Running
		}
		if enough(n) && running == n {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the autoscaler has left the services at %d, of which %d run", n, running)
		case <-time.After(time.Second):
		}
	}
}

// judge holds what was called against what the policies allow, in the files and as stored.
func (w *witness) judge(t *testing.T) {
	t.Helper()
	lists, err := iamcheck.Load(moduleDir)
	if err != nil {
		t.Fatal(err)
	}
	stored := look[map[string][]string](t, w, "policies")
	for _, who := range []string{"worker", "scaler", "producer", "enqueuer", "operator", "deployer"} {
		want := slices.DeleteFunc(slices.Clone(lists[who]), func(a string) bool { return strings.HasPrefix(a, "kms:") }) // no key is given
		if diff := cmp.Diff(want, stored[w.stackName()+"-"+who]); diff != "" {
			t.Errorf("the policy of %s as stored (-files +stored):\n%s", who, diff)
		}
	}
	for who, r := range w.by {
		seen := r.Actions()
		t.Logf("%s: %s called %s", t.Name(), who, strings.Join(seen, " "))
		if len(seen) == 0 {
			t.Errorf("%s called nothing", who)
		}
		for _, action := range lists.Missing(who, seen) {
			t.Errorf("%s called %s, which its policy does not allow", who, action)
		}
	}
}

func last(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return all[len(all)-1]
}
