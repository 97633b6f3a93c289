package ui

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

// maxID bounds the name of a job in an address.
const maxID = 200

// head is what all pages of a job begin with.
type head struct {
	ID, Handler, Label, State, Why string
	Bar                            bar
	OK, Failed, Left               string
	Created, Time, Fleet           string
	// Loading says that nobody has looked yet, Trouble that this is an old look, and why.
	Loading bool
	Trouble string
	// CanRetry and CanCancel say which buttons there are.
	CanRetry, CanCancel bool
	FailedTasks         int
}

// jobModel is what the pages of a job show.
type jobModel struct {
	Head   head
	Notice notice
	look
	// Of the page of the job itself.
	Cards      []card
	Waves      []waveLine
	Stragglers []stragglerLine
	Errors     []view.Failure
	MoreErrors int
	// Of the others.
	Groups    failuresModel
	Workers   workersModel
	Decisions decisionsModel
}

// card is one figure.
type card struct{ Label, Value, Note, Class string }

type waveLine struct{ At, Size, Came, Tasks, Start, Cost, Binding string }

type stragglerLine struct{ Worker, For, Times string }

// watch is what all pages of a job begin with: the look at it.
func (s *Server) watch(ctx context.Context, r *http.Request) (*jobModel, error) {
	id := r.PathValue("job")
	if len(id) > maxID {
		return nil, noSuchJob(id[:20] + "…")
	}
	read := s.looks.of(id).get(ctx, s.cfg.Every)
	switch {
	case notFound(read.Err):
		return nil, noSuchJob(id)
	case read.Err != nil && !read.Known:
		return nil, read.Err
	}
	m := &jobModel{look: read.Value, Notice: s.deeds.of(id)}
	m.Head = s.headOf(id, m.State)
	m.Head.Loading = !read.Known
	if read.Err != nil {
		m.Head.Trouble = read.Err.Error()
	}
	return m, nil
}

func noSuchJob(id string) error {
	return problem{http.StatusNotFound, "There is no job " + id, "It may have expired, or belong to another stack. Names are told apart by case."}
}

func (s *Server) headOf(id string, st view.State) head {
	h := head{ID: id}
	if st.Job == "" {
		h.Loading, h.Handler, h.State = true, id, "reading"
		return h
	}
	h.Handler, h.Label, h.State, h.Why, h.Fleet = st.Handler, oneLine(st.Label, 120), stateWord(st), oneLine(st.Why, 300), st.Fleet
	h.Bar, h.Created = barOf(st.Tasks), stamp(st.Created)
	h.OK, h.Failed, h.Left = progress.Count(st.Tasks.OK), progress.Count(st.Tasks.Failed), progress.Count(st.Tasks.Left)
	h.Time = "for " + view.Clock(st.At.Sub(st.Created))
	if st.Over() {
		h.Time = "after " + view.Clock(st.Ended.Sub(st.Created))
	}
	h.FailedTasks = st.Tasks.Failed
	h.CanRetry = s.cfg.Retry != nil && st.Tasks.Failed > 0 && st.State != store.Cancelled
	h.CanCancel = s.cfg.Cancel != nil && !st.Over()
	return h
}

// schema is the name of a job's state in JSON.
const schema = "starburst.view/v1"

// jobJSON is a job's state, with what the page of the job has beside it.
type jobJSON struct {
	Schema string `json:"schema"`
	view.State
	Stragglers []view.Straggler `json:"stragglers"`
	Series     *chartsJSON      `json:"series,omitempty"`
}

// shownStragglers and shownErrors are how many the page of the job has room for.
const (
	shownStragglers = 8
	shownErrors     = 4
)

func (s *Server) jobPage(ctx context.Context, r *http.Request) (content, error) {
	m, err := s.watch(ctx, r)
	if err != nil {
		return content{}, err
	}
	c := content{Title: title(m), Job: m.Head.ID, Tab: "job", Model: m, Slow: m.State.Over()}
	slow := view.StragglersOf(m.State, shownStragglers)
	doc := jobJSON{Schema: schema, State: m.State, Stragglers: slow}
	if !m.Head.Loading {
		charts := chartsOf(m.look)
		m.Cards, m.Waves = cardsOf(m.State), waveLines(m.State)
		for _, w := range slow {
			m.Stragglers = append(m.Stragglers, stragglerLine{oneLine(w.Worker, maxID), view.Brief(w.For), fmt.Sprintf("%.1f × the median", w.Times)})
		}
		groups := m.State.Failures.Groups
		m.Errors, m.MoreErrors = groups[:min(len(groups), shownErrors)], max(0, len(groups)-shownErrors)
		c.Charts, doc.Series = charts, &charts
	}
	c.Document = doc
	return c, nil
}

func title(m *jobModel) string {
	if m.Head.Loading {
		return m.Head.ID
	}
	return m.Head.Bar.Text + " " + m.Head.Handler
}

func cardsOf(s view.State) []card {
	t, w := s.Tasks, s.Workers
	cards := []card{{"Tasks settled", progress.Count(t.Done()), "of " + progress.Count(t.Total) + sentNote(t), ""}}
	pace := card{Label: "Rate", Value: "–", Note: "not known yet"}
	if s.Pace.PerSecond > 0 {
		pace.Value, pace.Note = progress.Rate(s.Pace.PerSecond), "expected of the busy slots"
		if s.Over() {
			pace.Note = "from beginning to end"
		} else if s.Pace.Over > 0 {
			pace.Note = "in the last " + view.Brief(s.Pace.Over)
		}
	}
	left := card{Label: "Time left", Value: "–", Note: "not known yet"}
	switch e := s.Pace.ETA; {
	case s.Over():
		left = card{Label: "Took", Value: view.Clock(s.Ended.Sub(s.Created)), Note: "from submission to the last result"}
	case e != nil && e.High > 0:
		left.Value, left.Note = view.Clock(e.Likely), view.Clock(e.Low)+" to "+view.Clock(e.High)
	case e != nil:
		left.Value, left.Note = view.Clock(e.Likely), "at least "+view.Clock(e.Low)
	}
	fleet := card{Label: "Workers busy", Value: progress.Count(w.Busy), Note: workersNote(w)}
	if s.Over() {
		fleet = card{Label: "Workers", Value: progress.Count(len(w.Spans)), Note: "worked for it"}
	}
	failed := card{Label: "Failed", Value: progress.Count(t.Failed), Note: "none so far"}
	if t.Failed > 0 {
		failed.Note, failed.Class = progress.Count(len(s.Failures.Groups))+" kinds", "bad"
		if len(s.Failures.Groups) == 1 {
			failed.Note = s.Failures.Groups[0].Kind
		}
		if t.Retrying > 0 {
			failed.Note = progress.Count(t.Retrying) + " being run again"
		}
	} else if s.Over() {
		failed.Note = "none"
	}
	cards = append(cards, pace, left, fleet, failed)
	if s.Money.Known {
		cards = append(cards, moneyCard(s))
	}
	return cards
}

func sentNote(t view.Tasks) string {
	if t.Enqueued < t.Total {
		return ", " + progress.Count(t.Enqueued) + " sent"
	}
	return ""
}

func workersNote(w view.Workers) string {
	note := fmt.Sprintf("%d idle, %d starting", w.Idle, w.Starting)
	if w.Desired > 0 {
		note += fmt.Sprintf(", %d wanted", w.Desired)
	}
	if w.Silent > 0 {
		note += fmt.Sprintf(", %d silent", w.Silent)
	}
	return note
}

func moneyCard(s view.State) card {
	m := s.Money
	c := card{Label: "Cost", Value: m.Spent.Short()}
	var notes []string
	if m.Local {
		notes = append(notes, "as if on Fargate")
	}
	if e := m.Estimate; e != nil && !m.Partial {
		notes = append(notes, "estimate "+e.Low.Short()+" to "+e.High.Short())
	}
	if !s.Over() && m.Expected > m.Spent {
		notes = append(notes, "about "+m.Expected.Short()+" at the end")
	}
	if m.Cap > 0 {
		notes = append(notes, "cap "+m.Cap.Short())
	}
	if m.Cap > 0 && m.Expected > m.Cap {
		c.Class = "bad"
	}
	c.Note = strings.Join(notes, ", ")
	return c
}

func waveLines(s view.State) []waveLine {
	out := make([]waveLine, len(s.Waves))
	for i, w := range s.Waves {
		start := "–"
		if !w.Complete.IsZero() {
			start = view.Brief(w.Complete.Sub(w.At))
		}
		out[i] = waveLine{At: w.At.Local().Format("15:04:05"), Size: fmt.Sprintf("%d → %d", w.From, w.To), Came: strconv.Itoa(w.Came) + " of " + strconv.Itoa(w.Asked),
			Tasks: progress.Count(int(w.Tasks)), Start: start, Cost: w.Cost.Short(), Binding: oneLine(w.Binding, 60)}
	}
	return out
}
