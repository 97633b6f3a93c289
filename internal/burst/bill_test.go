//go:build unix

package burst

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/producer"
)

// envTimes names the directory in which timed notes its own time, in a file a process.
const envTimes = "TEST_TIMES_DIR"

// times is the file of this process.
var times = sync.OnceValues(func() (*os.File, error) {
	return os.OpenFile(filepath.Join(os.Getenv(envTimes), strconv.Itoa(os.Getpid())), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
})

// timed takes 5 ms and writes down how long it really took, apart from the worker's own account.
func timed(context.Context, consumer.Task) ([]byte, error) {
	start := time.Now()
	f, err := times()
	if err != nil {
		return nil, err
	}
	time.Sleep(5 * time.Millisecond)
	_, err = f.Write(binary.LittleEndian.AppendUint64(nil, uint64(time.Since(start))))
	return nil, err
}

// wallTime adds up what the handlers wrote down, and names their processes.
func wallTime(t *testing.T, dir string) (sum time.Duration, pids []int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		pid, err := strconv.Atoi(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for ; len(raw) >= 8; raw = raw[8:] {
			sum += time.Duration(binary.LittleEndian.Uint64(raw))
		}
	}
	return sum, pids
}

// A run of 20,000 tasks on four workers, two of which are killed: the bill by job, wave,
// worker and line has the same total, and the workers' account of the time in handlers
// is what the handlers say themselves, within 2 %.
func TestTheBillOfARunWithKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of handlers' time on each worker")
	}
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Workers: 4, Handlers: []string{"timed"}, Command: []string{self}, Env: []string{role.Env + "=" + role.Worker, envTimes + "=" + dir}})
	const tasks = 20_000
	pre, err := s.Prepare(t.Context(), producer.Spec{Handler: "timed", Source: producer.Range{From: 1, To: tasks, Step: 1}})
	if err != nil {
		t.Fatal(err)
	}
	forecast, err := s.Forecast(t.Context(), pre, Expectation{TaskTime: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	job, err := s.Send(t.Context(), pre, &forecast)
	if err != nil {
		t.Fatal(err)
	}
	killed, n := 0, 0
	for r, err := range s.Follow(t.Context(), job) {
		if err != nil || r.Failure != nil {
			t.Fatalf("result %d: %v %+v", n, err, r.Failure)
		}
		if n++; n == tasks*(killed+1)/4 && killed < 2 {
			_, pids := wallTime(t, dir)
			for _, pid := range pids { // their order changes with those that replace the dead
				if syscall.Kill(pid, syscall.SIGKILL) == nil {
					killed++
					break
				}
			}
		}
	}
	if n != tasks || killed != 2 {
		t.Fatalf("%d results, %d kills", n, killed)
	}
	checkBill(t, s, job.ID, dir)
}

func checkBill(t *testing.T, s *Session, job, dir string) {
	t.Helper()
	bills, err := s.Bills()
	if err != nil {
		t.Fatal(err)
	}
	var b *bill.Bill
	var wall, busy time.Duration
	var off float64
	// The last snapshots may be half a second behind.
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if b, err = bills.Job(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		wall, _ = wallTime(t, dir)
		busy = time.Duration(b.Statement.Jobs[0].BusyMS) * time.Millisecond
		if off = busy.Seconds()/wall.Seconds() - 1; max(off, -off) < 0.02 {
			break
		}
	}
	t.Logf("handlers say %s, ledgers %s: %+.2f %%", wall, busy, 100*off)
	if max(off, -off) >= 0.02 {
		t.Errorf("handlers say %s, ledgers %s: %+.2f %%", wall, busy, 100*off)
	}
	for _, v := range bill.Views {
		var sum cost.PicoUSD
		for _, r := range b.Rows(v) {
			sum += r.Cost
		}
		if sum != b.Statement.Total || sum <= 0 {
			t.Errorf("by %s the rows make %s, the total is %s", v, sum, b.Statement.Total)
		}
	}
	var cpu int64
	for _, w := range b.Statement.Workers {
		cpu += w.CPUMS
	}
	if cpu <= 0 || len(b.Statement.Workers) < 6 || b.Forecast == nil {
		t.Errorf("%d ms of CPU, %d workers, forecast %v", cpu, len(b.Statement.Workers), b.Forecast)
	}
	var out strings.Builder
	if err := b.Write(&out, bill.Table, bill.ByWorker); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &out)
}
