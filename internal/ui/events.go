package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Pace of streams.
const (
	// slowly is the time between two versions of what is over.
	slowly = 10 * time.Second
	// pulse is how often a stream says something at least, so that both ends notice when the other is gone.
	pulse = 15 * time.Second
	// eventTimeout bounds one write.
	eventTimeout = 10 * time.Second
)

// changes is one event: the parts of a page that have changed, and the data of its drawings when that has.
type changes struct {
	Title  string          `json:"title"`
	Parts  map[string]part `json:"parts,omitempty"`
	Charts json.RawMessage `json:"charts,omitempty"`
	// Error is why there is nothing new.
	Error string `json:"error,omitempty"`
	Over  bool   `json:"over,omitempty"`
}

func (c changes) empty() bool { return len(c.Parts) == 0 && len(c.Charts) == 0 && c.Error == "" }

// stream is one page that is watched.
type stream struct {
	w    http.ResponseWriter
	out  *http.ResponseController
	seen map[string]string // hash of each part that was sent
	said time.Time
}

// events sends a page's changes until somebody leaves.
func (s *Server) events(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.streams <- struct{}{}:
			defer func() { <-s.streams }()
		default:
			w.Header().Set("Retry-After", "10")
			s.fail(w, r, http.StatusServiceUnavailable, "Too many live pages", fmt.Sprintf("At most %d are served at once.", MaxStreams))
			return
		}
		first, cancel := context.WithTimeout(r.Context(), patience)
		_, err := p.make(first, r)
		cancel()
		if asProblem(err) {
			s.failWith(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		t := &stream{w: w, out: http.NewResponseController(w), seen: map[string]string{}}
		tick := time.NewTicker(s.cfg.Every)
		defer tick.Stop()
		var next time.Time
		for {
			if now := s.cfg.Now(); !now.Before(next) {
				slow, err := s.advance(r, p, t)
				if err != nil {
					return // the reader has left
				}
				next = now
				if slow {
					next = now.Add(slowly)
				}
			}
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
		}
	}
}

// quick is a context that has ended: what is there counts, nothing is waited for.
func quick(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func asProblem(err error) bool {
	_, known := err.(problem) //nolint:errorlint // ours, and never wrapped
	return known
}

// advance sends what has changed since the last time.
func (s *Server) advance(r *http.Request, p page, t *stream) (slow bool, err error) {
	c, err := p.make(r.Context(), r)
	if r.Context().Err() != nil {
		return false, r.Context().Err()
	}
	if err != nil {
		return false, t.send(changes{Error: err.Error()}, s.cfg.Now())
	}
	f := s.frame(r, p.name, c)
	parts, err := s.fill(p, f)
	if err != nil {
		return false, err
	}
	ch := changes{Title: c.Title, Parts: map[string]part{}, Over: c.Slow}
	for name, is := range parts {
		if t.seen[name] != is.Hash {
			t.seen[name], ch.Parts[name] = is.Hash, is
		}
	}
	if c.Charts != nil {
		b, err := json.Marshal(c.Charts)
		if err != nil {
			return false, err
		}
		if t.seen["/charts"] != string(b) {
			t.seen["/charts"], ch.Charts = string(b), b
		}
	}
	return c.Slow, t.send(ch, s.cfg.Now())
}

func (t *stream) send(c changes, now time.Time) error {
	if c.empty() && now.Sub(t.said) < pulse {
		return nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	t.said = now
	if err := t.out.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.w, "event: changes\ndata: %s\n\n", b); err != nil {
		return err
	}
	return t.out.Flush()
}
