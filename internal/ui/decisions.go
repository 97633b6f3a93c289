package ui

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

const decisionsPerPage = 50

type decisionsModel struct {
	Lines []decisionLine
	Pages pages
	// All lists also those that changed nothing and were bound by what the one before was.
	All           bool
	Every, Chosen string // addresses of both kinds of list
}

// decisionLine is a decision in words.
type decisionLine struct{ At, Change, Direction, Queue, Fleet, Binding, Reason string }

// decisionsJSON is the autoscaler's decisions, the newest first.
type decisionsJSON struct {
	Schema    string         `json:"schema"`
	Job       string         `json:"job"`
	Total     int            `json:"total"`
	From      int            `json:"from"`
	Decisions []decisionJSON `json:"decisions"`
}

type decisionJSON struct {
	At       time.Time `json:"at"`
	Visible  int64     `json:"visible"`
	InFlight int64     `json:"in_flight"`
	Delayed  int64     `json:"delayed"`
	Backlog  int64     `json:"backlog_tasks"`
	Running  int       `json:"running"`
	Busy     int       `json:"busy"`
	Desired  int       `json:"desired"`
	Want     int       `json:"want"`
	Binding  string    `json:"binding,omitempty"`
	Reason   string    `json:"reason"`
}

func (s *Server) decisionsPage(ctx context.Context, r *http.Request) (content, error) {
	m, err := s.watch(ctx, r)
	if err != nil {
		return content{}, err
	}
	all := r.URL.Query().Get("all") == "1"
	chosen := decisionsOf(m.look, all)
	at := paged(r, len(chosen), decisionsPerPage)
	m.Decisions = decisionsModel{Pages: at, All: all, Every: "?all=1", Chosen: "?"}
	if all {
		for _, link := range []*string{&m.Decisions.Pages.Before, &m.Decisions.Pages.After} {
			if *link != "" {
				*link += "&all=1"
			}
		}
	}
	doc := decisionsJSON{Schema: "starburst.decisions/v1", Job: m.Head.ID, Total: at.Total, From: at.From, Decisions: []decisionJSON{}}
	for _, d := range chosen[at.From:at.To] {
		m.Decisions.Lines = append(m.Decisions.Lines, decisionLineOf(d))
		doc.Decisions = append(doc.Decisions, decisionJSON{d.At, d.Visible, d.InFlight, d.Delayed, d.Backlog, d.Running, d.Busy, d.Desired, d.Want, oneLine(d.Binding, 60), oneLine(d.Reason, 1000)})
	}
	return content{Title: "Autoscaler, " + m.Head.Handler, Job: m.Head.ID, Tab: "decisions", Model: m, Document: doc, Slow: m.State.Over()}, nil
}

// decisionsOf are those of the job's time, the newest first: all, or those that changed something or were bound by something else than the one before.
func decisionsOf(l look, all bool) []store.Decision {
	var out []store.Decision
	last := "?"
	for _, d := range l.Decisions {
		if d.At.Before(l.Series.From) || d.At.After(l.Series.To) || !all && d.Want == d.Desired && d.Binding == last {
			continue
		}
		last = d.Binding
		out = append(out, d)
	}
	slices.Reverse(out)
	return out
}

func decisionLineOf(d store.Decision) decisionLine {
	l := decisionLine{At: d.At.Local().Format("15:04:05"), Change: fmt.Sprintf("%d → %d", d.Desired, d.Want), Binding: oneLine(d.Binding, 60), Reason: oneLine(d.Reason, 1000),
		Queue: fmt.Sprintf("%s waiting, %s in flight", progress.Count(int(d.Visible)), progress.Count(int(d.InFlight))), Fleet: fmt.Sprintf("%d running, %d busy", d.Running, d.Busy)}
	switch {
	case d.Want > d.Desired:
		l.Direction = "up"
	case d.Want < d.Desired:
		l.Direction = "down"
	default:
		l.Change = strconv.Itoa(d.Want)
	}
	return l
}
