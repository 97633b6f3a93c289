package fleet

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/store"
)

// maxKinds bounds the handlers that are told apart; those with the fewest tasks waiting count like all tasks.
const maxKinds = 32

// lived is how many tasks were settled and what they took.
type lived struct {
	tasks int64
	time  time.Duration
}

func (l *lived) add(c store.JobCount) {
	if n, ms := c.OK+c.Failed, c.BusyMS-c.WastedMS-c.RunningMS; n > 0 && ms > 0 {
		l.tasks += n
		l.time += time.Duration(ms) * time.Millisecond
	}
}

func (l *lived) mean() time.Duration {
	if l.tasks == 0 {
		return 0
	}
	return l.time / time.Duration(l.tasks)
}

// kinds divides the outstanding tasks by handler, with how long each handler's tasks have taken in the unfinished jobs and,
// as what is known before, what the jobs' forecasts expect or else what they took in the finished ones that ledgers still tell of.
func kinds(o *autoscale.Observation, jobs []store.Job, expected func(job string) time.Duration, finished map[string]string, ledgers []store.Ledger) {
	handlers := make(map[string]string, len(jobs))
	tasks := map[string]int64{}
	said := map[string]*average{}
	for _, j := range jobs {
		handlers[j.ID] = j.Handler
		if n := o.Jobs[j.ID]; n > 0 {
			tasks[j.Handler] += n
			if d := expected(j.ID); d > 0 {
				of(said, j.Handler).add(n, d)
			}
		}
	}
	now, before := map[string]*lived{}, map[string]*lived{}
	for i := range ledgers {
		for job, c := range ledgers[i].Jobs {
			if h, open := handlers[job]; open {
				of(now, h).add(c)
			} else if h, known := finished[job]; known {
				of(before, h).add(c)
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(tasks), func(a, b string) int { return cmp.Or(cmp.Compare(tasks[b], tasks[a]), cmp.Compare(a, b)) })
	var all average // of what is known before of all that waits
	for i, h := range names {
		k := autoscale.Kind{Name: h, Tasks: tasks[h], Prior: cmp.Or(of(said, h).mean(), of(before, h).mean())}
		k.Done, k.DoneTime = of(now, h).tasks, of(now, h).time
		if k.Prior > 0 {
			all.add(k.Tasks, k.Prior)
		}
		if i < maxKinds {
			o.Kinds = append(o.Kinds, k)
		}
	}
	o.Prior.Mean = all.mean()
}

// average of durations; the sum of a billion tasks' would not fit a time.Duration.
type average struct{ tasks, sum float64 }

func (a *average) add(tasks int64, each time.Duration) {
	a.tasks += float64(tasks)
	a.sum += float64(tasks) * float64(each)
}

func (a *average) mean() time.Duration {
	if a.tasks == 0 {
		return 0
	}
	return time.Duration(a.sum / a.tasks)
}

func of[T any](m map[string]*T, handler string) *T {
	if m[handler] == nil {
		m[handler] = new(T)
	}
	return m[handler]
}
