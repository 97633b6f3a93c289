package main

import (
	"context"
	"errors"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/store"
)

func scaleCommand() *cli.Command {
	why := &cli.StringFlag{Name: "why", Usage: "`TEXT` that scale show and the decisions repeat"}
	return command(&cli.Command{
		Name:  "scale",
		Usage: "look at a fleet's autoscaler, set its limits, pause it",
		Description: "What is set here goes before what the autoscaler was started with, from its next look on (10 s) and for every\n" +
			"autoscaler that leads the fleet, until it is set back. It is stored in the stack's table.",
		Subcommands: []*cli.Command{
			scaleSub(&cli.Command{Name: "show", Usage: "the fleet's size, what bounds it, and what was set", Flags: []cli.Flag{formatFlag(listing.Table, listing.JSON)}}, scaleShow),
			scaleSub(&cli.Command{Name: "set", Usage: "set the least and the largest number of workers, the mode, a budget",
				UsageText:   "starburst scale set --max 200\nstarburst scale set --mode deadline --deadline 2h\nstarburst scale set --reset",
				Description: "Only what is named is changed. --max 0 ends the fleet: workers finish what they run.",
				Flags: []cli.Flag{
					&cli.IntFlag{Name: "max", Usage: "most `WORKERS`"},
					&cli.IntFlag{Name: "min", Usage: "`WORKERS` to keep when there is nothing to do"},
					&cli.StringFlag{Name: "mode", Usage: "what the size is chosen for: `fast|efficiency|deadline|budget|value`"},
					&cli.Float64Flag{Name: "efficiency", Usage: "least `SHARE` of a worker's bill that should be work, between 0 and 1"},
					&cli.StringFlag{Name: "deadline", Usage: "`WHEN` everything should be done: a time (2026-11-24T18:00:00Z) or a duration from now (30m)"},
					&cli.StringFlag{Name: "budget", Usage: "most `DOLLARS` that the workers may cost, in any mode"},
					&cli.StringFlag{Name: "value", Usage: "`DOLLARS` that an hour of waiting is worth"},
					&cli.BoolFlag{Name: "reset", Usage: "forget all that was set, pauses included"}, why,
				}}, scaleSet),
			scaleSub(&cli.Command{Name: "pause", Usage: "leave the fleet at its size: start no worker, stop none",
				Description: "Only money that runs out, and jobs that reach their own caps, are still acted upon.", Flags: []cli.Flag{why}}, scalePause),
			scaleSub(&cli.Command{Name: "resume", Usage: "let the autoscaler size the fleet again"}, scaleResume),
			scaleSub(&cli.Command{Name: "explain", Usage: "the last decisions: the limit that bound them, and their figures",
				UsageText: "starburst scale explain\nstarburst scale explain -n 20\nstarburst scale explain --since 24h --changes",
				Flags: slices.Concat([]cli.Flag{
					&cli.IntFlag{Name: "n", Value: 1, Usage: "so many decisions"},
					&cli.DurationFlag{Name: "since", Value: time.Hour, Usage: "look back so far"},
					&cli.BoolFlag{Name: "changes", Usage: "only those that changed the size"},
				}, listFlags())}, scaleExplain),
		},
	})
}

// scaleSub makes a command that works on the stack's fleet.
func scaleSub(c *cli.Command, action func(ctx context.Context, c *cli.Context, s *burst.Session) error) *cli.Command {
	c.Action = func(c *cli.Context) error {
		if c.Args().Present() {
			return exit.Errorf(exit.Usage, "scale %s takes no arguments; got %q", c.Command.Name, c.Args().First()).WithHint("starburst scale %s --help", c.Command.Name)
		}
		s, err := connect(c)
		if err != nil {
			return err
		}
		return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error { return action(ctx, c, s) })
	}
	return command(c)
}

// maxWhy bounds a text that is repeated in every decision.
const maxWhy = 200

func scaleSet(ctx context.Context, c *cli.Context, s *burst.Session) error {
	set, err := scaleOrders(c, time.Now())
	if err != nil {
		return err
	}
	// The order is checked before it is written, and whenever the item is read again.
	now, err := s.Store().Control(ctx, s.Stack().Fleet)
	if err != nil {
		return err
	}
	set(&now.Scale)
	if err := checkScale(now.Scale); err != nil {
		return err
	}
	return updateScale(ctx, c, s, set)
}

func scalePause(ctx context.Context, c *cli.Context, s *burst.Session) error {
	if err := checkWhy(c.String("why")); err != nil {
		return err
	}
	return updateScale(ctx, c, s, func(x *store.Scale) { x.Hold = true })
}

func scaleResume(ctx context.Context, c *cli.Context, s *burst.Session) error {
	return updateScale(ctx, c, s, func(x *store.Scale) { x.Hold = false })
}

// updateScale writes the change with its author, and shows the outcome.
func updateScale(ctx context.Context, c *cli.Context, s *burst.Session, change func(*store.Scale)) error {
	by := ""
	if u, err := user.Current(); err == nil {
		by = u.Username
	}
	at := time.Now()
	var now store.Scale
	err := s.Store().UpdateControl(ctx, s.Stack().Fleet, func(item *store.Control) {
		change(&item.Scale)
		if item.Scale != (store.Scale{}) {
			item.Scale.By, item.Scale.At, item.Scale.Why = by, at, c.String("why")
		}
		now = item.Scale
	})
	if err != nil {
		return err
	}
	return printScale(c.App.Writer, s.Stack().Fleet, now)
}

// scaleOrders reads the flags of scale set.
func scaleOrders(c *cli.Context, now time.Time) (func(*store.Scale), error) {
	var orders []func(*store.Scale)
	order := func(f func(*store.Scale)) { orders = append(orders, f) }
	if c.Bool("reset") {
		order(func(x *store.Scale) { *x = store.Scale{} })
	}
	if n := c.Int("max"); c.IsSet("max") {
		order(func(x *store.Scale) { x.Max, x.SetMax = n, true })
	}
	if n := c.Int("min"); c.IsSet("min") {
		order(func(x *store.Scale) { x.Min = n })
	}
	if m := c.String("mode"); c.IsSet("mode") {
		order(func(x *store.Scale) { x.Mode = m })
	}
	if e := c.Float64("efficiency"); c.IsSet("efficiency") {
		if !(e > 0 && e < 1) {
			return nil, exit.Errorf(exit.Usage, "--efficiency is %v, want a share between 0 and 1", e)
		}
		order(func(x *store.Scale) { x.Efficiency = e })
	}
	if c.IsSet("deadline") {
		at, err := parseWhen(c.String("deadline"), now)
		if err != nil {
			return nil, err
		}
		order(func(x *store.Scale) { x.Deadline = at })
	}
	for _, m := range []struct {
		flag string
		of   func(*store.Scale) *int64
	}{{"budget", func(x *store.Scale) *int64 { return &x.BudgetPico }}, {"value", func(x *store.Scale) *int64 { return &x.ValuePico }}} {
		if c.IsSet(m.flag) {
			p, err := burst.ParseCap("--"+m.flag, c.String(m.flag))
			if err != nil {
				return nil, err
			}
			order(func(x *store.Scale) { *m.of(x) = int64(p) })
		}
	}
	if len(orders) == 0 {
		return nil, exit.Errorf(exit.Usage, "nothing was set").WithHint("starburst scale set --max 200; starburst scale set --help")
	}
	return func(x *store.Scale) {
		for _, f := range orders {
			f(x)
		}
	}, checkWhy(c.String("why"))
}

// parseWhen reads a time, or a duration from now.
func parseWhen(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !at.After(now) {
		return at, exit.Errorf(exit.Usage, "--deadline %q is no time to come", text).WithHint("--deadline 30m, or --deadline %s", now.Add(time.Hour).UTC().Format(time.RFC3339))
	}
	return at, nil
}

func checkWhy(text string) error {
	if len(text) > maxWhy || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		return exit.Errorf(exit.Usage, "--why must be one line of at most %d bytes", maxWhy)
	}
	return nil
}

// maxScale is the most workers that can be asked for: what the autoscaler takes for a fleet, not a fault.
const maxScale = 1_000_000

// checkScale refuses what the autoscaler would have to ignore.
func checkScale(x store.Scale) error {
	modes := []string{"", autoscale.FastName, string(autoscale.Efficiency), string(autoscale.Deadline), string(autoscale.Budget), string(autoscale.Value)}
	var err error
	hint := ""
	switch {
	case !slices.Contains(modes, x.Mode):
		err, hint = errors.New("there is no mode "+x.Mode), "--mode "+strings.Join(modes[1:], ", --mode ")
	case x.Mode == string(autoscale.Deadline) && x.Deadline.IsZero():
		err, hint = errors.New("mode deadline needs a deadline"), "--deadline 2h"
	case x.Mode == string(autoscale.Budget) && x.BudgetPico == 0:
		err, hint = errors.New("mode budget needs a budget"), "--budget 20"
	case x.Mode == string(autoscale.Value) && x.ValuePico == 0:
		err, hint = errors.New("mode value needs the value of an hour"), "--value 50"
	case min(x.Min, x.Max) < 0 || max(x.Min, x.Max) > maxScale:
		err = errors.New("--min and --max must be 0 to 1,000,000")
	case x.SetMax && x.Min > x.Max:
		err, hint = errors.New("the least number of workers is above the largest"), "set both, --min and --max"
	}
	if err != nil {
		return exit.Errorf(exit.Usage, "%w; nothing was set", err).WithHint("%s", hint)
	}
	return nil
}
