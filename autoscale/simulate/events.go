package simulate

// kind of an event.
type kind uint8

const (
	launchDue   kind = iota // a launch token is there, or room
	pulled                  // a worker's image pull begins: from here it is billed
	ready                   // a worker can take work
	finished                // a slot's task ends
	visible                 // a task comes back to the queue
	interrupted             // Spot takes a worker away
	looked                  // the policy looks
	counted                 // SQS's counts are sampled, to be seen later
	changed                 // the world changes: quota, price, a deploy
)

// event is something that happens. Of two at the same time, the one that was caused first happens first:
// otherwise the order of the queue would be turned round.
type event struct {
	at   float64
	seq  uint32
	gen  uint32 // of the worker; an event for an older life is void
	a    int32  // worker or task
	slot int16
	kind kind
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// agenda is a heap of events. container/heap would box each one.
type agenda struct {
	events []event
	seq    uint32
}

func (q *agenda) add(e event) {
	q.seq++
	e.seq = q.seq
	i := len(q.events)
	q.events = append(q.events, e)
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&q.events[up]) {
			break
		}
		q.events[i] = q.events[up]
		i = up
	}
	q.events[i] = e
}

// pop removes the next event. The agenda must not be empty.
func (q *agenda) pop() event {
	first := q.events[0]
	n := len(q.events) - 1
	e := q.events[n]
	q.events = q.events[:n]
	if n == 0 {
		return first
	}
	i := 0
	for {
		down := 4*i + 1
		if down >= n {
			break
		}
		for j := down + 1; j < min(down+4, n); j++ {
			if q.events[j].before(&q.events[down]) {
				down = j
			}
		}
		if !q.events[down].before(&e) {
			break
		}
		q.events[i] = q.events[down]
		i = down
	}
	q.events[i] = e
	return first
}
