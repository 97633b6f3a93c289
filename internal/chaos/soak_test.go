//go:build unix

package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/producer"
)

// The soak's load: two workers of two slots could run 400 tasks of 10 ms a second
// and get half of that.
const (
	soakWorkers = 2
	soakTasks   = 1000
	soakEvery   = 5 * time.Second
)

// usage is a process at one moment.
type usage struct{ goroutines, rssKiB int }

// TestSoak runs at half load for STARBURST_SOAK (a duration, `make soak`: 30 min)
// and fails when goroutines or memory are not flat.
func TestSoak(t *testing.T) {
	t.Parallel()
	if os.Getenv("STARBURST_SOAK") == "" {
		t.Skip("STARBURST_SOAK is not set; make soak sets it")
	}
	length, err := time.ParseDuration(os.Getenv("STARBURST_SOAK"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{})
	f := w.fleet(t, soakWorkers, func() workerSpec { return workerSpec{} })
	p := w.producer(t, nil)
	history := make([][]usage, 1+soakWorkers) // this process, which is the endpoint, then the workers
	every := min(time.Minute, length/30)
	start := time.Now()
	tasks := 0
	for sampled := start; time.Since(start) < length; {
		began := time.Now()
		r, err := p.Submit(t.Context(), producer.Spec{Handler: "work", Source: producer.Slice(sleeps(soakTasks, 10)), Chunk: 10})
		if err != nil {
			t.Fatal(err)
		}
		w.follow(t, r.Job, time.Minute)
		if c, err := w.store.Recount(t.Context(), r.Job); err != nil || c.OK != soakTasks || !c.Complete() || c.Strays > 0 {
			t.Errorf("job %s: %+v, %v", r.Job.ID, c, err)
		}
		tasks += soakTasks
		if time.Since(sampled) >= every {
			sampled = time.Now()
			var line strings.Builder
			fmt.Fprintf(&line, "soak: %4.0f s, %d tasks", time.Since(start).Seconds(), tasks)
			for i, name := range []string{"endpoint and producer", "worker", "worker"} {
				pid, goroutines := os.Getpid(), runtime.NumGoroutine()
				if i > 0 {
					m := f.member(i - 1)
					pid, goroutines = m.cmd.Process.Pid, readInt(t, filepath.Join(w.dir, "goroutines-"+m.Name))
				}
				u := usage{goroutines, rss(t, pid)}
				history[i] = append(history[i], u)
				fmt.Fprintf(&line, "; %s: %d goroutines, %.1f MiB", name, u.goroutines, float64(u.rssKiB)/1024)
			}
			fmt.Println(line.String())
		}
		pause(t, max(0, soakEvery-time.Since(began)))
	}
	w.drained(t, time.Minute)
	f.stop()
	if d, err := check.DepthOf(t.Context(), w.clients.SQS, w.DLQURL); err != nil || d.Total() != 0 {
		t.Errorf("dead-letter queue: %+v, %v", d, err)
	}
	for i, h := range history {
		if err := flat(h); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
}

// flat compares the medians of the second and the last quarter; the first is for warming up.
func flat(h []usage) error {
	if len(h) < 8 {
		return fmt.Errorf("only %d samples; soak for longer", len(h))
	}
	median := func(h []usage, of func(usage) int) int {
		v := make([]int, len(h))
		for i, u := range h {
			v[i] = of(u)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	q := len(h) / 4
	for _, m := range []struct {
		what  string
		of    func(usage) int
		slack int // beyond a tenth
	}{
		{"goroutines", func(u usage) int { return u.goroutines }, 10},
		{"resident KiB", func(u usage) int { return u.rssKiB }, 8 << 10},
	} {
		early, late := median(h[q:2*q], m.of), median(h[3*q:], m.of)
		if late > early+early/10+m.slack {
			return fmt.Errorf("%s grew from %d to %d", m.what, early, late)
		}
	}
	return nil
}

func TestGrowthIsNotFlat(t *testing.T) {
	t.Parallel()
	level, growing := make([]usage, 20), make([]usage, 20)
	for i := range level {
		level[i] = usage{50 + i%7, 40<<10 + 100*(i%5)}
		growing[i] = usage{50 + 3*i, 40 << 10}
	}
	if err := flat(level); err != nil {
		t.Errorf("a level history: %v", err)
	}
	if flat(growing) == nil || flat(level[:5]) == nil {
		t.Error("a growing history, or one of five samples, counts as flat")
	}
}

// rss is a process's resident memory in KiB.
func rss(t *testing.T, pid int) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatalf("ps of %d: %v", pid, err)
	}
	return atoi(t, out)
}

func readInt(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return atoi(t, b)
}

func atoi(t *testing.T, b []byte) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
