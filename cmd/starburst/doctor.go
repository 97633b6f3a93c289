package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/doctor"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/quota"
)

func doctorCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "doctor",
		Usage:     "look at all that a stack needs, and say what to do about what is wrong",
		UsageText: "starburst doctor [--stack NAME]\nstarburst doctor --fix",
		Description: "Credentials, clock, Region, queues, table, bucket, services, image and architecture, handlers, quotas, subnets,\n" +
			"permissions, alarms: a line each, ✓ right, ✗ wrong, ? not to be seen, with the next step. Exit code 0 when nothing is wrong.",
		Flags: slices.Concat(siteFlags(), []cli.Flag{
			&cli.DurationFlag{Name: "task-time", Usage: "how long one task takes, to be compared with SQS's limits"},
			&cli.BoolFlag{Name: "fix", Usage: "mend what is safe to mend: settings of the queues, the table's expiry"},
			&cli.BoolFlag{Name: "json", Usage: "the same as -o jsonl: a check a line"},
		}, listFlags()),
		Action: doctorAction,
	})
}

func doctorAction(c *cli.Context) error {
	options, err := listOptions(c, checkList())
	if err != nil {
		return err
	}
	if c.Bool("json") {
		options.Format = listing.JSONL
	}
	s, err := findSite(c)
	if err != nil && (s == nil || s.QueueURL == "") {
		return err
	}
	// Where only ECS did not answer, the checks say why.
	cfg := doctor.Config{
		Site: s.Site, Clients: s.clients, Ask: s.ask, Registry: deploy.Registry(s.ask),
		TaskTime: c.Duration("task-time"), Fix: c.Bool("fix"), Local: s.local(),
	}
	if cfg.Quota, err = quotaReader(s.clients, os.Getenv(quota.EnvVCPU)); err != nil {
		return err
	}
	checks := doctor.Run(c.Context, cfg)
	if err := printChecks(c, options, checks); err != nil {
		return err
	}
	wrong := len(slices.DeleteFunc(slices.Clone(checks), func(check doctor.Check) bool { return check.State != doctor.Bad }))
	if wrong > 0 {
		return exit.Errorf(exit.Failed, "%d of %d checks found something wrong", wrong, len(checks)).WithHint("do what the first ✗ says: later ones often follow from it")
	}
	return nil
}

func checkList() listing.List[doctor.Check] {
	return listing.List[doctor.Check]{Schema: "starburst.doctor/v1", Columns: []listing.Column[doctor.Check]{
		{Name: "name", Cell: func(k doctor.Check) string { return k.Name }},
		{Name: "state", Cell: func(k doctor.Check) string { return string(k.State) }},
		{Name: "saw", Cell: func(k doctor.Check) string { return k.Saw }},
		{Name: "next", Cell: func(k doctor.Check) string { return k.Next }},
	}}
}

// printChecks prints all checks: for people two lines each, where there is something to do.
func printChecks(c *cli.Context, o listing.Options, checks []doctor.Check) error {
	if o.Format != listing.Table || o.Columns != nil || o.NoHeaders {
		_, err := checkList().Write(c.App.Writer, o, all(checks))
		return err
	}
	for _, check := range checks {
		if err := printCheck(c, check); err != nil {
			return err
		}
	}
	return nil
}

func printCheck(c *cli.Context, check doctor.Check) error {
	mark := map[doctor.State]string{doctor.OK: "✓", doctor.Fixed: "✓", doctor.Bad: "✗", doctor.Unknown: "?"}[check.State]
	if _, err := fmt.Fprintf(c.App.Writer, "%s %-18s %s\n", mark, check.Name, check.Saw); err != nil || check.Next == "" {
		return err
	}
	_, err := fmt.Fprintf(c.App.Writer, "  %-18s → %s\n", "", check.Next)
	return err
}
