package ecs

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// steps is what plan asks the Service to do next.
type steps struct {
	start []*task   // in order; at most maxStarts
	term  []*task   // SIGTERM
	kill  []*task   // SIGKILL
	gone  []string  // ids of forgotten tasks, whose logs can go
	next  time.Time // when to plan again; zero: when something happens
	more  bool      // plan again at once, there is more to start
}

// maxStarts bounds the processes started between two looks at the state, so
// that a burst of starts does not hold up stops and the commits of the first.
const maxStarts = 16

func (s *steps) wakeAt(t time.Time) {
	if s.next.IsZero() || t.Before(s.next) {
		s.next = t
	}
}

// plan brings the tasks' wanted state in line with the services and says what
// has to be done to the processes. It changes the state only; calling it again
// without a change gives the same steps.
func (st *state) plan(now time.Time) steps {
	var s steps
	st.forget(now, &s)
	for _, v := range st.services {
		if v.Status != statusInactive {
			st.planService(v, now, &s)
		}
	}
	for _, t := range st.tasks {
		if t.Last != statusStopped {
			st.planTask(t, now, &s)
		}
	}
	slices.SortFunc(s.start, oldestFirst)
	if len(s.start) > maxStarts {
		s.start, s.more = s.start[:maxStarts], true
	}
	return s
}

func oldestFirst(a, b *task) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
}

// planService creates missing tasks and marks surplus ones. With two
// deployments, tasks of the older one go as those of the newer one come to run
// (minimum healthy 100 %, maximum 200 %: the defaults).
func (st *state) planService(v *ecsService, now time.Time, s *steps) {
	defer st.settle(v, now)
	var current, old []*task
	running := 0
	for _, t := range st.tasks {
		switch {
		case t.Cluster != v.Cluster || t.Service != v.Name || !t.active():
		case t.Deployment != v.primary().ID:
			old = append(old, t)
		default:
			current = append(current, t)
			if t.Last == statusRunning {
				running++
			}
		}
	}
	st.scaleIn(v, current, v.Desired, now, s)
	st.scaleIn(v, old, max(0, v.Desired-running), now, s)
	if missing := v.Desired - len(current); missing > 0 && !st.closing {
		st.scaleOut(v, current, missing, now, s)
	}
}

// scaleIn marks the newest unprotected tasks, so that keep remain if protection
// allows it. The newest has the least to lose: its start-up is the most recent,
// and an older worker has the warmer caches.
func (st *state) scaleIn(v *ecsService, tasks []*task, keep int, now time.Time, s *steps) {
	surplus := len(tasks) - keep
	if surplus <= 0 {
		return
	}
	slices.SortFunc(tasks, func(a, b *task) int { return oldestFirst(b, a) })
	var stopped []*task
	for _, t := range tasks {
		if surplus == 0 {
			break
		}
		if t.protected(now) && v.Status != statusDraining {
			s.wakeAt(t.ProtectedTill)
			continue
		}
		st.stop(t, codeScheduler, "Scaling activity initiated by (deployment "+v.primary().ID+")", now)
		stopped = append(stopped, t)
		surplus--
	}
	if len(stopped) > 0 {
		st.note(v, now, fmt.Sprintf("(service %s) has stopped %d running tasks: %s.", v.Name, len(stopped), named(stopped)))
	}
}

func (st *state) scaleOut(v *ecsService, current []*task, missing int, now time.Time, s *steps) {
	if now.Before(v.NotBefore) {
		s.wakeAt(v.NotBefore)
		return
	}
	d, err := st.definition(v.primary().Definition)
	if err != nil {
		return // cannot be: definitions are never removed
	}
	n, left, why := 0, st.room(d), ""
	for n < missing {
		provider := st.place(v.primary().Strategy, current)
		if why = left.take(provider == fargateSpot); why != "" {
			break
		}
		if st.launches.take(1, now) == 0 {
			s.wakeAt(st.launches.nextAt(now))
			break
		}
		t := st.newTask(v.Cluster, d, now)
		t.Service, t.Deployment, t.Group, t.StartedBy = v.Name, v.primary().ID, "service:"+v.Name, v.primary().ID
		t.FailedBefore = v.Failed
		t.LaunchType, t.Provider = fargate, provider
		t.InterruptAt = st.interruptAt(t, now)
		current = append(current, t)
		n++
	}
	if why != "" {
		st.unplaced(v, why, now)
		s.wakeAt(v.UnplacedAt.Add(noteEvery))
	} else {
		v.Unplaced = ""
	}
	if n > 0 {
		v.Steady = false
		st.note(v, now, fmt.Sprintf("(service %s) has started %d tasks: %s.", v.Name, n, named(current[len(current)-n:])))
	}
}

// named lists tasks for an event, the first ten of them.
func named(tasks []*task) string {
	const most = 10
	var b strings.Builder
	for i, t := range tasks {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(tasks)-most)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("(task " + t.ID + ")")
	}
	return b.String()
}

// planTask says what is due for one task that is not STOPPED.
func (st *state) planTask(t *task, now time.Time, s *steps) {
	if st.closing && t.PID == 0 {
		st.stop(t, codeScheduler, reasonClosing, now) // RunTask's, after StopTasks
	}
	if t.Desired == statusRunning && !t.InterruptAt.IsZero() {
		if t.InterruptAt.After(now) {
			s.wakeAt(t.InterruptAt)
		} else {
			st.interrupt(t, now)
			s.more = true // the service replaces it
		}
	}
	switch {
	case t.Desired == statusRunning && t.PID == 0:
		if t.LaunchAt.After(now) {
			s.wakeAt(t.LaunchAt)
		} else {
			s.start = append(s.start, t)
		}
	case t.Desired == statusRunning: // its exit will be reported
	case t.PID == 0:
		st.ended(t, nil, now) // stopped before it was started
		s.more = true         // the service may have come to rest
	case t.termAt.IsZero():
		s.term = append(s.term, t)
		s.wakeAt(now.Add(st.grace(t)))
	case !t.killSent:
		if at := t.termAt.Add(st.grace(t)); at.After(now) {
			s.wakeAt(at)
		} else {
			s.kill = append(s.kill, t)
		}
	}
}

func (st *state) grace(t *task) time.Duration {
	d, err := st.definition(t.Definition)
	if err != nil {
		return 0
	}
	return d.Run.grace()
}

// began makes a task RUNNING, now that its process is recorded.
func (st *state) began(t *task, now time.Time) {
	if t.Last == statusPending {
		t.Last = statusRunning
	}
	t.PullStoppedAt, t.StartedAt = now, now
	if t.Desired == statusStopped {
		t.Last = statusStopping
	}
	st.touch(t.row())
}

// notBegun records that a task's process could not be started.
func (st *state) notBegun(t *task, err error, now time.Time) {
	t.StopCode, t.StoppedReason = codeNotBegun, "CannotStartContainerError: "+err.Error()
	st.ended(t, nil, now)
	if v := st.serviceOf(t); v != nil {
		st.failedStart(v, t, now)
	}
}

// exited records that a task's process has ended. reason says more than the
// usual text when there is more to say.
func (st *state) exited(t *task, exit *int, reason string, now time.Time) {
	byItself := t.Desired == statusRunning
	if byItself {
		t.StopCode, t.StoppedReason = codeExited, cmp.Or(reason, reasonExited)
	}
	st.ended(t, exit, now)
	if v := st.serviceOf(t); v != nil && byItself && now.Sub(t.StartedAt) < st.opt.QuickDeath {
		st.failedStart(v, t, now)
	}
}

// failedStart delays the service's next start. All tasks that were created
// before the last failure was seen belong to the same wave and count once: ten workers
// with one typing error are one failure. The first is repaired at once, the
// following delays double.
func (st *state) failedStart(v *ecsService, t *task, now time.Time) {
	for i := range v.Deployments {
		if v.Deployments[i].ID == t.Deployment {
			v.Deployments[i].Failed++
		}
	}
	st.touch(v.row())
	if t.FailedBefore < v.Failed {
		return
	}
	v.Failed++
	quiet := max(2*st.opt.QuickDeath, 2*v.NotBefore.Sub(v.LastFailure))
	if now.Sub(v.LastFailure) > quiet {
		v.Failures = 0
	}
	v.Failures++
	v.LastFailure = now
	if v.Failures == 1 {
		v.NotBefore = now
		return
	}
	delay := float64(st.opt.BackoffBase) * math.Pow(2, float64(min(v.Failures-2, 40)))
	v.NotBefore = now.Add(time.Duration(min(delay, float64(st.opt.BackoffMax))))
	st.note(v, now, "(service "+v.Name+") is unable to consistently start tasks successfully.")
}

// forget drops what ended longer ago than the retention.
func (st *state) forget(now time.Time, s *steps) {
	limit := now.Add(-st.opt.StoppedRetention)
	for id, t := range st.tasks {
		if t.Last == statusStopped && t.StoppedAt.Before(limit) {
			delete(st.tasks, id)
			s.gone = append(s.gone, id)
			st.touch(t.row())
		}
	}
	for k, v := range st.services {
		if v.Status == statusInactive && v.DeletedAt.Before(limit) {
			delete(st.services, k)
			st.touch(v.row())
		}
	}
}

// bucket is a token bucket: Rate tokens a second, at most Burst. A Rate of 0
// never says no.
type bucket struct {
	Rate, Burst float64
	level       float64
	at          time.Time
}

func (b *bucket) fill(now time.Time) {
	if b.at.IsZero() {
		b.level = b.Burst
	} else {
		b.level = min(b.Burst, b.level+b.Rate*now.Sub(b.at).Seconds())
	}
	b.at = now
}

// take takes up to n tokens and returns how many there were.
func (b *bucket) take(n int, now time.Time) int {
	if b.Rate == 0 {
		return n
	}
	b.fill(now)
	n = min(n, int(b.level+1e-9))
	b.level -= float64(n)
	return n
}

// nextAt is when one token will be there.
func (b *bucket) nextAt(now time.Time) time.Time {
	b.fill(now)
	if b.level >= 1 {
		return now
	}
	return now.Add(time.Duration(math.Ceil((1 - b.level) / b.Rate * 1e9)))
}
