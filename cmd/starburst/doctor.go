package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/doctor"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/quota"
)

func doctorCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "doctor",
		Usage:     "look at all that a stack needs, and say what to do about what is wrong",
		UsageText: "starburst doctor [--stack NAME]\nstarburst doctor --fix",
		Description: "Credentials, clock, Region, queues, table, bucket, services, image and architecture, handlers, quotas, subnets,\n" +
			"permissions, alarms: a line each, ✓ right, ✗ wrong, ? not to be seen, with the next step. Exit code 0 when nothing is wrong.",
		Flags: append(siteFlags(),
			&cli.DurationFlag{Name: "task-time", Usage: "how long one task takes, to be compared with SQS's limits"},
			&cli.BoolFlag{Name: "fix", Usage: "mend what is safe to mend: settings of the queues, the table's expiry"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON, a check a line"},
		),
		Action: doctorAction,
	})
}

func doctorAction(c *cli.Context) error {
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
	wrong := 0
	for _, check := range checks {
		if check.State == doctor.Bad {
			wrong++
		}
		if err := printCheck(c, check); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return exit.Errorf(exit.Failed, "%d of %d checks found something wrong", wrong, len(checks)).WithHint("do what the first ✗ says: later ones often follow from it")
	}
	return nil
}

func printCheck(c *cli.Context, check doctor.Check) error {
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(check)
	}
	mark := map[doctor.State]string{doctor.OK: "✓", doctor.Fixed: "✓", doctor.Bad: "✗", doctor.Unknown: "?"}[check.State]
	if _, err := fmt.Fprintf(c.App.Writer, "%s %-18s %s\n", mark, check.Name, check.Saw); err != nil || check.Next == "" {
		return err
	}
	_, err := fmt.Fprintf(c.App.Writer, "  %-18s → %s\n", "", check.Next)
	return err
}
