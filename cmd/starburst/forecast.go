package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/terminal"
	"github.com/starburst-go/starburst/producer"
)

// forecastFlags are what an estimate needs to know.
func forecastFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "validate and count the input, estimate the cost, send nothing"},
		&cli.DurationFlag{Name: "task-time", Usage: "how long one task takes, for the estimate and the chunk size", DefaultText: "as in the handler's last jobs"},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask before a job that costs more than " + askFrom.Cents()},
		&cli.BoolFlag{Name: "arm", Usage: "estimate for ARM64 workers"},
		&cli.BoolFlag{Name: "spot", Usage: "estimate for Fargate Spot"},
		networkFlag(),
	}
}

// askFrom is from which likely cost on a person is asked. Below it the question would cost more than the answer saves.
const askFrom = cost.USD

func expectation(c *cli.Context) (burst.Expectation, error) {
	net, err := network(c)
	x := burst.Expectation{TaskTime: c.Duration("task-time"), Network: net, Provider: cost.Fargate, Platform: cost.X86}
	if c.Bool("arm") {
		x.Platform = cost.ARM
	}
	if c.Bool("spot") {
		x.Provider = cost.FargateSpot
	}
	if x.TaskTime < 0 {
		err = exit.Errorf(exit.Usage, "--task-time %s is negative", x.TaskTime)
	}
	return x, err
}

// dryRun is the JSON form of a job that was not sent.
type dryRun struct {
	Handler   string        `json:"handler"`
	Tasks     int           `json:"tasks"`
	Messages  int           `json:"messages"`
	Bytes     int64         `json:"bytes"`
	Offloaded int           `json:"offloaded"`
	Forecast  bill.Forecast `json:"forecast"`
}

// printForecast shows what a job would be and cost.
func printForecast(c *cli.Context, pre *producer.Prepared, f bill.Forecast) error {
	if c.String("output") == "json" {
		return printDocument(c, "dry-run", dryRun{pre.Spec.Handler, pre.N, pre.Messages, pre.Bytes, pre.Offloaded, f})
	}
	w, e := c.App.Writer, f.Estimate
	_, _ = fmt.Fprintf(w, "%s tasks of %s in %s messages; nothing was sent\n", progress.Count(pre.N), pre.Spec.Handler, progress.Count(pre.Messages))
	if r := f.Shape.TaskTime; r.Known() {
		source := f.Source
		if source == "" {
			source = "--task-time"
		}
		_, _ = fmt.Fprintf(w, "tasks of %s (%s to %s, by %s) on up to %d workers: about %s\n", short(r.Likely), short(r.Low), short(r.High), source, e.Workers, short(e.Elapsed.Likely))
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0) // Flush has the error of every line
	_, _ = fmt.Fprintln(t, "LINE\tLOW\tLIKELY\tHIGH")
	for _, l := range e.Lines {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.ID, l.Cost.Low, l.Cost.Likely, l.Cost.High)
	}
	_, _ = fmt.Fprintf(t, "TOTAL\t%s\t%s\t%s\n", e.Cost.Low, e.Cost.Likely, e.Cost.High)
	if err := t.Flush(); err != nil {
		return err
	}
	if e.ComputeUnknown {
		_, _ = fmt.Fprintf(w, "workers come on top: %s for each second that a task takes; --task-time gives an estimate\n", e.PerTaskSecond.Short())
	} else {
		_, _ = fmt.Fprintf(w, "the least this work can cost is %s (one worker, always busy)\n", e.Bound.Short())
	}
	for _, a := range e.Assumptions {
		_, _ = fmt.Fprintln(w, a)
	}
	_, err := fmt.Fprintf(w, "prices of %s, %s\n", e.Region, e.PriceDate)
	return err
}

// short rounds a duration for people.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// confirm asks a person whether to spend the money. It asks nobody who is not there (a script), who has said yes,
// or whose job is small; where the cost is not known, it says so and asks.
func confirm(c *cli.Context, s *burst.Session, pre *producer.Prepared, f bill.Forecast) error {
	e := f.Estimate
	if c.Bool("yes") || s.Stack().Endpoint != "" || !isTerminal(c.App.Reader) || e.Cost.Likely < askFrom && !e.ComputeUnknown {
		return nil
	}
	return ask(c.App.Reader, c.App.ErrWriter, question(pre, e))
}

func question(pre *producer.Prepared, e *cost.Estimate) string {
	text := fmt.Sprintf("%s tasks in %s are expected to cost %s", progress.Count(pre.N), e.Region, e.Cost.Short())
	if e.ComputeUnknown {
		text += fmt.Sprintf(", and %s for each second that a task takes", e.PerTaskSecond.Short())
	}
	return text + ". Send them? [y/N] "
}

// isTerminal reports whether somebody is there who can be asked.
func isTerminal(r io.Reader) bool { return terminal.Asks(r, os.Getenv) }

// ask takes only a clear yes for one.
func ask(r io.Reader, w io.Writer, question string) error {
	_, _ = fmt.Fprint(w, question)
	answer, err := bufio.NewReader(io.LimitReader(r, 256)).ReadString('\n')
	if err != nil && answer == "" {
		_, _ = fmt.Fprintln(w)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return exit.Errorf(exit.Refused, "not sent").WithHint("--yes sends without asking, --dry-run shows the estimate")
}
