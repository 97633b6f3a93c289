//go:build unix

package child

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
)

// own is a worker's process: it starts a child, says which, and has it hang.
func own() int {
	ctx := context.Background()
	p, err := Start(ctx, config("ok"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	b, err := p.run(ctx, consumer.Task{Handler: "pid", Attempt: 1, Arg: []byte{0xc0}})
	var pid int
	if err == nil {
		err = codec.Unmarshal(b, &pid)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(pid)
	_, err = p.run(ctx, consumer.Task{Handler: "hang", Attempt: 1, Arg: []byte{0xc0}})
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// A worker that is killed cannot end its children, and one that hangs would not notice the end of its pipe.
func TestAHangingChildEndsWithAKilledWorker(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills children with their parent")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envFake+"=owner")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(line)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	awaitGone(t, pid)
}

// awaitGone waits until the process has ended.
func awaitGone(t *testing.T, pid any) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { // a killed process takes a moment
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%v/stat", pid))
		if len(stat) == 0 || strings.Contains(string(stat), ") Z ") { // nobody may have waited for it
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %v is alive: %s", pid, stat)
		}
	}
}
