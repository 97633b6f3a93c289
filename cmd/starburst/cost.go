package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/store"
)

// networkFlag says how workers reach AWS, which costs something, too.
func networkFlag() cli.Flag {
	return &cli.StringFlag{Name: "network", EnvVars: []string{"STARBURST_NETWORK"},
		Usage: "how workers reach AWS: `public|nat` (public addresses, or a NAT gateway); default: at no price"}
}

func network(c *cli.Context) (cost.Network, error) {
	n := cost.Network(c.String("network"))
	if n != "" && n != cost.NetworkPublic && n != cost.NetworkNAT {
		return "", exit.Errorf(exit.Usage, "--network %q is not known", n).WithHint("--network public, --network nat, or none")
	}
	return n, nil
}

func costCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "cost",
		Usage:     "itemise what a job, or the fleet, has cost",
		UsageText: "starburst cost JOB                   by line: estimate against actual\nstarburst cost JOB --by worker -o csv\nstarburst cost --since 24h --by job  the whole fleet, idle time included",
		Description: "Prices workers and requests from their ledgers and divides the bill among jobs: work to its job, start-up to the jobs\n" +
			"that caused the launch, idle time in proportion, the rest to __idle__. Every view adds up to the same total. Below it:\n" +
			"waste, the distance from the least it could have cost, and what would have been cheaper. Workers on this machine are\n" +
			"priced as if they had run on Fargate.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "since", Usage: "the whole fleet for so long, instead of a job"},
			&cli.StringFlag{Name: "by", Value: string(bill.ByLine), Usage: "`job|wave|worker|line`"},
			formatFlag(listing.Table, listing.JSON, listing.JSONL, listing.CSV),
			stateFlag(),
			networkFlag(),
			&cli.IntFlag{Name: "image-mb", Usage: "size of the worker's image, for what goes through a NAT gateway"},
		},
		Action: costAction,
	})
}

func costAction(c *cli.Context) error {
	view, format := bill.View(c.String("by")), bill.Format(c.String("output"))
	switch {
	case !slices.Contains(bill.Views, view):
		return exit.Errorf(exit.Usage, "--by %q is no view", view).WithHint("--by %s", join(bill.Views, ", --by "))
	case c.IsSet("since") == (c.NArg() > 0):
		return exit.Errorf(exit.Usage, "say what to bill: a job, or --since").WithHint("starburst cost JOB; starburst cost --since 24h")
	}
	net, err := network(c)
	if err != nil {
		return err
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		bills, err := s.Bills()
		if err != nil {
			return err
		}
		bills.Network, bills.ImageBytes = net, int64(c.Int("image-mb"))<<20
		var b *bill.Bill
		if c.IsSet("since") {
			b, err = bills.Since(ctx, time.Now().Add(-c.Duration("since")))
		} else {
			b, err = bills.Job(ctx, c.Args().First())
		}
		if errors.Is(err, store.ErrNotFound) {
			return exit.Errorf(exit.NotFound, "there is no job %q in %s", c.Args().First(), s.Stack()).WithHint("starburst status lists the jobs")
		}
		if err != nil {
			return err
		}
		return b.Write(c.App.Writer, format, view)
	})
}

func join[T ~string](items []T, separator string) string {
	text := make([]string, len(items))
	for i, s := range items {
		text[i] = string(s)
	}
	return strings.Join(text, separator)
}
