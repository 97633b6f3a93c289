package check

import (
	"fmt"
	"slices"
	"strings"
)

// Outcome of an enqueue, as the caller knows it.
type Outcome int

// The outcomes of an enqueue.
const (
	// Unknown: the call broke off; the element may be in the queue.
	Unknown Outcome = iota
	// Acknowledged: it is in the queue.
	Acknowledged
	// Refused: it is certainly not in the queue.
	Refused
)

// Enqueue is one attempt to put an element into the queue.
type Enqueue struct {
	Element string
	Outcome Outcome
}

// History is what was put in and what came out, until the queue was empty. An
// element that comes out twice is listed twice.
type History struct {
	Enqueued []Enqueue
	Dequeued []string
}

// QueueReport is the judgement of a History.
type QueueReport struct {
	// Attempts and Acknowledged count enqueues. OK counts elements that came out as they should.
	Attempts, Acknowledged, OK int
	// Lost and Unexpected elements make the history invalid. Sorted.
	Lost, Unexpected []string
	// Duplicated counts dequeues beyond the attempts, Recovered elements of
	// unknown outcome that came out, and Revived refused ones that did nevertheless.
	Duplicated, Recovered, Revived int
}

// TotalQueue judges a history, after Jepsen's checker of the same name.
func TotalQueue(h History) QueueReport {
	type tally struct{ tried, acked, refused, out int }
	all := map[string]*tally{}
	of := func(e string) *tally {
		t := all[e]
		if t == nil {
			t = &tally{}
			all[e] = t
		}
		return t
	}
	var r QueueReport
	for _, e := range h.Enqueued {
		t := of(e.Element)
		t.tried++
		r.Attempts++
		switch e.Outcome {
		case Acknowledged:
			t.acked++
			r.Acknowledged++
		case Refused:
			t.refused++
		case Unknown:
		}
	}
	for _, e := range h.Dequeued {
		of(e).out++
	}
	for e, t := range all {
		if t.tried == 0 {
			r.Unexpected = append(r.Unexpected, e)
			continue
		}
		if t.out < t.acked {
			r.Lost = append(r.Lost, e)
		}
		ok := min(t.out, t.tried)
		r.OK += ok
		r.Duplicated += t.out - ok
		if beyond := ok - t.acked; beyond > 0 {
			unknown := t.tried - t.acked - t.refused
			r.Recovered += min(beyond, unknown)
			r.Revived += max(0, beyond-unknown)
		}
	}
	slices.Sort(r.Lost)
	slices.Sort(r.Unexpected)
	return r
}

// Err names what makes the history invalid, or is nil.
func (r QueueReport) Err() error {
	if len(r.Lost) == 0 && len(r.Unexpected) == 0 && r.Revived == 0 {
		return nil
	}
	return fmt.Errorf("of %d acknowledged elements %d were lost (%s); %d came out that nobody put in (%s), %d although they were refused",
		r.Acknowledged, len(r.Lost), some(r.Lost), len(r.Unexpected), some(r.Unexpected), r.Revived)
}

// String counts.
func (r QueueReport) String() string {
	return fmt.Sprintf("%d enqueued, %d acknowledged, %d came out, %d lost, %d unexpected, %d duplicated, %d recovered",
		r.Attempts, r.Acknowledged, r.OK, len(r.Lost), len(r.Unexpected), r.Duplicated, r.Recovered)
}

// some lists the first few.
func some(all []string) string {
	const most = 5
	if len(all) > most {
		return strings.Join(all[:most], ", ") + ", …"
	}
	return strings.Join(all, ", ")
}
