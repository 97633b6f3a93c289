package store

import (
	"context"
	"sync"
)

// aheadMax is how many objects are fetched at the same time, ahead of the
// reader. One takes some 20 to 50 ms from S3, whatever its size; while it is
// waited for, the next ones can come. They are held in memory until their turn.
const aheadMax = 8

// ahead fetches the outcomes of messages that are objects before a reader of
// results gets to them. Only the reader's goroutine calls its methods.
type ahead struct {
	s       *Store
	job     Job
	ctx     context.Context //nolint:containedctx // of the fetches; ends with stop
	cancel  context.CancelFunc
	running sync.WaitGroup
	fetches map[*record]<-chan fetched
}

type fetched struct {
	packed []byte
	err    error
}

func (s *Store) newAhead(ctx context.Context, job Job) *ahead {
	a := &ahead{s: s, job: job, fetches: map[*record]<-chan fetched{}}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// stop ends the fetches that nobody will ask for any more.
func (a *ahead) stop() {
	a.cancel()
	a.running.Wait()
}

// settled decodes what the record settled.
func (a *ahead) settled(r *record) ([]Settled, error) {
	packed := r.packed
	if r.s3 != "" {
		a.fetch(r)
		got := <-a.fetches[r]
		delete(a.fetches, r)
		if got.err != nil {
			return nil, got.err
		}
		packed = got.packed
	}
	return a.s.outcomes(r, packed)
}

// look begins to fetch the objects of the next roots that are known already.
// It does nothing unless t, the root at hand, has an object itself, so jobs of small results do not pay for it.
func (a *ahead) look(l *lanes, t tree) {
	if !hasObject(t.recs) {
		return
	}
	for _, r := range t.recs {
		a.fetch(r)
	}
	looked := 0
	for first := range l.job.Plan.from(t.span.To, l.job.N) {
		if looked++; looked > aheadMax || len(a.fetches) >= aheadMax {
			return
		}
		ln := l.of(first)
		for _, r := range ln.of(first) {
			a.fetch(r.record)
		}
	}
}

func hasObject(recs []*record) bool {
	for _, r := range recs {
		if r.s3 != "" {
			return true
		}
	}
	return false
}

// fetch begins to fetch the record's object, if it is one and not on its way.
func (a *ahead) fetch(r *record) {
	if r.s3 == "" || a.fetches[r] != nil {
		return
	}
	c := make(chan fetched, 1)
	a.fetches[r] = c
	a.running.Go(func() {
		packed, err := a.s.packedOf(a.ctx, a.job, "", r)
		c <- fetched{packed, err}
	})
}
