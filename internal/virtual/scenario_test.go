package virtual_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/starburst-go/starburst/internal/faults"
)

// kind is how a task behaves.
type kind string

const (
	good    kind = "good"
	flaky   kind = "flaky"  // fails at its first attempt
	fails   kind = "fails"  // fails at every attempt
	panics  kind = "panics" // likewise
	goexits kind = "goexits"
	refuses kind = "refuses" // fails for good at its first attempt
	poison  kind = "poison"  // kills its worker
	late    kind = "late"    // is not done within the time limit
	hangs   kind = "hangs"   // likewise, and ignores the end of its context
)

type task struct {
	kind kind
	took time.Duration
}

// happening is what befalls a worker at a time.
type happening struct {
	at   time.Duration
	what string // "kill", "stop", "hurry", "freeze"
	who  int
	long time.Duration // of a freeze
}

// scenario is everything that a seed decides.
type scenario struct {
	seed  uint64
	plan  faults.Plan
	storm time.Duration // how long the plan holds and things happen

	tasks           []task // of the job, then those without a job
	n               int    // of the job
	chunk, attempts int
	shards          int
	limit           time.Duration // of one task; 0 for none
	cancelAt        time.Duration // 0: not
	offload         bool          // the arguments of messages that are just there are in the bucket
	submits         int           // how often a producer enqueues the job; 0: its messages are just there
	spread          time.Duration // within which the messages are sent
	garbage         []string      // bodies that nobody can understand

	visibility                      time.Duration
	workers, slots, prefetch        int
	grace, retryBase, handOver      time.Duration
	crashes                         float64 // share of the workers that die at a call
	restart                         time.Duration
	idleWait, busyWait, ledgerEvery time.Duration
	happenings                      []happening

	// What only the scenarios of the list have.
	inFlight int    // most messages in flight; 0 for the queue's own limit
	fleets   int    // into which the workers are divided; 0 for one
	resends  int    // how often everything is sent again, the last time when all is done
	hot      string // the partition that takes no write during the storm
}

// draw decides on a scenario.
func draw(seed uint64) scenario {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	between := func(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
	seconds := func(lo, hi int) time.Duration { return time.Duration(between(lo, hi)) * time.Second }
	maybe := func(p float64) bool { return r.Float64() < p }
	s := scenario{
		seed: seed, storm: seconds(5, 240), n: between(1, 60), chunk: between(1, 12), attempts: between(1, 4), shards: between(1, 3),
		spread: seconds(0, 30), visibility: seconds(20, 60), workers: between(1, 4), slots: between(1, 4),
		prefetch: []int{-1, 0, 20}[r.IntN(3)], grace: seconds(1, 30), retryBase: seconds(1, 5), handOver: seconds(1, 5),
		restart: seconds(0, 20), idleWait: seconds(1, 20), busyWait: seconds(1, 3), ledgerEvery: seconds(5, 30),
	}
	if maybe(0.5) {
		s.crashes = r.Float64() / 2
	}
	if maybe(0.3) {
		s.handOver = -1
	}
	if maybe(0.4) {
		s.limit = seconds(5, 40)
	}
	if maybe(0.15) {
		s.cancelAt = seconds(1, 120)
	}
	if s.cancelAt == 0 && maybe(0.5) {
		s.submits = between(1, 2)
	}
	s.offload = maybe(0.3)
	s.plan = drawPlan(r, s.storm)
	s.plan.Seed = seed
	loose := 0
	if maybe(0.3) {
		loose = between(1, 5)
	}
	harsh := maybe(0.7)
	for range s.n {
		s.tasks = append(s.tasks, drawTask(r, s.limit, harsh))
	}
	for range loose {
		s.tasks = append(s.tasks, drawTask(r, 0, harsh)) // only jobs have time limits
	}
	if maybe(0.2) {
		s.garbage = append(s.garbage, "?!", `{"f":"nobody","t":[1]}`, `{"f":"work","j":"unknown","q":0,"t":[1]}`)[:between(1, 3)]
	}
	for range between(0, 8) {
		h := happening{
			at: time.Duration(r.Int64N(int64(s.storm))), what: []string{"kill", "stop", "hurry", "freeze"}[r.IntN(4)], who: r.IntN(s.workers),
			long: time.Duration(float64(s.visibility) * (0.5 + 2*r.Float64())),
		}
		s.happenings = append(s.happenings, h)
	}
	return s
}

// drawTask draws durations from the milliseconds to the minute.
func drawTask(r *rand.Rand, limit time.Duration, harsh bool) task {
	t := task{kind: good, took: time.Duration(r.IntN(50)) * time.Millisecond}
	switch r.IntN(12) {
	case 0:
		t.took = time.Duration(r.IntN(60_000)) * time.Millisecond
	case 1, 2:
		t.took = time.Duration(r.IntN(3_000)) * time.Millisecond
	}
	if limit > 0 {
		t.took = min(t.took, limit*3/4)
	}
	if !harsh {
		return t
	}
	switch r.IntN(60) {
	case 0, 1, 2, 3:
		t.kind = flaky
	case 4:
		t.kind = fails
	case 5:
		t.kind = panics
	case 6:
		t.kind = goexits
	case 7:
		t.kind = refuses
	case 8:
		t.kind = poison
	case 9:
		if limit > 0 {
			t.kind, t.took = late, 2*limit
		}
	case 10:
		if limit > 0 {
			t.kind = hangs
		}
	}
	return t
}

// drawPlan draws rates for each operation, most of them mild, and windows longer
// than visibility timeouts.
func drawPlan(r *rand.Rand, storm time.Duration) faults.Plan {
	p := faults.Plan{Operations: map[string]faults.Rates{}}
	worst := 0.5 * r.Float64() * r.Float64()
	rate := func() float64 { return max(0, 2*r.Float64()-1) * worst } // half of them 0
	for _, op := range []string{
		"SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueAttributes",
		"PutItem", "GetItem", "UpdateItem", "BatchGetItem", "Query", "GetObject",
	} {
		p.Operations[op] = faults.Rates{
			Delay: 2 * rate(), MaxDelay: time.Duration(1+r.IntN(40_000)) * time.Millisecond,
			DropRequest: rate(), DropResponse: rate(), Throttle: rate(), ServerError: rate(),
			FailEntry: rate(), OmitEntry: rate(), Repeat: rate(), Corrupt: rate(),
		}
	}
	for at := time.Duration(0); r.IntN(3) > 0; {
		at += time.Duration(r.Int64N(int64(storm)))
		w := faults.Window{
			Kind: faults.Freeze, Service: []string{"", faults.SQS, faults.DynamoDB}[r.IntN(3)],
			From: at, To: at + time.Duration(200+r.IntN(60_000))*time.Millisecond,
		}
		if r.IntN(2) == 0 {
			w.Kind = faults.Expire
		}
		p.Windows = append(p.Windows, w)
		at = w.To
	}
	return p
}

// String is the scenario in a few lines.
func (s scenario) String() string {
	kinds := map[kind]int{}
	for _, t := range s.tasks {
		kinds[t.kind]++
	}
	return fmt.Sprintf("seed %d: %d tasks in chunks of %d and %d without a job %v, attempts %d, limit %v, cancelled at %v, submitted %d times, garbage %d;\n"+
		"  visibility %v, %d workers × %d slots, grace %v, handover %v, crashes %.2f, storm of %v, happenings %v\n  windows %v",
		s.seed, s.n, s.chunk, len(s.tasks)-s.n, kinds, s.attempts, s.limit, s.cancelAt, s.submits, len(s.garbage),
		s.visibility, s.workers, s.slots, s.grace, s.handOver, s.crashes, s.storm, s.happenings, s.plan.Windows)
}
