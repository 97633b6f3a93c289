//go:build unix

package procgroup

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

func TestAnEndIsToldInWords(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		story, script string
		code          int
		want          string
		killed        bool
	}{
		{"a program that is content", "exit 0", 0, "exit status 0", false},
		{"one that is not", "exit 3", 3, "exit status 3", false},
		{"a signal is named", "kill -s SEGV $$", -1, "ended by a signal: segmentation fault", false},
		{"the kernel's way to end what needs too much memory", "kill -s KILL $$", -1, "out of memory, or killed from outside (SIGKILL, exit status 137)", true},
		{"the same, of a child of a shell", "exit 137", 137, "out of memory, or killed from outside (SIGKILL, exit status 137)", true},
	} {
		t.Run(tc.story, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("sh", "-c", tc.script)
			_ = cmd.Run() // its error is what is looked at
			e := ExitOf(cmd.ProcessState)
			if e.Code != tc.code || e.String() != tc.want || e.Killed != tc.killed {
				t.Errorf("got %+v %q", e, e)
			}
		})
	}
}

// A grandchild would keep the pipe open for ever if it were not killed with its group.
func TestKillReachesWhatTheProgramStarted(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "sleep 1000 & echo started; wait")
	Own(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "started\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	SacrificeFirst(cmd.Process.Pid)
	if runtime.GOOS == "linux" {
		if got := Resident(cmd.Process.Pid); got <= 0 || got > 1<<30 {
			t.Errorf("two small programs have %d bytes resident", got)
		}
		if b, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/oom_score_adj"); err != nil || strings.TrimSpace(string(b)) != "500" {
			t.Errorf("oom_score_adj is %q, %v", b, err)
		}
	}
	if err := Kill(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadString('\n'); err == nil {
		t.Error("there was another line")
	}
	_ = cmd.Wait()
	if e := ExitOf(cmd.ProcessState); !e.Killed || e.Signal != syscall.SIGKILL.String() {
		t.Errorf("ended %+v", e)
	}
	if got := Resident(cmd.Process.Pid); got != 0 {
		t.Errorf("an ended program has %d bytes", got)
	}
}

func TestTheTailIsTheEndOfWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tail := Tail{Limit: rapid.IntRange(0, 8).Draw(t, "limit")}
		var all []byte
		for _, p := range rapid.SliceOf(rapid.StringOf(rapid.RuneFrom([]rune("ab")))).Draw(t, "writes") {
			if n, err := tail.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatalf("Write is %d, %v", n, err)
			}
			all = append(all, p...)
		}
		if want := string(all[max(0, len(all)-tail.Limit):]); tail.String() != want {
			t.Fatalf("the tail of %q is %q", all, tail.String())
		}
		tail.Reset()
		if tail.String() != "" {
			t.Fatal("something is left after Reset")
		}
	})
}
