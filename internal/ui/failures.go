package ui

import (
	"context"
	"net/http"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
)

type failuresModel struct {
	Failed, Seen, Others string
	Sampled              bool
	Groups               []groupLine
}

// groupLine is a group of failures alike.
type groupLine struct {
	view.Failure
	N     string
	Width string // of its bar, in percent of the largest group
	Key   string
}

// failuresJSON is what failed of a job.
type failuresJSON struct {
	Schema   string        `json:"schema"`
	Job      string        `json:"job"`
	Failed   int           `json:"failed"`
	Retrying int           `json:"retrying,omitempty"`
	Failures view.Failures `json:"failures"`
}

func (s *Server) failuresPage(ctx context.Context, r *http.Request) (content, error) {
	m, err := s.watch(ctx, r)
	if err != nil {
		return content{}, err
	}
	f, t := m.State.Failures, m.State.Tasks
	m.Groups = failuresModel{Failed: progress.Count(t.Failed), Seen: progress.Count(f.Seen), Others: progress.Count(f.Others), Sampled: f.Seen < t.Failed}
	for _, g := range f.Groups {
		m.Groups.Groups = append(m.Groups.Groups, groupLine{g, progress.Count(g.Count), barOf(view.Tasks{Total: f.Groups[0].Count, Failed: g.Count}).Failed, hashOf(g.Kind + "\x00" + g.Pattern)})
	}
	return content{Title: "Failures of " + m.Head.Handler, Job: m.Head.ID, Tab: "failures", Model: m, Slow: m.State.Over(),
		Document: failuresJSON{"starburst.failures/v1", m.Head.ID, t.Failed, t.Retrying, f}}, nil
}
