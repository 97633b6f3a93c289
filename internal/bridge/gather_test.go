package bridge

import (
	"testing"
	"time"
)

func TestTasksWaitForCompanyOnlyWhileAllWorkersAreBusy(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		name            string
		tasks, underway int
		bytes           int
		since           time.Duration
		want            time.Duration
	}{
		{"an idle worker", 1, 1, 10, 0, 0},
		{"all busy: a moment", 1, 2, 10, 0, lingerShort},
		{"the moment is over", 1, 2, 10, lingerShort, 0},
		{"a lot under way: longer", 1, 2 * busyTurns, 10, lingerShort, lingerLong - lingerShort},
		{"enough tasks", gatherTasks, 2 * busyTurns, 1, 0, 0},
		{"enough bytes", 1, 2 * busyTurns, gatherBytes, 0, 0},
	} {
		g := gather{workers: 2}
		for range c.tasks {
			g.add(task{arg: make([]byte, c.bytes)}, now)
		}
		if got := g.wait(c.underway, now.Add(c.since)); got != c.want {
			t.Errorf("%s: wait %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhatIsTakenIsBounded(t *testing.T) {
	t.Parallel()
	g := gather{workers: 1}
	for id := range int64(gatherTasks + 5) {
		g.add(task{id: id, arg: []byte{1}}, time.Unix(0, 0))
	}
	if !g.drop(3) || g.drop(3) {
		t.Error("a task is dropped once")
	}
	if first := g.take(); len(first) != gatherTasks || first[3].id != 4 {
		t.Errorf("took %d tasks", len(first))
	}
	g.add(task{id: 9, arg: make([]byte, gatherBytes)}, time.Unix(0, 0))
	if second := g.take(); len(second) != 4 || len(g.tasks) != 1 || g.bytes != gatherBytes {
		t.Errorf("took %d, left %d with %d bytes", len(second), len(g.tasks), g.bytes)
	}
	if last := g.take(); len(last) != 1 || g.bytes != 0 || g.tasks != nil {
		t.Errorf("a large task travels alone: %d, %d bytes left", len(last), g.bytes)
	}
}

func TestPaceIsWorkerTimeByTask(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	p := pace{workers: 2}
	p.tick(5, now)
	if p.taskTime() != 0 {
		t.Error("nothing is known yet")
	}
	for range 20 { // two workers, a task each in 100 ms
		now = now.Add(100 * time.Millisecond)
		p.tick(5, now)
		p.done(2)
	}
	if got := p.taskTime(); got != 100*time.Millisecond {
		t.Errorf("task time %v", got)
	}
	p.tick(0, now.Add(time.Hour)) // nobody had anything to do
	if got := p.taskTime(); got != 100*time.Millisecond {
		t.Errorf("task time after an idle hour %v", got)
	}
}
