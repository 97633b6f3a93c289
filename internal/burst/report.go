package burst

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/report"
	"github.com/starburst-go/starburst/internal/view"
)

// ReportFile is where a report goes, and as what.
type ReportFile struct {
	Name   string
	Format report.Format
}

// ParseReportFile takes the format from the file's name. Its folder must exist.
func ParseReportFile(name string) (ReportFile, error) {
	format, known := report.FormatOf(name)
	if !known {
		return ReportFile{}, exit.Errorf(exit.Usage, "the format of the report %q is not known", name).WithHint("a name that ends in .html, .md or .svg")
	}
	if dir, err := os.Stat(filepath.Dir(name)); err != nil || !dir.IsDir() {
		return ReportFile{}, exit.Errorf(exit.Usage, "there is no folder %s for the report", filepath.Dir(name))
	}
	return ReportFile{name, format}, nil
}

// reports are those that a session is to write. The zero value is ready to use.
type reports struct {
	writing errgroup.Group

	mu    sync.Mutex            // protects files
	files map[string]ReportFile // by job
}

// file is where a job's report goes; false when nobody wants one.
func (r *reports) file(job string) (ReportFile, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, wanted := r.files[job]
	return f, wanted
}

// ReportTo has the report of a job written when it was followed to its end, beside whatever the caller does then. Close waits for it, and
// says if it could not be written.
func (s *Session) ReportTo(job string, f ReportFile) {
	s.reports.mu.Lock()
	defer s.reports.mu.Unlock()
	if s.reports.files == nil {
		s.reports.files = map[string]ReportFile{}
	}
	s.reports.files[job] = f
}

// beginReport writes the report of a job that is over, if somebody wants one.
func (s *Session) beginReport(ctx context.Context, job string) {
	f, wanted := s.reports.file(job)
	if !wanted {
		return
	}
	s.reports.writing.Go(func() error {
		var out bytes.Buffer
		seen, err := s.report(ctx, job, f.Format, "", &out)
		if err == nil {
			err = os.WriteFile(f.Name, out.Bytes(), 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the report of job %s: %w", job, err)
		}
		if s.cfg.LastLine {
			s.cfg.notef("report: %s%s", f.Name, view.Cost(seen))
		}
		return nil
	})
}

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
	_, err := s.report(ctx, id, f, state, w)
	return err
}

func (s *Session) report(ctx context.Context, id string, f report.Format, state string, w io.Writer) (seen view.State, err error) {
	if _, err := s.find(ctx, id); err != nil {
		return seen, err
	}
	look, err := s.Looker(id)
	if err != nil {
		return seen, err
	}
	look.Exact = true
	within, every := wordWithin, wordEvery
	if s.stack.Endpoint != "" {
		within, every = laptopWordWithin, laptopWordEvery
	}
	seen, err = look.Look(ctx, time.Now())
	for err == nil && seen.Over() && !seen.Told() && time.Since(seen.Ended) < within {
		if err := sleep(ctx, every); err != nil {
			return seen, err
		}
		seen, err = look.Look(ctx, time.Now())
	}
	if err != nil {
		return seen, err
	}
	r := report.New(look.Input(), seen)
	if name := cmp.Or(s.state, state); name != "" {
		r.Retry = "starburst retry --failed --state " + name + " " + id
	}
	return seen, r.Write(w, f)
}
