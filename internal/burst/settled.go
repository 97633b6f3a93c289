package burst

import (
	"sync"

	"github.com/starburst-go/starburst/autoscale"
)

// begun remembers the jobs that a session has submitted or attached to. The zero value is ready to use.
type begun struct {
	mu   sync.Mutex      // protects jobs
	jobs map[string]bool // true until all tasks were seen settled
}

// add notes a job whose tasks are not known to be settled.
func (b *begun) add(job string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.jobs == nil {
		b.jobs = map[string]bool{}
	}
	b.jobs[job] = true
}

// settle notes that all tasks of a job are settled. A job that was only looked at is not the session's.
func (b *begun) settle(job string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.jobs[job] {
		b.jobs[job] = false
	}
}

// allSettled reports whether there were jobs, and all of them are settled.
func (b *begun) allSettled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, open := range b.jobs {
		if open {
			return false
		}
	}
	return len(b.jobs) > 0
}

// nothingHeld says that workers have nothing to finish but acks of what is known to be recorded. They end with the endpoint then,
// which answers until they have made those.
func (s *Session) nothingHeld(o autoscale.Observation) bool {
	return o.InFlight == 0 && o.Pending == 0 || s.begun.allSettled()
}
