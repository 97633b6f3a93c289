package bridge

import "time"

// When tasks are sent. A caller puts them one by one; a job costs about ten calls,
// whatever its size. So tasks go at once while workers are idle, and wait for company while all are
// busy anyway, the longer the more there is to do.
const (
	lingerShort = 10 * time.Millisecond
	lingerLong  = 200 * time.Millisecond
	// busyTurns tasks per worker under way make the wait the long one.
	busyTurns = 20
	// gatherTasks and gatherBytes send what has gathered, however busy the fleet is.
	gatherTasks = 1000
	gatherBytes = 8 << 20
)

// task is one that was put.
type task struct {
	id  int64
	arg []byte
}

// gather holds the tasks that are not sent yet. It is pure: the time comes in.
type gather struct {
	workers int
	tasks   []task
	bytes   int
	since   time.Time // when the first of tasks came
}

func (g *gather) add(t task, now time.Time) {
	if len(g.tasks) == 0 {
		g.since = now
	}
	g.tasks = append(g.tasks, t)
	g.bytes += len(t.arg)
}

// drop takes out a task; false when it is not here (any more).
func (g *gather) drop(id int64) bool {
	for i, t := range g.tasks {
		if t.id == id {
			g.tasks = append(g.tasks[:i:i], g.tasks[i+1:]...)
			g.bytes -= len(t.arg)
			return true
		}
	}
	return false
}

// wait returns how long the tasks should wait for company, with so many tasks under way; 0 means send now.
func (g *gather) wait(underway int, now time.Time) time.Duration {
	if len(g.tasks) >= gatherTasks || g.bytes >= gatherBytes {
		return 0
	}
	linger := lingerShort
	switch {
	case underway < g.workers:
		linger = 0
	case underway >= busyTurns*g.workers:
		linger = lingerLong
	}
	return max(0, g.since.Add(linger).Sub(now))
}

// take returns the tasks of one job: at most gatherTasks, and about gatherBytes.
func (g *gather) take() []task {
	n, bytes := 0, 0
	for n < len(g.tasks) && n < gatherTasks && (n == 0 || bytes+len(g.tasks[n].arg) <= gatherBytes) {
		bytes += len(g.tasks[n].arg)
		n++
	}
	taken := g.tasks[:n:n]
	g.tasks = g.tasks[n:]
	g.bytes -= bytes
	if len(g.tasks) == 0 {
		g.tasks = nil
	}
	return taken
}

// pace estimates how long a task takes from what the fleet gets done: the time in which
// workers had something to do, by the tasks settled in it. Older times count less.
type pace struct {
	workers int
	last    time.Time
	busy    float64 // worker-seconds
	settled float64
}

// halfSettled is after how many tasks what was before counts half.
const halfSettled = 200

// tick takes the time since the last tick into account, in which underway tasks were under way.
func (p *pace) tick(underway int, now time.Time) {
	if !p.last.IsZero() {
		p.busy += now.Sub(p.last).Seconds() * float64(min(underway, p.workers))
	}
	p.last = now
}

func (p *pace) done(n int) {
	p.settled += float64(n)
	if p.settled > 2*halfSettled {
		p.settled /= 2
		p.busy /= 2
	}
}

// taskTime is 0 while too little is known.
func (p *pace) taskTime() time.Duration {
	if p.settled < float64(4*p.workers) {
		return 0
	}
	return time.Duration(p.busy / p.settled * float64(time.Second))
}
