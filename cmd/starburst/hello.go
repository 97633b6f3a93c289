package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// helloTasks is few enough to cost nothing, and more than a message's worth of luck.
const helloTasks = 10

func helloCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "hello",
		Usage:     "send ten tasks through the real thing, and say how long they took and what they cost",
		UsageText: "starburst hello [--within 5m] [--max-cost 0.05]",
		Description: "Sends ten tasks to the workers of the stack, which answer with their argument whatever program they run, and compares\n" +
			"the answers. Exit code 6 when they took longer than --within, 7 when they cost more than --max-cost.",
		Flags: slices.Concat(siteFlags(), []cli.Flag{
			&cli.DurationFlag{Name: "within", Value: 5 * time.Minute, Usage: "how long all answers may take; a cold fleet needs a minute or two"},
			&cli.StringFlag{Name: "max-cost", Value: "0.05", Usage: "most `DOLLARS` that they may cost"},
		}, documentFlags()),
		Action: helloAction,
	})
}

// greeting is what became of the ten tasks.
type greeting struct {
	Job   string  `json:"job"`
	First float64 `json:"first_seconds"`
	All   float64 `json:"all_seconds"`
	Cost  string  `json:"cost_usd"`
	cost  cost.PicoUSD
}

func helloAction(c *cli.Context) error {
	limit, err := burst.ParseCap("--max-cost", c.String("max-cost"))
	if err != nil {
		return err
	}
	s, err := helloSession(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, created func(store.Job)) error {
		g, err := greet(ctx, s, c.Duration("within"), created)
		if err != nil {
			return err
		}
		if isJSON(c) {
			err = printDocument(c, "hello", g)
		} else {
			_, err = fmt.Fprintf(c.App.Writer, "%d tasks: first answer after %.1f s, all after %.1f s, %s\n", helloTasks, g.First, g.All, g.cost.Short())
		}
		if err == nil && g.cost > limit {
			err = exit.Errorf(exit.Refused, "the ten tasks cost %s, more than %s", g.cost.Short(), limit.Short()).WithHint("starburst cost %s says what for", g.Job)
		}
		return err
	})
}

// helloSession opens the stack, without a part in sizing its fleet.
func helloSession(c *cli.Context) (*burst.Session, error) {
	if c.String("stack") == "" && c.String("from-terraform") == "" {
		return connect(c)
	}
	found, err := findSite(c)
	if err != nil {
		return nil, err
	}
	st := found.Stack()
	st.Cluster, st.Service, st.Services, st.Fallback = "", "", nil, nil
	return burst.Open(c.Context, burst.Config{Stack: st, Workers: 1, Slots: 1, Display: view.NewDisplay(c.App.ErrWriter), Log: logger(c.App.ErrWriter)})
}

// errSlow ends the wait for answers.
var errSlow = errors.New("the time for it is over")

func greet(ctx context.Context, s *burst.Session, within time.Duration, created func(store.Job)) (greeting, error) {
	args := make([]int, helloTasks)
	for i := range args {
		args[i] = i * i
	}
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, within, errSlow)
	defer cancel()
	// A message a task, so that several workers may answer.
	job, err := s.Submit(ctx, producer.Spec{Handler: role.Hello, Source: producer.Slice(args), Chunk: 1, MaxWorkers: helloTasks, Slots: 1, Label: "hello", Created: created})
	if err != nil {
		return greeting{}, slow(ctx, err, "sent", within)
	}
	g := greeting{Job: job.ID}
	for r, err := range s.Follow(ctx, job) {
		if err != nil {
			return g, slow(ctx, err, "answered", within)
		}
		if g.First == 0 {
			g.First = time.Since(began).Seconds()
		}
		var got int
		if r.Failure != nil {
			return g, exit.Errorf(exit.TasksFail, "task %d failed: %s", r.Index, r.Failure.Message)
		}
		if err := codec.Unmarshal(r.Value, &got); err != nil || got != args[r.Index] {
			return g, exit.Errorf(exit.Failed, "task %d was asked %d and answered %d, %v", r.Index, args[r.Index], got, err)
		}
	}
	g.All = time.Since(began).Seconds()
	return priced(ctx, s, g)
}

// slow says what was not done in time; other errors are as they are.
func slow(ctx context.Context, err error, what string, within time.Duration) error {
	if !errors.Is(context.Cause(ctx), errSlow) {
		return err
	}
	return exit.Errorf(exit.TimedOut, "not all of the ten tasks were %s within %v", what, within).WithHint("starburst doctor looks at all that workers need")
}

func priced(ctx context.Context, s *burst.Session, g greeting) (greeting, error) {
	bills, err := s.Bills()
	if err != nil {
		return g, err
	}
	b, err := bills.Job(ctx, g.Job)
	if err != nil {
		return g, err
	}
	g.cost = b.Statement.Total
	for _, j := range b.Statement.Jobs {
		if j.Job == g.Job {
			g.cost = j.Total()
		}
	}
	g.Cost = g.cost.String()
	return g, nil
}
