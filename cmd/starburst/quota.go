package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

func quotaCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "quota",
		Usage:     "the account's Fargate vCPU quotas: limit, used by anyone, left, and what a raise would buy",
		UsageText: "starburst quota\nstarburst quota --tasks 10000 --task-time 30s\nstarburst quota --request 500 [--spot]",
		Description: "Asks Service Quotas for the limits and CloudWatch for what anybody in the account and Region uses of them. What cannot\n" +
			"be read is unknown, and the autoscaler starts nothing for it; " + quota.EnvVCPU + " is a limit of your own.\n" +
			"For the job that --tasks and --task-time describe, or what the stack's largest unfinished job has left, it simulates what\n" +
			"twice and four times the quota would buy.",
		Flags: []cli.Flag{
			&cli.Float64Flag{Name: "request", Usage: "file a request for so many `VCPUS`"},
			&cli.BoolFlag{Name: "spot", Usage: "request the quota of Fargate Spot; without it, On-Demand"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask before the request is filed"},
			&cli.IntFlag{Name: "tasks", Usage: "number of tasks of the job to simulate"},
			&cli.DurationFlag{Name: "task-time", Usage: "mean duration of one of its tasks"},
			&cli.Float64Flag{Name: "cv", Value: 1, Usage: "how much durations differ: standard deviation / mean"},
			&cli.Int64Flag{Name: "vcpu", Value: 1000, Usage: "thousandths of a vCPU per worker"},
			formatFlag(listing.Table, listing.JSON),
		},
		Action: quotaAction,
	})
}

// quotaReport is the JSON form.
type quotaReport struct {
	Region string     `json:"region"`
	Quotas []quotaRow `json:"quotas"`
	// Buys is what more would buy for the job that About names.
	Buys  []simulate.Remedy `json:"buys,omitempty"`
	About string            `json:"about,omitempty"`
	// Filed is the request that was made.
	Filed *quota.Request `json:"filed,omitempty"`
}

type quotaRow struct {
	quota.Quota
	Code      string          `json:"code"`
	Available *float64        `json:"available"`
	Workers   *int            `json:"workers"`
	Open      []quota.Request `json:"open_requests,omitempty"`
}

func quotaAction(c *cli.Context) error {
	switch {
	case c.Args().Present():
		return exit.Errorf(exit.Usage, "quota takes no arguments; got %q", c.Args().First()).WithHint("starburst quota --help")
	case c.Int64("vcpu") < 1:
		return exit.Errorf(exit.Usage, "--vcpu is %d, want thousandths of a vCPU", c.Int64("vcpu"))
	case c.IsSet("tasks") != c.IsSet("task-time"):
		return exit.Errorf(exit.Usage, "--tasks and --task-time go together").WithHint("starburst quota --tasks 10000 --task-time 30s")
	}
	clients, err := accountClients(c.Context)
	if err != nil {
		return err
	}
	api := servicequotas.NewFromConfig(clients.AWS)
	if c.IsSet("request") {
		return requestQuota(c, clients, api)
	}
	r, err := quotaReader(clients, os.Getenv(quota.EnvVCPU))
	if err != nil {
		return err
	}
	report := quotaReport{Region: clients.AWS.Region}
	for _, kind := range []quota.Kind{quota.OnDemand, quota.Spot} {
		row, err := readRow(c, r, api, kind)
		if err != nil {
			return err
		}
		report.Quotas = append(report.Quotas, row)
	}
	if err := raiseBuys(c, &report); err != nil {
		return err
	}
	if isJSON(c) {
		return printDocument(c, "quota", report)
	}
	return report.print(c.App.Writer)
}

// accountClients are the stack's clients or, without a stack, those of the environment's account.
func accountClients(ctx context.Context) (*stack.Clients, error) {
	s, err := findStack(ctx)
	if err != nil && exit.CodeOf(err) != exit.NotFound {
		return nil, err
	}
	return stack.Open(ctx, s)
}

// quotaReader reads the account's quotas, or goes by the operator's own.
func quotaReader(clients *stack.Clients, own string) (*quota.Reader, error) {
	vcpu, err := quota.ParseVCPU(own)
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "%w", err)
	}
	return quota.New(quota.Config{
		Limits: servicequotas.NewFromConfig(clients.AWS), Usage: cloudwatch.NewFromConfig(clients.AWS), ECS: clients.ECS, VCPU: vcpu,
	})
}

// readRow reads one quota, and the requests for it where the limit is AWS's.
func readRow(c *cli.Context, r *quota.Reader, api quota.ServiceQuotas, kind quota.Kind) (quotaRow, error) {
	q, err := r.Read(c.Context, kind)
	if err != nil {
		return quotaRow{}, err
	}
	row := quotaRow{Quota: q, Code: kind.Code()}
	if left, known := q.Available(); known {
		workers := int(math.Min(left/(float64(c.Int64("vcpu"))/1000), 1e9))
		row.Available, row.Workers = &left, &workers
	}
	if q.Limit.Source == quota.SetByYou || !q.Limit.Known {
		return row, nil
	}
	all, err := quota.Requests(c.Context, api, kind)
	if err != nil {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "requests for the %s quota cannot be listed: %v\n", kind, err)
	}
	row.Open = slices.DeleteFunc(all, func(r quota.Request) bool { return !r.Open() })
	return row, nil
}

// raiseBuys simulates a job with the room that is left and with that of twice and four times the limit.
func raiseBuys(c *cli.Context, r *quotaReport) error {
	q := r.Quotas[0]
	if q.Workers == nil {
		return nil
	}
	job, about, err := jobToRaiseFor(c)
	if about == "" || err != nil {
		return err
	}
	per := float64(c.Int64("vcpu")) / 1000
	var rooms []int
	for _, times := range []float64{1, 2, 4} {
		if n := min(int((times*q.Limit.VCPU-q.Used.VCPU)/per), maxRoom); n > 0 {
			rooms = append(rooms, n)
		}
	}
	r.About = about
	r.Buys, err = simulate.Rooms(c.Context, job, rooms, runtime.GOMAXPROCS(0))
	if err != nil && c.Context.Err() == nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	return err
}

// jobToRaiseFor is the job that the flags name or, without them, what the stack's largest unfinished job has left; about is "" when there is none.
func jobToRaiseFor(c *cli.Context) (job simulate.Job, about string, err error) {
	job = simulate.Job{Tasks: c.Int("tasks"), Mean: c.Duration("task-time"), CV: c.Float64("cv"),
		Size: cost.Size{VCPUMilli: c.Int64("vcpu"), MemoryMiB: c.Int64("vcpu") * 2048 / 1000}}
	if c.IsSet("tasks") {
		return job, fmt.Sprintf("%s tasks of %s each", progress.Count(job.Tasks), job.Mean), nil
	}
	if _, err := findStack(c.Context); err != nil {
		return job, "", nil //nolint:nilerr // an account without a stack has no job
	}
	s, err := connect(c)
	if err != nil {
		return job, "", err
	}
	err = withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		b, found, err := s.Backlog(ctx)
		if err != nil || !found || b.Durations.Seen == 0 {
			return err
		}
		job.Tasks, job.Mean, job.Seen = b.Left, b.Durations.Mean, int(min(b.Durations.Seen, 1<<30))
		if b.Durations.Counted > 1 && !c.IsSet("cv") {
			job.CV = min(b.Durations.CV, maxCV)
		}
		about = fmt.Sprintf("the %s tasks left of job %s, %s each by %s", progress.Count(b.Left), b.Job.ID, short(job.Mean), b.Durations.Source)
		return nil
	})
	return job, about, err
}

func (r quotaReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintf(t, "%s\tLIMIT\tUSED BY ANYONE\tAVAILABLE\tWORKERS\tLIMIT FROM\tUSE FROM\n", cmp.Or(r.Region, "QUOTA"))
	for _, q := range r.Quotas {
		left, workers := "unknown", "unknown"
		if q.Workers != nil {
			left, workers = fmt.Sprintf("%g", *q.Available), progress.Count(*q.Workers)
		}
		_, _ = fmt.Fprintf(t, "%s vCPU\t%s\t%s\t%s\t%s\t%s\t%s\n", q.Kind, figure(q.Limit), figure(q.Used), left, workers, cmp.Or(q.Limit.Source, "-"), useSource(q.Used))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, q := range r.Quotas {
		if why := q.Why(); why != "" {
			_, _ = fmt.Fprintf(w, "%s: %s\n", q.Kind, why)
		}
		for _, open := range q.Open {
			_, _ = fmt.Fprintf(w, "%s: %g vCPUs are asked for, %s since %s\n", q.Kind, open.VCPU, open.Status, open.Created.Format(time.DateOnly))
		}
	}
	if len(r.Buys) > 0 {
		_, _ = fmt.Fprintf(w, "\n%s:\n", r.About)
	}
	for i, b := range r.Buys {
		what := "now"
		if i > 0 {
			what = fmt.Sprintf("%d times the quota", 1<<i)
		}
		_, _ = fmt.Fprintf(w, "  %-19s %s workers: %s, $%.4g\n", what, progress.Count(b.Workers), simulate.Clock(b.Seconds), b.Dollars)
	}
	return r.next(w)
}

// next says what to do about it.
func (r quotaReport) next(w io.Writer) error {
	q := r.Quotas[0]
	var err error
	switch {
	case q.Limit.Source == quota.SetByYou:
		_, err = fmt.Fprintf(w, "the limit is yours (%s); unset it to ask Service Quotas\n", quota.EnvVCPU)
	case !q.Limit.Known:
		_, err = fmt.Fprintf(w, "set %s to go by a limit of your own\n", quota.EnvVCPU)
	case len(q.Open) == 0:
		_, err = fmt.Fprintf(w, "more: starburst quota --request %g\n", 2*math.Max(1, q.Limit.VCPU))
	}
	return err
}

func figure(f quota.Figure) string {
	if !f.Known {
		return "unknown"
	}
	return fmt.Sprintf("%g", f.VCPU)
}

func useSource(f quota.Figure) string {
	switch {
	case !f.Known:
		return "-"
	case f.At.IsZero():
		return f.Source
	}
	return fmt.Sprintf("%s, %s", f.Source, f.At.Local().Format(time.TimeOnly))
}

// requestQuota files a request, after a person has said yes.
func requestQuota(c *cli.Context, clients *stack.Clients, api quota.ServiceQuotas) error {
	kind := quota.OnDemand
	if c.Bool("spot") {
		kind = quota.Spot
	}
	r, err := quotaReader(clients, "") // AWS's own limit is what is raised
	if err != nil {
		return err
	}
	q, err := r.Read(c.Context, kind)
	if err != nil {
		return err
	}
	vcpu := c.Float64("request")
	if err := quota.CheckRaise(c.Context, api, kind, q.Limit, vcpu); err != nil {
		return refusedRaise(err)
	}
	if !c.Bool("yes") {
		if !isTerminal(c.App.Reader) {
			return exit.Errorf(exit.Refused, "nobody is there to confirm the request; nothing was filed").WithHint("starburst quota --request %g --yes", vcpu)
		}
		question := fmt.Sprintf("Ask AWS for %g %s vCPUs in %s, where the limit is %s? AWS may open a support case. [y/N] ", vcpu, kind, clients.AWS.Region, figure(q.Limit))
		if err := ask(c.App.Reader, c.App.ErrWriter, question); err != nil {
			return exit.Errorf(exit.Refused, "nothing was filed").WithHint("--yes files without asking")
		}
	}
	filed, err := quota.Raise(c.Context, api, kind, q.Limit, vcpu)
	if err != nil {
		return refusedRaise(err)
	}
	if isJSON(c) {
		return printDocument(c, "quota", quotaReport{Region: clients.AWS.Region, Quotas: []quotaRow{{Quota: q, Code: kind.Code()}}, Filed: &filed})
	}
	_, err = fmt.Fprintf(c.App.Writer, "asked for %g %s vCPUs: request %s is %s; see: starburst quota\n", filed.VCPU, kind, filed.ID, filed.Status)
	return err
}

// refusedRaise gives the refusals of package quota their exit code.
func refusedRaise(err error) error {
	if dup, ok := errors.AsType[*quota.DuplicateError](err); ok {
		return exit.Errorf(exit.Refused, "%w; a second request would only be its duplicate", dup).WithHint("wait for AWS, or answer in the support case")
	}
	if errors.Is(err, quota.ErrNotMore) {
		return exit.Errorf(exit.Refused, "%w", err).WithHint("starburst quota shows the limit")
	}
	return err
}
