package consumer

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// fakeResults is the table in memory, with the one rule that matters: an item
// is written once.
type fakeResults struct {
	mu       sync.Mutex // protects everything below
	jobs     map[string]store.Job
	items    map[string]store.Result
	refused  int
	bad      []store.BadMessage
	handlers []string
	starts   map[string]map[string]bool
	ledger   store.Ledger
	control  store.Control
	// putErr makes PutResult fail while it returns an error; landed writes it all the same.
	putErr func(r store.Result) (err error, landed bool)
}

func newFakeResults(jobs ...store.Job) *fakeResults {
	r := &fakeResults{jobs: map[string]store.Job{}, items: map[string]store.Result{}}
	for _, j := range jobs {
		r.jobs[j.ID] = j
	}
	return r
}

func (r *fakeResults) Job(_ context.Context, id string) (store.Job, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j, ok := r.jobs[id]
	if !ok {
		return j, fmt.Errorf("job %s: %w", id, store.ErrNotFound)
	}
	return j, nil
}

func itemKey(job, id string, m codec.Identity) string { return job + "/" + id + "/" + string(m) }

func (r *fakeResults) PutResult(ctx context.Context, _ store.Job, res store.Result) (store.PutOutcome, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var fail error
	if r.putErr != nil {
		var landed bool
		if fail, landed = r.putErr(res); fail != nil && !landed {
			return 0, fail
		}
	}
	key := itemKey(res.Job, res.ID, res.Identity)
	old, exists := r.items[key]
	switch {
	case exists && old.Token == res.Token:
		return store.Mine, fail
	case exists:
		r.refused++
		return store.Refused, fail
	}
	r.items[key] = res
	return store.Written, fail
}

func (r *fakeResults) find(job, id string, m codec.Identity) (store.Result, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	res, ok := r.items[itemKey(job, id, m)]
	return res, ok
}

func (r *fakeResults) Result(_ context.Context, job store.Job, m codec.Identity) (store.Result, bool, error) {
	res, ok := r.find(job.ID, "", m)
	return res, ok, nil
}

func (r *fakeResults) LooseResult(_ context.Context, id string, m codec.Identity) (store.Result, bool, error) {
	res, ok := r.find("", id, m)
	return res, ok, nil
}

func (r *fakeResults) HasResults(_ context.Context, job store.Job, ids []codec.Identity) (map[codec.Identity]bool, error) {
	have := map[codec.Identity]bool{}
	for _, id := range ids {
		if _, ok := r.find(job.ID, "", id); ok {
			have[id] = true
		}
	}
	return have, nil
}

func (r *fakeResults) PutLedger(_ context.Context, l store.Ledger) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.Seq > r.ledger.Seq {
		r.ledger = l
	}
	return nil
}

func (r *fakeResults) PutBad(_ context.Context, b store.BadMessage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, have := range r.bad {
		if have.MessageID == b.MessageID {
			return nil
		}
	}
	r.bad = append(r.bad, b)
	return nil
}

func (r *fakeResults) PutHandler(_ context.Context, _ string, h store.HandlerInfo) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handlers = append(r.handlers, h.Name)
	return nil
}

func (r *fakeResults) Control(context.Context, string) (store.Control, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.control, nil
}

// settled collects every settled index of a job with how often it was settled.
func (r *fakeResults) settled(job string) (ok map[int]string, failed map[int]*store.Failure, twice []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ok, failed = map[int]string{}, map[int]*store.Failure{}
	for _, res := range r.items {
		if res.Job != job {
			continue
		}
		for _, s := range res.Settled {
			_, a := ok[s.Index]
			_, b := failed[s.Index]
			if a || b {
				twice = append(twice, s.Index)
			}
			if s.Failure != nil {
				failed[s.Index] = s.Failure
				continue
			}
			var v string
			if codec.Unmarshal(s.Value, &v) != nil {
				v = hex.EncodeToString(s.Value)
			}
			ok[s.Index] = v
		}
	}
	return ok, failed, twice
}

func (r *fakeResults) addStart(key, start string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.starts == nil {
		r.starts = map[string]map[string]bool{}
	}
	if r.starts[key] == nil {
		r.starts[key] = map[string]bool{}
	}
	r.starts[key][start] = true
	return slices.Collect(maps.Keys(r.starts[key]))
}

func (r *fakeResults) removeStart(key, start string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.starts[key], start)
}

func (r *fakeResults) AddStart(_ context.Context, job store.Job, m codec.Identity, start string) ([]string, error) {
	return r.addStart(itemKey(job.ID, "", m), start), nil
}

func (r *fakeResults) AddLooseStart(_ context.Context, id string, m codec.Identity, start string) ([]string, error) {
	return r.addStart(itemKey("", id, m), start), nil
}

func (r *fakeResults) RemoveStart(_ context.Context, job store.Job, m codec.Identity, start string) error {
	r.removeStart(itemKey(job.ID, "", m), start)
	return nil
}

func (r *fakeResults) RemoveLooseStart(_ context.Context, id string, m codec.Identity, start string) error {
	r.removeStart(itemKey("", id, m), start)
	return nil
}
