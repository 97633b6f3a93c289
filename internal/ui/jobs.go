package ui

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// What the list of jobs has.
const (
	listedSince = 7 * 24 * time.Hour
	maxListed   = 500
	jobsPerPage = 25
	// listEvery is the least time between two readings of the list; jobs of it that nobody watches are looked at as often.
	listEvery = 5 * time.Second
	// overEvery is that of jobs that are over: somebody may retry them.
	overEvery = 30 * time.Second
)

// jobRow is a job of the list.
type jobRow struct {
	store.Job
	// State is nil until somebody has looked at the job.
	State *view.State
}

// jobsModel is what the list of jobs shows.
type jobsModel struct {
	Rows  []jobLine
	Pages pages
	Start string
	Since string
	// Loading says that nobody knows yet, Trouble that the list is an old one, and why.
	Loading bool
	Trouble string
}

// jobLine is a job of the list in words.
type jobLine struct {
	ID, Handler, Label, State, Created string
	Bar                                bar
	Settled, ETA, Spent, Planned       string
	Known                              bool
}

func (s *Server) readJobs(ctx context.Context, now time.Time) ([]jobRow, error) {
	var rows []jobRow
	for j, err := range s.cfg.Store.Jobs(ctx, now.Add(-listedSince)) {
		if err != nil {
			return nil, err
		}
		if rows = append(rows, jobRow{Job: j}); len(rows) == maxListed {
			break
		}
	}
	return rows, nil
}

func (s *Server) jobsPage(ctx context.Context, r *http.Request) (content, error) {
	read := s.list.get(ctx, listEvery)
	m := jobsModel{Start: s.cfg.Start, Since: "the last 7 days", Loading: !read.Known && read.Err == nil}
	if read.Err != nil {
		if !read.Known {
			return content{}, read.Err
		}
		m.Trouble = read.Err.Error()
	}
	at, rows := paged(r, len(read.Value), jobsPerPage), []jobRow{}
	for _, row := range read.Value[at.From:at.To] {
		row.State = s.glance(ctx, row.Job)
		rows = append(rows, row)
		m.Rows = append(m.Rows, lineOf(row))
	}
	m.Pages = at
	return content{Title: "Jobs", Tab: "jobs", Model: m, Document: jobsDocument(rows, at)}, nil
}

// glance is what is known of a job of the list. It waits for nothing: what is missing comes with the next event.
func (s *Server) glance(ctx context.Context, j store.Job) *view.State {
	older := listEvery
	if j.State == store.Done || j.State == store.Cancelled {
		older = overEvery
	}
	read := s.looks.of(j.ID).get(quick(ctx), older)
	if !read.Known {
		return nil
	}
	return &read.Value.State
}

func lineOf(row jobRow) jobLine {
	l := jobLine{ID: row.ID, Handler: row.Handler, Label: oneLine(row.Label, 80), State: string(row.Job.State), Created: stamp(row.Created), Settled: "of " + progress.Count(row.N)}
	s := row.State
	if s == nil {
		return l
	}
	l.Known, l.Handler, l.State, l.Bar = true, s.Handler, stateWord(*s), barOf(s.Tasks)
	l.Settled = progress.Count(s.Tasks.Done()) + " of " + progress.Count(s.Tasks.Total)
	if s.Pace.ETA != nil {
		l.ETA = view.Clock(s.Pace.ETA.Likely)
	}
	if s.Over() {
		l.ETA = "took " + view.Clock(s.Ended.Sub(s.Created))
	}
	if m := s.Money; m.Known {
		l.Spent = m.Spent.Short()
		if m.Estimate != nil && !m.Partial {
			l.Planned = "est. " + m.Estimate.Likely.Short()
		}
		if m.Cap > 0 {
			l.Planned = join(l.Planned, "cap "+m.Cap.Short())
		}
	}
	return l
}

// jobsJSON is the list of jobs.
type jobsJSON struct {
	Schema string     `json:"schema"`
	Total  int        `json:"total"`
	From   int        `json:"from"`
	Jobs   []jobEntry `json:"jobs"`
}

type jobEntry struct {
	Job     string      `json:"job"`
	Handler string      `json:"handler"`
	Label   string      `json:"label,omitempty"`
	State   store.State `json:"state"`
	Tasks   int         `json:"tasks"`
	Created time.Time   `json:"created"`
	// View is left out until somebody has looked at the job.
	View *view.State `json:"view,omitempty"`
}

func jobsDocument(rows []jobRow, at pages) jobsJSON {
	out := jobsJSON{Schema: "starburst.jobs/v1", Total: at.Total, From: at.From, Jobs: []jobEntry{}}
	for _, r := range rows {
		out.Jobs = append(out.Jobs, jobEntry{r.ID, r.Handler, r.Label, r.Job.State, r.N, r.Created, r.State})
	}
	return out
}

// pages is a part of a list: rows From to To of Total, and the addresses of those beside it.
type pages struct {
	From, To, Total, Number, Last int
	Before, After                 string
}

// paged is the part of a list that ?page= asks for, 1 being the first.
func paged(r *http.Request, total, each int) pages {
	last := max(1, (total+each-1)/each)
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil {
		n = 1
	}
	n = min(max(n, 1), last)
	p := pages{From: min((n-1)*each, total), To: min(n*each, total), Total: total, Number: n, Last: last}
	if n > 1 {
		p.Before = "?page=" + strconv.Itoa(n-1)
	}
	if n < last {
		p.After = "?page=" + strconv.Itoa(n+1)
	}
	return p
}
