package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

func downCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "down",
		Usage:     "end a stack's workers, and show what still costs money",
		UsageText: "starburst down [--stack NAME] [--yes]\nstarburst down --stack NAME --revisions && terraform destroy",
		Description: "Sets the stack's services to zero, stops their tasks and waits until they have ended. Workers finish or release what\n" +
			"they have; nothing is lost. With jobs running it refuses unless --yes is said; the autoscaler then starts no worker until\n" +
			"starburst scale set --reset. Removes nothing: terraform destroy does, except the revisions that deploy has made, which\n" +
			"cost nothing; --revisions deregisters them. That needs the rights of who destroys the stack.",
		Flags: slices.Concat(siteFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "also with jobs running"},
			&cli.DurationFlag{Name: "wait", Value: deploy.DefaultWait, Usage: "how long workers may take to end"},
			&cli.BoolFlag{Name: "revisions", Usage: "also deregister the task definition's revisions that deploy has made"},
		}, documentFlags()),
		Action: downAction,
	})
}

// downReport is the JSON form.
type downReport struct {
	deploy.Gone
	Jobs []string `json:"running_jobs,omitempty"`
	// Held says that the autoscaler starts no worker until the limits are reset.
	Held  bool              `json:"held"`
	Costs []deploy.Standing `json:"still_costs"`
}

func downAction(c *cli.Context) error {
	s, err := findSite(c)
	if err != nil {
		return err
	}
	if err := s.inRegion(); err != nil {
		return err
	}
	st := s.Stack().Store(s.clients)
	jobs, err := runningJobs(c, st)
	if err != nil {
		return err
	}
	if len(jobs) > 0 && !c.Bool("yes") {
		return exit.Errorf(exit.Refused, "%d jobs are running: %s", len(jobs), strings.Join(jobs, ", ")).
			WithHint("starburst down --yes ends their workers all the same (the tasks stay on the queue); starburst cancel JOB drops one")
	}
	cfg := deploy.DownConfig{Site: s.Site, ECS: s.clients.ECS, Wait: c.Duration("wait"), By: "starburst down"}
	control, err := st.Control(c.Context, s.Stack().Fleet)
	if err != nil {
		return err
	}
	if len(jobs) > 0 || control.Scale.Min > 0 { // the autoscaler would start workers again
		cfg.Scale = st
	}
	gone, err := deploy.Down(c.Context, cfg)
	if err != nil {
		return err
	}
	if c.Bool("revisions") {
		if gone.Retired, err = deploy.Retire(c.Context, s.clients.ECS, s.Site); err != nil {
			return err
		}
	}
	return printDown(c, downReport{Gone: gone, Jobs: jobs, Held: cfg.Scale != nil, Costs: s.Costs()})
}

// runningJobs are those that are neither done nor cancelled.
func runningJobs(c *cli.Context, st *store.Store) ([]string, error) {
	var running []string
	for j, err := range st.Jobs(c.Context, time.Now().Add(-producer.DefaultKeep)) {
		if err != nil {
			return nil, fmt.Errorf("look for running jobs: %w", err)
		}
		if j.State == store.Open || j.State == store.Sealed {
			running = append(running, j.ID)
		}
	}
	return running, nil
}

func printDown(c *cli.Context, r downReport) error {
	if isJSON(c) {
		if err := printDocument(c, "down", r); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(c.App.Writer, 2, 8, 2, ' ', 0)
		_, _ = fmt.Fprintf(w, "services at zero\t%s\n", strings.Join(r.Services, ", "))
		_, _ = fmt.Fprintf(w, "workers stopped\t%d\n", len(r.Stopped))
		if len(r.Retired) > 0 {
			_, _ = fmt.Fprintf(w, "revisions deregistered\t%d\n", len(r.Retired))
		}
		for _, s := range r.Costs {
			_, _ = fmt.Fprintf(w, "still costs\t%s: %s\n", s.What, s.Price)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(c.App.ErrWriter, "to remove all of it: terraform destroy, in the folder of the stack")
		if r.Held {
			_, _ = fmt.Fprintln(c.App.ErrWriter, "no worker is started until: starburst scale set --reset")
		}
	}
	if len(r.Left) > 0 {
		return exit.Errorf(exit.TimedOut, "%d workers have not ended yet", len(r.Left)).WithHint("they have been told to; look again: starburst down")
	}
	return nil
}
