//go:build unix

package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/internal/faults"
)

// TestTooFewFilesAndCutConnections gives workers of many slots fewer files than they
// want connections, and cuts a fifth of all connections under them.
func TestTooFewFilesAndCutConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{plan: &faults.Plan{Rates: faults.Rates{DropRequest: 0.1, DropResponse: 0.1}}})
	f := w.fleet(t, 2, func() workerSpec { return workerSpec{Slots: 32, Files: 14} })
	job := w.submit(t, sleeps(pick(300, 4000), 10), 1)
	w.follow(t, job, 3*time.Minute)
	w.drained(t, time.Minute)
	f.stop()
	w.judge(t, job, check.Want{})
	if !strings.Contains(w.logs(10_000), "too many open files") {
		t.Error("no worker ever ran out of files: the limit is too high to tell anything")
	}
}
