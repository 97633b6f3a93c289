package languages

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// work is the command line of the workers: a program a task, which tells what it was given.
var work = []string{"worker", "--exec", "--slots", "2", "--", "sh", "-c", `printf '%s %s' "$STARBURST_INDEX" "$1"`, "task", "{}"}

// foreignKey is made of letters only: DynamoDB Local refuses others.
const foreignKey = "local"

// world is a stack with a worker.
type world struct {
	env   []string // of the clients
	store *store.Store
}

// build builds the command.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "starburst")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/starburst").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// startDev starts `starburst dev` with a worker command, as a user does.
func startDev(t *testing.T, binary string) world {
	t.Helper()
	argv := append([]string{"dev", "--port", "0", "--workers", "2", "--", binary}, work...)
	stdout := launch(t, baseEnv(t), 20*time.Second, binary, argv...)
	return newWorld(t, append(baseEnv(t), readExports(t, stdout, "AWS_SECRET_ACCESS_KEY")...))
}

// startForeign makes a stack on the servers that the environment names, with
// `starburst init`, and starts a worker. S3 is the embedded endpoint: no call may leave the machine.
func startForeign(t *testing.T, binary string) world {
	t.Helper()
	s3, err := localaws.Start(t.Context(), localaws.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s3.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	env := append(baseEnv(t), stack.LocalEnv(s3.URL())...)
	env = append(env, "AWS_ACCESS_KEY_ID="+foreignKey, "AWS_SECRET_ACCESS_KEY="+foreignKey)
	for _, name := range []string{"AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_DYNAMODB"} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set: scripts/servers/with-servers.sh sets it", name)
		}
		env = append(env, name+"="+os.Getenv(name))
	}
	printed := world{env: env}.run(t, ".", binary, "init", "--create", "--name", "languages")
	w := newWorld(t, append(env, readExports(t, strings.NewReader(printed), stack.EnvFleet)...))
	// An idle worker lets its long poll end before it ends; nothing here waits for that.
	launch(t, w.env, time.Second, binary, work...)
	return w
}

// baseEnv is an environment without any configuration of AWS or Starburst.
func baseEnv(t *testing.T) []string {
	t.Helper()
	env := []string{
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"XDG_STATE_HOME=" + t.TempDir(),
	}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "STARBURST_") && !strings.HasSuffix(strings.ToLower(name), "_proxy") {
			env = append(env, kv)
		}
	}
	return env
}

// launch starts a process that lives until the test ends, and then gets the grace to
// end by itself. It returns the process's standard output.
func launch(t *testing.T, env []string, grace time.Duration, binary string, argv ...string) io.Reader {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, argv...)
	cmd.Env, cmd.WaitDelay = env, grace
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	var log strings.Builder
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // how it ends does not matter: it was told to
		if t.Failed() {
			t.Logf("%v wrote:\n%s", argv, log.String())
		}
	})
	return stdout
}

// readExports reads export lines as NAME=value, up to that of the name last.
func readExports(t *testing.T, r io.Reader, last string) []string {
	t.Helper()
	var exports []string
	for lines := bufio.NewScanner(r); lines.Scan(); {
		kv, ok := strings.CutPrefix(lines.Text(), "export ")
		if !ok {
			continue
		}
		exports = append(exports, kv)
		if strings.HasPrefix(kv, last+"=") {
			return exports
		}
	}
	t.Fatalf("%q is exported, and not %s", exports, last)
	return nil
}

// newWorld opens the table that the variables describe.
func newWorld(t *testing.T, env []string) world {
	t.Helper()
	vars := map[string]string{}
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		vars[k] = v
		if strings.HasPrefix(k, "AWS_ENDPOINT_URL") {
			requireLoopback(t, k, v)
		}
	}
	requireLoopback(t, stack.EnvQueueURL, vars[stack.EnvQueueURL])
	endpoint := vars["AWS_ENDPOINT_URL_DYNAMODB"]
	if endpoint == "" {
		endpoint = vars["AWS_ENDPOINT_URL"]
	}
	requireLoopback(t, "the table's endpoint", endpoint)
	db := dynamodb.New(dynamodb.Options{
		Region: stack.LocalRegion, BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], ""),
	})
	return world{env: env, store: store.New(db, vars[stack.EnvTable])}
}

// requireLoopback refuses any address but this machine's own.
func requireLoopback(t *testing.T, name, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		t.Fatalf("%s is %q, not an address of this machine: %v", name, address, err)
	}
}
