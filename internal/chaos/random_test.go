//go:build unix

package chaos

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/internal/faults"
)

// randomPlan draws rates for each operation, some of them harsh, and windows.
func randomPlan(r *rand.Rand) *faults.Plan {
	p := &faults.Plan{Operations: map[string]faults.Rates{}}
	// Half of them are 0. Five add up to a call that fails in most cases; more would only test patience.
	rate := func() float64 { return max(0, r.Float64()-0.5) * 0.3 }
	for _, op := range []string{
		"SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueAttributes",
		"PutItem", "GetItem", "UpdateItem", "BatchGetItem", "Query",
	} {
		p.Operations[op] = faults.Rates{
			Delay: 2 * rate(), MaxDelay: time.Duration(1+r.IntN(1000)) * time.Millisecond,
			DropRequest: rate(), DropResponse: rate(), Throttle: rate(), ServerError: rate(),
			FailEntry: rate(), OmitEntry: rate(), Repeat: rate(), Corrupt: rate(),
		}
	}
	for at := time.Duration(0); at < 20*time.Second; {
		at += time.Duration(r.IntN(6000)) * time.Millisecond
		w := faults.Window{
			Kind: faults.Freeze, Service: []string{"", faults.SQS, faults.DynamoDB}[r.IntN(3)],
			From: at, To: at + time.Duration(200+r.IntN(3000))*time.Millisecond,
		}
		if r.IntN(2) == 0 {
			w.Kind = faults.Expire
		}
		p.Windows = append(p.Windows, w)
		at = w.To
	}
	return p
}

// TestRandomFaultsAndKills draws a plan of its own from each seed, and kills a few workers.
func TestRandomFaultsAndKills(t *testing.T) {
	t.Parallel()
	if !full {
		t.Skip("only in `make chaos`: a drawn plan may take minutes")
	}
	r := rand.New(rand.NewPCG(seed, 1))
	plan := randomPlan(r)
	w := newWorld(t, setup{plan: plan, visibility: 3 * time.Second})
	tasks := sleeps(pick(500, 2000), 5)
	for i := range tasks {
		switch r.IntN(40) {
		case 0:
			tasks[i].Kind = failOnce
		case 1:
			tasks[i].MS = r.IntN(1000)
		}
	}
	f := w.fleet(t, 4, func() workerSpec { return workerSpec{} })
	job := w.submit(t, tasks, 1+r.IntN(10))
	// A lone task is given up after three deaths, so that few kills cannot do it harm.
	for range 4 {
		pause(t, time.Duration(r.IntN(2500))*time.Millisecond)
		f.member(r.IntN(4)).signal(t, syscall.SIGKILL)
	}
	w.follow(t, job, 4*time.Minute)
	w.drained(t, 2*time.Minute)
	f.stop()
	w.judge(t, job, check.Want{})
}
