package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/store"
)

func statusCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "status",
		Usage:     "show jobs, or one job in short",
		UsageText: "starburst status            the jobs of the last week, as starburst jobs ls\nstarburst status JOB        one job; exits with 8 while it is not done",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "since", Value: listedSince, Usage: "how far back to list"},
			stateFlag(),
		}, listFlags()),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return listJobs(c)
			}
			id, err := oneArgument(c, "JOB")
			if err != nil {
				return err
			}
			if o := listing.Format(c.String("output")); o != listing.Table && o != listing.JSON || c.IsSet("columns") || c.IsSet("no-headers") {
				return exit.Errorf(exit.Usage, "one job is no list: -o %s, --columns and --no-headers are of lists", o).WithHint("starburst status %s -o table, or -o json", id)
			}
			s, err := openToRead(c)
			if err != nil {
				return err
			}
			return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error { return showJob(ctx, c, s, id) })
		},
	})
}

// jobLine is the JSON form of a job's state.
type jobLine struct {
	Job       string    `json:"job"`
	State     string    `json:"state"`
	Handler   string    `json:"handler"`
	Tasks     int       `json:"tasks"`
	Enqueued  int       `json:"enqueued"`
	OK        int       `json:"ok"`
	Failed    int       `json:"failed"`
	Missing   int       `json:"missing"`
	Retrying  int       `json:"retrying,omitempty"` // of the failed ones
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Label     string    `json:"label,omitempty"`
	CostPico  int64     `json:"cost_pico_usd"`
	CostNotes []string  `json:"cost_notes,omitempty"`
	// MissingIndices names the tasks of a stranded job that have no result, as "7" or "7-9"; at most namedRanges of them.
	MissingIndices []string `json:"missing_indices,omitempty"`
}

// stateStranded is the state of a job with tasks that have no result and that no message carries. It is seen, not
// stored: submitting the job again is all that it takes to end it.
const stateStranded = "stranded"

// namedRanges bounds how many ranges of indices are named; in the table, of which people read less, a tenth of them.
const namedRanges = 1000

func namesOf(missing []store.Range) []string {
	var names []string
	for _, r := range missing[:min(len(missing), namedRanges)] {
		names = append(names, r.String())
	}
	return names
}

func lineOf(j store.Job) jobLine {
	return jobLine{
		Job: j.ID, State: string(j.State), Handler: j.Handler, Tasks: j.N, Enqueued: j.Confirmed,
		Created: j.Created.UTC(), Expires: j.Expires.UTC(), Label: j.Label,
	}
}

func showJob(ctx context.Context, c *cli.Context, s *burst.Session, id string) error {
	job, err := s.Attach(ctx, id)
	if err != nil {
		return err
	}
	count, err := s.Store().Recount(ctx, job)
	if err != nil {
		return err
	}
	line := lineOf(job)
	line.OK, line.Failed, line.Missing, line.Retrying = count.OK, count.Failed, job.N-count.OK-count.Failed, count.Retrying
	if line.Missing == 0 && line.Retrying == 0 && (job.State == store.Sealed || job.State == store.Open) {
		s.MarkDone(ctx, job) // nobody waited for it
		line.State = string(store.Done)
	}
	lost := line.Missing > 0 && job.State != store.Cancelled && stranded(ctx, s)
	if lost {
		line.State, line.MissingIndices = stateStranded, namesOf(count.Missing)
	}
	cost, err := jobCost(ctx, s, id)
	if err != nil {
		return err
	}
	line.CostPico, line.CostNotes = cost.pico, cost.notes
	if isJSON(c) {
		err = printDocument(c, "status", line)
	} else {
		err = printJobTable(c.App.Writer, line, cost)
	}
	switch {
	case err != nil:
		return err
	case job.State == store.Cancelled:
		return nil
	case lost:
		return exit.Errorf(exit.Pending, "%s of %s tasks have no result, and the queue holds no message for them", progress.Count(line.Missing), progress.Count(job.N)).
			WithHint("submit the same input again with --job %s: only what has no result is sent", id)
	case line.Missing > 0:
		return exit.Errorf(exit.Pending, "%s of %s tasks have no result yet", progress.Count(line.Missing), progress.Count(job.N)).WithHint("starburst results --wait %s", id)
	case line.Retrying > 0 && job.State != store.Done:
		return exit.Errorf(exit.Pending, "%s failed tasks are being run again", progress.Count(line.Retrying))
	case line.Failed > 0:
		return exit.Errorf(exit.TasksFail, "%d of %d tasks failed", line.Failed, job.N).WithHint("starburst results --failed %s", id)
	}
	return nil
}

// stranded reports whether the fleet's autoscaler has just found that ledgers name tasks which no message carries. Who cannot tell says no.
func stranded(ctx context.Context, s *burst.Session) bool {
	now := time.Now()
	last, err := lastDecisions(ctx, s, now.Add(-5*time.Minute), now, 1, false)
	return err == nil && len(last) == 1 && autoscale.Binding(last[0].Binding) == autoscale.BindStranded
}

type costNote struct {
	pico  int64
	text  string
	notes []string
}

// jobCost is what `starburst cost` says of the job, in short.
func jobCost(ctx context.Context, s *burst.Session, id string) (costNote, error) {
	bills, err := s.Bills()
	if err != nil {
		return costNote{}, err
	}
	b, err := bills.Job(ctx, id)
	if err != nil || b.Statement.Total == 0 {
		return costNote{}, err
	}
	return costNote{pico: int64(b.Statement.Total), text: b.Statement.Total.Short(), notes: b.Statement.Assumptions}, nil
}

func printJobTable(w io.Writer, j jobLine, cost costNote) error {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0) // Flush has the error of every line
	row := func(k, format string, args ...any) {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", k, fmt.Sprintf(format, args...))
	}
	row("job", "%s", j.Job)
	row("state", "%s", j.State)
	row("handler", "%s", j.Handler)
	if j.Label != "" {
		row("label", "%s", oneLine(j.Label))
	}
	row("tasks", "%s, %s enqueued", progress.Count(j.Tasks), progress.Count(j.Enqueued))
	row("settled", "%s ok, %s failed, %s missing", progress.Count(j.OK), progress.Count(j.Failed), progress.Count(j.Missing))
	if names := j.MissingIndices; len(names) > namedRanges/10 {
		row("missing", "%s and more", strings.Join(names[:namedRanges/10], ", "))
	} else if len(names) > 0 {
		row("missing", "%s", strings.Join(names, ", "))
	}
	if j.Retrying > 0 {
		row("", "%s of the failed are being run again", progress.Count(j.Retrying))
	}
	row("created", "%s", j.Created.Local().Format("2006-01-02 15:04:05"))
	row("kept until", "%s", j.Expires.Local().Format("2006-01-02 15:04:05"))
	if cost.text != "" {
		row("would cost", "%s", cost.text)
	}
	for _, n := range cost.notes {
		row("", "%s", n)
	}
	return t.Flush()
}
