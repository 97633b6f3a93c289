package ui

import (
	"context"
	"net/http"
	"time"

	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/progress"
)

const (
	// listedDead is how many messages are looked at: each look receives all of them, and makes them visible again.
	listedDead = 200
	// A look at the messages counts as a delivery of each, so that they are read again only when somebody loads the page again, and not before deadEvery.
	deadEvery = 15 * time.Second
	// countEvery is the least time between two counts of the queue.
	countEvery = 5 * time.Second
)

// deadRow is a dead message.
type deadRow struct {
	Message  string    `json:"message"`
	Sent     time.Time `json:"sent"`
	Receives int       `json:"receives"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail,omitempty"`
	Handler  string    `json:"handler,omitempty"`
	Job      string    `json:"job,omitempty"`
	Tasks    int       `json:"tasks,omitempty"`
}

// deadModel is what the page of the dead-letter queue shows.
type deadModel struct {
	Notice  notice
	Rows    []deadLine
	Count   int
	Counted bool
	Loading bool
	Trouble string
	// Cut says that there are more than are listed.
	Cut        bool
	CanRedrive bool
}

type deadLine struct{ Message, Sent, Receives, Reason, Detail, Handler, Job, Tasks string }

// deadJSON is the dead-letter queue.
type deadJSON struct {
	Schema   string    `json:"schema"`
	Count    int       `json:"count"`
	Messages []deadRow `json:"messages"`
	Redrive  *deedJSON `json:"redrive,omitempty"`
}

func (s *Server) deadQueue(ctx context.Context) (DeadLetters, error) {
	if s.cfg.Dead == nil {
		return nil, problem{http.StatusNotFound, "There is no dead-letter queue", "The stack names none."}
	}
	return s.cfg.Dead(ctx)
}

func (s *Server) readDead(ctx context.Context, _ time.Time) ([]deadRow, error) {
	q, err := s.deadQueue(ctx)
	if err != nil {
		return nil, err
	}
	all, err := q.List(ctx, listedDead)
	if err != nil {
		return nil, err
	}
	if err := dlq.Explain(ctx, s.cfg.Store, all); err != nil {
		return nil, err
	}
	rows := make([]deadRow, len(all))
	for i, m := range all {
		rows[i] = deadRowOf(m)
	}
	return rows, nil
}

func deadRowOf(m dlq.Message) deadRow {
	row := deadRow{Message: m.ID, Sent: m.Sent, Receives: m.Receives, Reason: "not recorded"}
	if m.Err != nil {
		row.Detail = oneLine(m.Err.Error(), 300)
	}
	if r := m.Record; r != nil {
		row.Reason, row.Detail = oneLine(r.Reason, 60), oneLine(r.Detail, 300)
	}
	if m.Decoded != nil {
		row.Handler, row.Job, row.Tasks = oneLine(m.Decoded.Handler, 60), oneLine(m.Decoded.Job, 60), m.Decoded.Len()
	}
	return row
}

func (s *Server) countDead(ctx context.Context, _ time.Time) (int, error) {
	q, err := s.deadQueue(ctx)
	if err != nil {
		return 0, err
	}
	return q.Count(ctx)
}

// deadPage lists messages when it is loaded, and counts them while it is watched.
func (s *Server) deadPage(ctx context.Context, r *http.Request) (content, error) {
	deed := s.deeds.of(redrive)
	older := time.Hour
	if !isAPI(r) || r.URL.Path[:5] == "/api/" {
		older = deadEvery
	}
	counting := countEvery
	if deed.Running {
		older, counting = time.Hour, s.cfg.Every // a look would hide what is being moved
	}
	count, list := s.count.get(ctx, counting), s.dead.get(ctx, older)
	if list.Err != nil && !list.Known {
		return content{}, list.Err
	}
	m := deadModel{Notice: deed, Count: count.Value, Counted: count.Known && count.Err == nil, Loading: !list.Known, Cut: len(list.Value) >= listedDead,
		CanRedrive: !s.cfg.ReadOnly && !deed.Running && (count.Value > 0 || len(list.Value) > 0)}
	if err := list.Err; err != nil {
		m.Trouble = err.Error()
	}
	for _, d := range list.Value {
		line := deadLine{d.Message, stamp(d.Sent), progress.Count(d.Receives), d.Reason, d.Detail, d.Handler, d.Job, ""}
		if d.Tasks > 0 {
			line.Tasks = progress.Count(d.Tasks)
		}
		m.Rows = append(m.Rows, line)
	}
	doc := deadJSON{Schema: "starburst.dead/v1", Count: count.Value, Messages: append([]deadRow{}, list.Value...), Redrive: deed.document()}
	return content{Title: "Dead letters", Tab: "dead", Model: m, Document: doc}, nil
}
