package ui

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/cost"
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
)

// jobRow is a job of the list.
type jobRow struct {
	view.JobRow
	// View is a look at a job that runs; nil until somebody has looked.
	View *view.State `json:"view,omitempty"`
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
}

func (s *Server) readJobs(ctx context.Context, now time.Time) ([]view.JobRow, error) {
	var rows []view.JobRow
	bills := s.cfg.Bills
	bills.Now = now
	for r, err := range view.Jobs(ctx, s.cfg.Store, bills, now.Add(-listedSince)) {
		if err != nil {
			return nil, err
		}
		if rows = append(rows, r); len(rows) == maxListed {
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
	for _, r := range read.Value[at.From:at.To] {
		row := jobRow{JobRow: r, View: s.glance(ctx, r)}
		rows = append(rows, row)
		m.Rows = append(m.Rows, lineOf(row))
	}
	m.Pages = at
	return content{Title: "Jobs", Tab: "jobs", Model: m, Document: jobsJSON{"starburst.jobs/v1", at.Total, at.From, rows}}, nil
}

// glance is a look at a job of the list that runs, or has failures that may be run again. It waits for nothing: what is missing
// comes with the next event.
func (s *Server) glance(ctx context.Context, r view.JobRow) *view.State {
	if r.State == store.Done || r.State == store.Cancelled {
		return nil
	}
	read := s.looks.of(r.Job).get(quick(ctx), listEvery)
	if !read.Known {
		return nil
	}
	return &read.Value.State
}

func lineOf(r jobRow) jobLine {
	t := view.Tasks{Total: r.Tasks, OK: r.OK, Failed: r.Failed, Left: r.Missing}
	l := jobLine{ID: r.Job, Handler: r.Handler, Label: oneLine(r.Label, 80), Created: stamp(r.Created)}
	var spent *cost.PicoUSD
	if r.Spent != nil {
		spent = r.Spent
	}
	if v := r.View; v != nil {
		t, l.State = v.Tasks, stateWord(*v)
		if v.Pace.ETA != nil {
			l.ETA = view.Clock(v.Pace.ETA.Likely)
		}
		if v.Over() {
			l.ETA = "took " + view.Clock(v.Ended.Sub(v.Created))
		}
		if m := v.Money; m.Known {
			spent = &m.Spent
			if m.Estimate != nil && !m.Partial {
				l.Planned = "est. " + m.Estimate.Likely.Short()
			}
		}
	} else {
		l.State = stateWord(view.State{State: r.State, Tasks: t, Ended: r.Finished})
		if !r.Finished.IsZero() {
			l.ETA = "took " + view.Clock(r.Finished.Sub(r.Created))
		}
	}
	if spent != nil {
		l.Spent = spent.Short()
	}
	if r.Cap > 0 {
		l.Planned = join(l.Planned, "cap "+r.Cap.Short())
	}
	l.Bar, l.Settled = barOf(t), progress.Count(t.Done())+" of "+progress.Count(t.Total)
	return l
}

// jobsJSON is the list of jobs.
type jobsJSON struct {
	Schema string   `json:"schema"`
	Total  int      `json:"total"`
	From   int      `json:"from"`
	Jobs   []jobRow `json:"jobs"`
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
