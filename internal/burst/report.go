package burst

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/starburst-go/starburst/internal/report"
	"github.com/starburst-go/starburst/internal/view"
)

// Looker returns the way to look at a job of the session, priced.
func (s *Session) Looker(id string) (*view.Looker, error) {
	bills, err := s.Bills()
	if err != nil {
		return nil, err
	}
	return &view.Looker{Store: s.store, Job: id, Bills: bills}, nil
}

// For how long after a job's end its workers may not have told of their last tasks, and how often to ask meanwhile.
const (
	wordWithin, wordEvery             = 10 * time.Second, 500 * time.Millisecond
	laptopWordWithin, laptopWordEvery = time.Second, 10 * time.Millisecond
)

// Report writes the report of a job. Of one that has just ended it waits until the workers have told of what they did: at
// most ten seconds, one on the laptop. State names the local state in commands, when the session does not know it itself.
func (s *Session) Report(ctx context.Context, id string, f report.Format, state string, w io.Writer) error {
	if _, err := s.Attach(ctx, id); err != nil {
		return err
	}
	look, err := s.Looker(id)
	if err != nil {
		return err
	}
	look.Exact = true
	within, every := wordWithin, wordEvery
	if s.stack.Endpoint != "" {
		within, every = laptopWordWithin, laptopWordEvery
	}
	seen, err := look.Look(ctx, time.Now())
	for err == nil && seen.Over() && !seen.Told() && time.Since(seen.Ended) < within {
		if err := sleep(ctx, every); err != nil {
			return err
		}
		seen, err = look.Look(ctx, time.Now())
	}
	if err != nil {
		return err
	}
	r := report.New(look.Input(), seen)
	if name := cmp.Or(s.state, state); name != "" {
		r.Retry = "starburst retry --failed --state " + name + " " + id
	}
	return r.Write(w, f)
}
