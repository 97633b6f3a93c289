package ui

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/progress"
)

// redrive is the name of what moves dead messages back; what is done to a job has the job's.
const redrive = "/redrive"

// notice is what the page says of something that somebody has asked for.
type notice struct {
	// Text says how it stands, Error why it failed.
	Text, Error string
	Running     bool
	// Done of All steps; All is 0 when nobody knows.
	Done, All int
}

// deedJSON is an action in JSON.
type deedJSON struct {
	Running bool   `json:"running"`
	Text    string `json:"text"`
	Error   string `json:"error,omitempty"`
	Done    int    `json:"done"`
	All     int    `json:"all"`
}

func (n notice) document() *deedJSON {
	if n == (notice{}) {
		return nil
	}
	return &deedJSON{n.Running, n.Text, n.Error, n.Done, n.All}
}

// deed is something that somebody has asked for. It goes on when the page is closed.
type deed struct {
	notice
	at   time.Time
	stop context.CancelFunc
}

// deeds are at most one for each thing that something is done to.
type deeds struct {
	home *home
	mu   sync.Mutex
	all  map[string]*deed
}

// remembered is how long what became of an action is told.
const remembered = 10 * time.Minute

// of returns how what is done to something stands.
func (d *deeds) of(name string) notice {
	d.mu.Lock()
	defer d.mu.Unlock()
	is := d.all[name]
	if is == nil || !is.Running && d.home.now().Sub(is.at) > remembered {
		return notice{}
	}
	return is.notice
}

// begin starts an action, unless one is under way. do may tell how it stands, and returns what it did.
func (d *deeds) begin(name string, first notice, do func(ctx context.Context, tell func(func(*notice))) (string, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if is := d.all[name]; is != nil && is.Running || d.home.ctx.Err() != nil {
		return
	}
	for old, is := range d.all {
		if !is.Running && d.home.now().Sub(is.at) > remembered {
			delete(d.all, old)
		}
	}
	ctx, stop := context.WithCancel(d.home.ctx)
	is := &deed{notice: first, at: d.home.now(), stop: stop}
	is.Running = true
	d.all[name] = is
	tell := func(change func(*notice)) {
		d.mu.Lock()
		defer d.mu.Unlock()
		change(&is.notice)
	}
	d.home.wg.Go(func() {
		defer stop()
		text, err := do(ctx, tell)
		tell(func(n *notice) {
			n.Running, is.at = false, d.home.now()
			if text != "" {
				n.Text = text
			}
			if err != nil {
				n.Error = err.Error()
			}
		})
	})
}

// end stops what goes on.
func (d *deeds) end(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if is := d.all[name]; is != nil && is.Running {
		is.Text = "Stopping…"
		is.stop()
	}
}

// actions are what may be asked for. Each answers with the page that tells of it.
func (s *Server) actions(mux *http.ServeMux) {
	mux.HandleFunc("POST /jobs/{job}/retry", s.onJob(s.cfg.Retry, "Sending the failed tasks again…", "/failures"))
	mux.HandleFunc("POST /jobs/{job}/cancel", s.onJob(s.cfg.Cancel, "Cancelling: workers end what they run…", ""))
	mux.HandleFunc("POST /dead/redrive", s.redrive)
	mux.HandleFunc("POST /dead/stop", func(w http.ResponseWriter, r *http.Request) {
		s.deeds.end(redrive)
		http.Redirect(w, r, "/dead", http.StatusSeeOther)
	})
}

func (s *Server) onJob(do func(ctx context.Context, job string) (string, error), first, tab string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("job")
		if do == nil {
			s.fail(w, r, http.StatusForbidden, "It cannot be done from here", "Use the command line.")
			return
		}
		if len(id) > maxID {
			s.failWith(w, r, noSuchJob(id[:20]+"…"))
			return
		}
		s.deeds.begin(id, notice{Text: first}, func(ctx context.Context, _ func(func(*notice))) (string, error) {
			defer s.looks.of(id).forget()
			return do(ctx, id)
		})
		http.Redirect(w, r, "/jobs/"+url.PathEscape(id)+tab, http.StatusSeeOther)
	}
}

// maxRate is SQS's own bound of a move task (API reference, StartMessageMoveTask).
const maxRate = 500

func (s *Server) redrive(w http.ResponseWriter, r *http.Request) {
	rate := 0
	if text := r.PostForm.Get("rate"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxRate {
			s.fail(w, r, http.StatusBadRequest, "That is no rate", "1 to 500 messages a second, or nothing for as fast as it goes.")
			return
		}
		rate = n
	}
	s.deeds.begin(redrive, notice{Text: "Moving messages back to the queue…"}, func(ctx context.Context, tell func(func(*notice))) (string, error) {
		defer s.dead.forget()
		defer s.count.forget()
		q, err := s.deadQueue(ctx)
		if err != nil {
			return "", err
		}
		if all, err := q.Count(ctx); err == nil {
			tell(func(n *notice) { n.All = all })
		}
		moved, err := q.Redrive(ctx, rate, func(total int) {
			tell(func(n *notice) { n.Done, n.All = total, max(n.All, total) })
		})
		tell(func(n *notice) { n.Done = moved })
		return progress.Count(moved) + " messages moved back to the queue.", err
	})
	http.Redirect(w, r, "/dead", http.StatusSeeOther)
}
