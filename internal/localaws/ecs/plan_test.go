package ecs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var day = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a state with one service "s" and no processes: tests start and end
// them by hand.
type world struct {
	*state

	v   *ecsService
	now time.Time
}

func newWorld(desired int, change func(*Options)) *world {
	opt := Options{BaseURL: "http://127.0.0.1", Dir: "/nowhere", Environ: []string{}}
	if change != nil {
		change(&opt)
	}
	w := &world{state: newState(opt.withDefaults()), now: day}
	w.clusters["default"] = &cluster{Name: "default"}
	d := &definition{Family: "f", Revision: 1, Status: statusActive, Run: container{Name: "main", Command: []string{"true"}}}
	w.families["f"] = []*definition{d}
	var strategy []strategyItem
	if slices.Contains(opt.Environ, spotMark) {
		strategy = []strategyItem{{Provider: fargateSpot, Weight: 1}}
	}
	w.v = &ecsService{Cluster: "default", Name: "s", Status: statusActive, Desired: desired, Deployments: []deployment{newDeployment(d, strategy, day)}}
	w.services[w.v.key()] = w.v
	return w
}

// run plans and does at once what the plan asks for, until there is nothing to
// do. Told to stop, a task stays until it is ended.
func (w *world) run() {
	w.now = w.now.Add(time.Millisecond) // no two events at once: ages differ
	for {
		s := w.plan(w.now)
		for _, t := range s.start {
			t.PID = 1000 + len(w.tasks)
			w.began(t, w.now)
		}
		for _, t := range s.term {
			t.termAt = w.now
		}
		for _, t := range s.kill {
			t.killSent = true
		}
		if len(s.start)+len(s.term)+len(s.kill) == 0 && !s.more {
			return
		}
	}
}

func (w *world) sorted() []*task {
	all := make([]*task, 0, len(w.tasks))
	for _, t := range w.tasks {
		all = append(all, t)
	}
	slices.SortFunc(all, oldestFirst)
	return all
}

// picture is the tasks from the oldest to the newest: P pending, R running,
// S stopping, x stopped.
func (w *world) picture() string {
	var b strings.Builder
	for _, t := range w.sorted() {
		b.WriteString(map[string]string{statusPending: "P", statusRunning: "R", statusStopping: "S", statusStopped: "x"}[t.Last])
	}
	return b.String()
}

func (w *world) after(d time.Duration) { w.now = w.now.Add(d); w.run() }

func (w *world) desire(n int) { w.v.Desired = n; w.run() }

func (w *world) exit(i, code int) { w.exited(w.sorted()[i], &code, "", w.now); w.run() }

// onSpot makes the service's tasks Spot's.
func onSpot(change func(*Options)) func(*Options) {
	return func(o *Options) {
		change(o)
		o.Environ = []string{spotMark}
	}
}

// spotMark in the environment makes newWorld choose Spot.
const spotMark = "SPOT=1"

// deploy replaces the service's tasks.
func (w *world) deploy() {
	w.v.Deployments = append([]deployment{newDeployment(w.families["f"][0], w.v.primary().Strategy, w.now)}, w.v.Deployments...)
	w.run()
}

func TestPlan(t *testing.T) {
	t.Parallel()
	fill := func(w *world, n int) { // one a second, so that ages differ
		for i := range n {
			w.now = w.now.Add(time.Second)
			w.desire(i + 1)
		}
	}
	cases := []struct {
		name string
		opt  func(*Options)
		do   func(*world)
		want string
	}{
		{"missing tasks are started", nil, func(w *world) { w.desire(3) }, "RRR"},
		{"the newest go first", nil, func(w *world) { fill(w, 3); w.desire(1) }, "RSS"},
		{"a protected one is passed over", nil, func(w *world) {
			fill(w, 3)
			w.sorted()[2].ProtectedTill = w.now.Add(time.Hour)
			w.desire(1)
		}, "SSR"},
		{"all protected: nothing is stopped", nil, func(w *world) {
			fill(w, 2)
			for _, t := range w.sorted() {
				t.ProtectedTill = w.now.Add(time.Hour)
			}
			w.desire(0)
		}, "RR"},
		{"until protection runs out", nil, func(w *world) {
			fill(w, 1)
			w.sorted()[0].ProtectedTill = w.now.Add(time.Minute)
			w.desire(0)
			w.after(time.Minute)
		}, "S"},
		{"a raise during the stop starts a new one: SIGTERM cannot be taken back", nil, func(w *world) {
			fill(w, 1)
			w.desire(0)
			w.desire(1)
		}, "SR"},
		{"one that has ended is replaced", nil, func(w *world) { fill(w, 2); w.after(time.Hour); w.exit(0, 1) }, "xRR"},
		{"a quick death is replaced at once, the second one not", nil, func(w *world) {
			fill(w, 1)
			w.exit(0, 1)
			w.exit(1, 1)
		}, "xx"},
		{"but after the back-off", nil, func(w *world) {
			fill(w, 1)
			w.exit(0, 1)
			w.exit(1, 1)
			w.after(DefaultBackoffBase)
		}, "xxR"},
		{"two deaths of one wave are one failure", nil, func(w *world) {
			w.desire(2)
			w.exit(0, 1)
			w.exit(1, 1)
		}, "xxRR"},
		{"a quiet time forgives", nil, func(w *world) {
			fill(w, 1)
			w.exit(0, 1)
			w.exit(1, 1)
			w.after(time.Minute)
			w.after(time.Second)
			w.exit(2, 1)
		}, "xxxR"},
		{"an exit that was asked for is no failure", nil, func(w *world) {
			fill(w, 1)
			for i := range 3 {
				w.stop(w.sorted()[i], codeUser, "", w.now)
				w.run()
				w.exit(i, 143)
			}
		}, "xxxR"},
		{"a task stays pending for the start-up delay", func(o *Options) { o.StartupDelay = time.Minute }, func(w *world) { w.desire(1) }, "P"},
		{"and runs after it", func(o *Options) { o.StartupDelay = time.Minute }, func(w *world) { w.desire(1); w.after(time.Minute) }, "R"},
		{"stopped before it was started", func(o *Options) { o.StartupDelay = time.Minute }, func(w *world) { w.desire(1); w.desire(0) }, "x"},
		{"the launch rate's burst", func(o *Options) { o.LaunchRate, o.LaunchBurst = 1, 2 }, func(w *world) { w.desire(5) }, "RR"},
		{"and its rate", func(o *Options) { o.LaunchRate, o.LaunchBurst = 1, 2 }, func(w *world) { w.desire(5); w.after(time.Second) }, "RRR"},
		{"more than one pass starts", nil, func(w *world) { w.desire(maxStarts + 4) }, strings.Repeat("R", maxStarts+4)},
		{"the vCPU quota", func(o *Options) { o.VCPUQuota = 3.5 }, func(w *world) { w.desire(5) }, "RRR"},
		{"and what it leaves when a task has ended", func(o *Options) { o.VCPUQuota = 3 }, func(w *world) {
			w.desire(5)
			w.after(time.Hour)
			w.exit(0, 1)
		}, "xRRR"},
		{"a stopping task counts until its end", func(o *Options) { o.VCPUQuota = 2 }, func(w *world) {
			fill(w, 2)
			w.desire(1)
			w.desire(2)
		}, "RS"},
		{"no more Spot than there is", onSpot(func(o *Options) { o.SpotCapacity = 2 }), func(w *world) { w.desire(5) }, "RR"},
		{"Spot is not scarce for others", func(o *Options) { o.SpotCapacity = 2 }, func(w *world) { w.desire(5) }, "RRRRR"},
		{"Spot takes back what is protected, too, and it is replaced", onSpot(func(o *Options) { o.SpotLife = time.Minute }), func(w *world) {
			w.desire(1)
			w.sorted()[0].ProtectedTill = w.now.Add(time.Hour)
			w.now = w.sorted()[0].InterruptAt
			w.run()
		}, "SR"},
		{"but leaves others alone", func(o *Options) { o.SpotLife = time.Minute }, func(w *world) { w.desire(3); w.after(24 * time.Hour) }, "RRR"},
		{"a deployment waits for what is protected", nil, func(w *world) {
			fill(w, 2)
			w.sorted()[1].ProtectedTill = w.now.Add(time.Hour)
			w.deploy()
		}, "SRRR"},
		{"and goes on when it is not any more", nil, func(w *world) {
			fill(w, 2)
			w.sorted()[1].ProtectedTill = w.now.Add(time.Hour)
			w.deploy()
			w.sorted()[1].ProtectedTill = time.Time{}
			w.run()
		}, "SSRR"},
		{"nothing is started while closing", nil, func(w *world) { w.closing = true; w.desire(2) }, ""},
		{"a deleted service stops even what is protected", nil, func(w *world) {
			fill(w, 1)
			w.sorted()[0].ProtectedTill = w.now.Add(time.Hour)
			w.v.Status = statusDraining
			w.desire(0)
		}, "S"},
		{"stopped tasks are forgotten in the end", nil, func(w *world) {
			fill(w, 1)
			w.desire(0)
			w.exit(0, 0)
			w.after(DefaultStoppedRetention + time.Second)
		}, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(0, tc.opt)
			tc.do(w)
			if got := w.picture(); got != tc.want {
				t.Errorf("tasks %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPlanSaysWhenToLookAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(1, func(o *Options) { o.StartupDelay = time.Minute })
	if s := w.plan(w.now); !s.next.Equal(w.now.Add(time.Minute)) {
		t.Errorf("pending: %v", s.next)
	}
	w.after(time.Minute)
	task := w.sorted()[0]
	task.ProtectedTill = w.now.Add(time.Hour)
	w.v.Desired = 0
	if s := w.plan(w.now); !s.next.Equal(task.ProtectedTill) {
		t.Errorf("protected: %v", s.next)
	}
	task.ProtectedTill = time.Time{}
	w.run()
	if s := w.plan(w.now); !s.next.Equal(w.now.Add(30 * time.Second)) {
		t.Errorf("told to stop: %v, want the stopTimeout", s.next)
	}
	w.after(30 * time.Second)
	if !task.killSent {
		t.Error("not killed after the stopTimeout")
	}
	if s := w.plan(w.now); !s.next.IsZero() || s.more {
		t.Errorf("killed, nothing but its end to wait for: %v", s.next)
	}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(1, func(o *Options) { o.BackoffMax = 2 * time.Second })
	delays := make([]time.Duration, 0, 7)
	for range 7 {
		w.run()
		i := len(w.tasks) - 1
		w.notBegun(w.sorted()[i], errors.New("no such file"), w.now)
		delays = append(delays, w.v.NotBefore.Sub(w.now))
		w.now = w.v.NotBefore
	}
	ms := time.Millisecond
	if diff := cmp.Diff([]time.Duration{0, 250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 2000 * ms, 2000 * ms}, delays); diff != "" {
		t.Error(diff)
	}
	if got := w.v.Deployments[0].Failed; got != 7 {
		t.Errorf("%d failed tasks, want 7", got)
	}
}

// Laws of the planner, for any history of wishes, exits, protections and time:
// a protected task is never stopped by scale-in; there are never more active
// tasks than ever wished for; what is told to stop has a later look or a signal
// coming; and left alone, a service comes to rest with what it wants.
func TestPlanLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(0, func(o *Options) {
			o.StartupDelay = time.Duration(rapid.IntRange(0, 2).Draw(t, "delay")) * time.Second
			o.LaunchRate = float64(rapid.IntRange(0, 3).Draw(t, "rate"))
			o.LaunchBurst = 2
			o.VCPUQuota = float64(rapid.IntRange(0, 3).Draw(t, "quota"))
		})
		most := 0
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := map[string]bool{} // protected and active
			for _, task := range w.sorted() {
				if task.active() && task.protected(w.now) {
					before[task.ID] = true
				}
			}
			switch pick := rapid.IntRange(0, 4).Draw(t, "what"); {
			case pick == 0:
				n := rapid.IntRange(0, 6).Draw(t, "desired")
				most = max(most, n)
				w.desire(n)
			case len(w.tasks) == 0:
			case pick == 1:
				task := rapid.SampledFrom(w.sorted()).Draw(t, "exits")
				if task.PID != 0 && task.Last != statusStopped {
					w.exited(task, new(1), "", w.now)
					delete(before, task.ID)
					w.run()
				}
			case pick == 2:
				task := rapid.SampledFrom(w.sorted()).Draw(t, "protected")
				if task.active() {
					task.ProtectedTill = w.now.Add(time.Minute)
				}
			default:
				w.after(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			}
			active := 0
			for _, task := range w.sorted() {
				if before[task.ID] && !task.active() && task.protected(w.now) {
					t.Fatalf("protected task %s was stopped", task.ID)
				}
				if task.active() {
					active++
				}
			}
			if quota := int(w.opt.VCPUQuota); quota > 0 && w.used(false) > 1024*quota {
				t.Fatalf("%d CPU units used, the quota is %d vCPU", w.used(false), quota)
			}
			if active > most {
				t.Fatalf("%d active tasks; never more than %d were wished for", active, most)
			}
		}
		rest(t, w)
	})
}

// rest lets time pass, to each moment that the plan names, and stopping tasks end.
func rest(t *rapid.T, w *world) {
	for range 1000 {
		w.run()
		for _, task := range w.sorted() {
			if task.Last == statusStopping {
				w.exited(task, new(0), "", w.now)
			}
		}
		s := w.plan(w.now)
		if s.next.IsZero() && len(s.start) == 0 && !s.more {
			break
		}
		if s.next.After(w.now) {
			w.now = s.next
		}
	}
	running, want := strings.Count(w.picture(), "R"), w.v.Desired
	if w.opt.VCPUQuota > 0 && want > int(w.opt.VCPUQuota) {
		// What the quota leaves no place for goes on being wanted.
		if running != int(w.opt.VCPUQuota) || w.v.Unplaced != reasonQuota {
			t.Fatalf("came to rest as %s, wanting %d at a quota of %v; %q", w.picture(), want, w.opt.VCPUQuota, w.v.Unplaced)
		}
		return
	}
	if running != want || strings.ContainsAny(w.picture(), "PS") || !w.v.Steady {
		t.Fatalf("came to rest as %s, wanting %d; steady: %v", w.picture(), w.v.Desired, w.v.Steady)
	}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	b := bucket{Rate: 20, Burst: 100}
	got := fmt.Sprint(b.take(150, day), b.take(1, day), b.take(50, day.Add(time.Second)), b.take(500, day.Add(time.Hour)))
	if want := "100 0 20 100"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	at := day.Add(time.Hour)
	if next := b.nextAt(at); next.Sub(at) != 50*time.Millisecond || b.take(1, next) != 1 {
		t.Errorf("the next token %v later", next.Sub(at))
	}
}
