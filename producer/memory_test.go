//go:build linux && !race

package producer_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/usage"
	"github.com/starburst-go/starburst/producer"
)

// inputVar hands the child process of the test below its file.
const inputVar = "STARBURST_TEST_MILLION"

// TestAMillionTasksStayBelow150MB holds the peak memory (RSS) of a process that
// sends a JSONL file of a million lines through the SDK. It needs a process of its own,
// so it runs this test binary again. (The race detector multiplies memory.)
func TestAMillionTasksStayBelow150MB(t *testing.T) {
	if path := os.Getenv(inputVar); path != "" {
		sendMillion(t, path)
		return
	}
	if testing.Short() {
		t.Skip("writes a file of 100 MB")
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), inputVar+"="+bigFile(t, "a.jsonl", 1_000_000).String())
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(strings.TrimSpace(string(out)))
}

func sendMillion(t *testing.T, path string) {
	t.Helper()
	source, err := producer.OpenFile(t.Context(), path, producer.JSONL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := producer.New(producer.Config{Queue: sdkClient(&wire{}), QueueURL: "http://127.0.0.1:1/0/q", Jobs: &sink{}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := p.Submit(t.Context(), producer.Spec{Handler: "h", Source: source})
	if err != nil || report.Sent != 1_000_000 {
		t.Fatalf("%+v, %v", report, err)
	}
	own := usage.Own()
	fmt.Printf("peak memory %d MiB, CPU %v\n", own.PeakRSS>>20, own.CPU)
	if own.PeakRSS > 150_000_000 {
		t.Errorf("peak memory %d bytes", own.PeakRSS)
	}
}
