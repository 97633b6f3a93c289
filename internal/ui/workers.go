package ui

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
)

const (
	workersPerPage = 50
	// ganttRows is how many rows can be told apart on a screen.
	ganttRows = 200
	// thinRows is how many are too thin to have something drawn in them.
	thinRows = 100
)

type workersModel struct {
	Lines []workerLine
	Pages pages
}

// workerLine is a worker in words.
type workerLine struct{ Worker, State, Kind, Wave, Launched, Ready, Life, Slots, OK, Failed, Busy, Cost string }

// workersJSON is the workers of a job.
type workersJSON struct {
	Schema  string       `json:"schema"`
	Job     string       `json:"job"`
	Total   int          `json:"total"`
	From    int          `json:"from"`
	Now     view.Workers `json:"now"`
	Workers []workerJSON `json:"workers"`
	Gantt   *ganttJSON   `json:"gantt,omitempty"`
}

type workerJSON struct {
	Worker   string       `json:"worker"`
	Wave     string       `json:"wave,omitempty"`
	Provider string       `json:"provider"`
	Launched time.Time    `json:"launched"`
	Ready    time.Time    `json:"ready"`
	End      time.Time    `json:"end"`
	Slots    int          `json:"slots"`
	OK       int64        `json:"ok"`
	Failed   int64        `json:"failed"`
	Busy     float64      `json:"busy_share"`
	Cost     cost.PicoUSD `json:"cost_pico_usd"`
	State    string       `json:"state"`
}

// ganttJSON is a drawing of workers' lives: a row each, or one for Each of them that were launched one after the other.
type ganttJSON struct {
	Caption string  `json:"caption"`
	Length  float64 `json:"length"`
	Each    int     `json:"each"`
	// Shaded rows are too thin to fill a part of them: the part is how deep their colour is.
	Shaded bool       `json:"shaded,omitempty"`
	Rows   []ganttRow `json:"rows"`
}

// ganttRow has its times in seconds since the job's creation.
type ganttRow struct {
	Launched float64 `json:"launched"`
	Ready    float64 `json:"ready"`
	End      float64 `json:"end"`
	Busy     float64 `json:"busy"`
	Lost     int     `json:"lost,omitempty"`
	Text     string  `json:"text"`
}

func (s *Server) workersPage(ctx context.Context, r *http.Request) (content, error) {
	m, err := s.watch(ctx, r)
	if err != nil {
		return content{}, err
	}
	spans := m.State.Workers.Spans
	at := paged(r, len(spans), workersPerPage)
	m.Workers.Pages = at
	doc := workersJSON{Schema: "starburst.workers/v1", Job: m.Head.ID, Total: at.Total, From: at.From, Now: m.State.Workers, Workers: []workerJSON{}}
	for _, w := range spans[at.From:at.To] {
		m.Workers.Lines = append(m.Workers.Lines, workerLineOf(w))
		doc.Workers = append(doc.Workers, workerJSON{oneLine(w.Worker, maxID), w.Wave, w.Provider, w.Launched, w.Ready, w.End, w.Slots, w.OK, w.Failed, w.Share(), w.Cost, spanState(w)})
	}
	c := content{Title: "Workers of " + m.Head.Handler, Job: m.Head.ID, Tab: "workers", Model: m, Slow: m.State.Over()}
	if !m.Head.Loading {
		g := ganttOf(m.look)
		c.Charts, doc.Gantt = map[string]any{"gantt": g}, &g
	}
	c.Document = doc
	return c, nil
}

func spanState(w view.Span) string {
	switch {
	case w.Lost:
		return "lost"
	case w.Alive && w.Running > 0:
		return "busy"
	case w.Alive:
		return "idle"
	}
	return "ended"
}

func workerLineOf(w view.Span) workerLine {
	return workerLine{Worker: oneLine(w.Worker, maxID), State: spanState(w), Kind: kind(w.Provider), Wave: w.Wave, Launched: w.Launched.Local().Format("15:04:05"),
		Ready: view.Brief(w.Ready.Sub(w.Launched)), Life: view.Clock(w.End.Sub(w.Launched)), Slots: progress.Count(w.Slots),
		OK: progress.Count(int(w.OK)), Failed: progress.Count(int(w.Failed)), Busy: fmt.Sprintf("%.0f %%", 100*w.Share()), Cost: w.Cost.Short()}
}

func kind(provider string) string {
	switch provider {
	case cost.Fargate:
		return "Fargate"
	case cost.FargateSpot:
		return "Fargate Spot"
	case cost.Local:
		return "local"
	}
	return oneLine(provider, 20)
}

func ganttOf(l look) ganttJSON {
	lanes, each := view.LanesOf(l.State.Workers.Spans, ganttRows)
	g := ganttJSON{Length: l.since(l.Series.To), Each: each, Shaded: len(lanes) > thinRows, Rows: make([]ganttRow, len(lanes))}
	g.Caption = ganttCaption(g, len(l.State.Workers.Spans))
	for i, b := range lanes {
		text := fmt.Sprintf("%s: %s ok, %s failed, busy %.0f %%, %s", oneLine(b.Worker, maxID), progress.Count(int(b.OK)), progress.Count(int(b.Failed)), 100*b.BusyShare, b.Cost.Short())
		if b.Workers > 1 {
			text = fmt.Sprintf("%d workers from ", b.Workers) + text
		}
		if b.Lost > 0 {
			text += fmt.Sprintf("; %d ended without a word", b.Lost)
		}
		g.Rows[i] = ganttRow{l.since(b.Launched), l.since(b.Ready), l.since(b.End), b.BusyShare, b.Lost, text}
	}
	return g
}

func ganttCaption(g ganttJSON, workers int) string {
	if workers == 0 {
		return "No worker has worked for this job yet."
	}
	rows := "A row is a worker, in the order of their launch."
	if g.Each > 1 {
		rows = fmt.Sprintf("%s workers, %d to a row, in the order of their launch.", progress.Count(workers), g.Each)
	}
	if g.Shaded {
		return rows + " The deeper its colour, the larger the part of the slots' time that was spent on this job."
	}
	return rows + " The part of its height that is filled is the part of the slots' time that was spent on this job."
}
