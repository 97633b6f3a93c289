package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/plan"
	"github.com/starburst-go/starburst/internal/prices"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// planState names the local state of calibrations.
const planState = "plan"

// planInput counts the tasks and, where they can be read, identifies them; the source is nil where they cannot.
func planInput(c *cli.Context, p *plan.Saved) (producer.Source, func(), error) {
	given := c.IsSet("input") || c.IsSet("range") || c.IsSet("grid")
	switch {
	case c.IsSet("tasks") && given:
		return nil, nil, exit.Errorf(exit.Usage, "--tasks says what the input would be counted for").WithHint("one of --tasks, --input, --range, --grid")
	case c.IsSet("tasks"):
		p.Input = plan.Input{Tasks: c.Int("tasks"), Bytes: c.Int64("arg-bytes") * int64(c.Int("tasks"))}
		return nil, func() {}, nil
	}
	source, done, err := openSource(c, nil)
	if err != nil {
		return nil, nil, err
	}
	if p.Input, err = plan.Measure(c.Context, source); err != nil {
		done()
		return nil, nil, exit.Errorf(exit.Usage, "%w", err)
	}
	return source, done, nil
}

// planRoom is the room for workers: as given, or what is left of the quota.
func planRoom(c *cli.Context, p *plan.Saved, j *simulate.Job) error {
	if c.IsSet("workers") {
		j.Workers = c.Int("workers")
		return nil
	}
	kind := quota.OnDemand
	if c.Bool("spot") {
		kind = quota.Spot
	}
	q, err := readQuota(c.Context, kind)
	if err != nil {
		return err
	}
	left, known := q.Available()
	j.Workers = min(int(left*1000/float64(j.Size.VCPUMilli)), maxRoom)
	switch {
	case !known:
		return exit.Errorf(exit.Refused, "how many workers there is room for is not known: %s", q.Why()).WithHint("--workers N, or %s=N for a limit of your own", quota.EnvVCPU)
	case j.Workers < 1:
		return exit.Errorf(exit.Refused, "the quota has no room for a worker: %g of %g vCPUs are used", q.Used.VCPU, q.Limit.VCPU).WithHint("starburst quota --request N")
	}
	p.Quota = &q
	return nil
}

// maxRoom is the most workers that are simulated.
const maxRoom = 100_000

// readQuota asks the account of the stack, or of the environment.
func readQuota(ctx context.Context, kind quota.Kind) (quota.Quota, error) {
	own := os.Getenv(quota.EnvVCPU)
	if vcpu, err := quota.ParseVCPU(own); err != nil || vcpu > 0 { // nobody has to be asked
		if err != nil {
			return quota.Quota{}, exit.Errorf(exit.Usage, "%w", err)
		}
		r, err := quota.New(quota.Config{VCPU: vcpu})
		if err != nil {
			return quota.Quota{}, err
		}
		return r.Read(ctx, kind)
	}
	clients, err := accountClients(ctx)
	if err != nil {
		return quota.Quota{}, err
	}
	r, err := quotaReader(clients, own)
	if err != nil {
		return quota.Quota{}, err
	}
	return r.Read(ctx, kind)
}

// planDurations is how long a task takes: as given, measured here, or remembered.
func planDurations(c *cli.Context, p *plan.Saved, source producer.Source, j *simulate.Job) error {
	var d bill.Durations
	var err error
	switch {
	case c.IsSet("task-time"):
		j.Mean = c.Duration("task-time")
	case c.IsSet("calibrate"):
		d, err = calibrate(c, p, source)
	case p.Handler != "":
		d, err = remembered(c, p.Handler)
	default:
		err = exit.Errorf(exit.Usage, "nobody says how long a task takes").WithHint("--task-time 30s, --calibrate 5 -- ./program {}, or --handler NAME for what is remembered")
	}
	if err != nil {
		return err
	}
	j.CV = 1
	if d.Seen > 0 {
		j.Mean, j.Seen = d.Mean, int(min(d.Seen, 1<<30))
		if d.Counted > 1 {
			j.CV = min(d.CV, maxCV)
		}
		if d.Counted > 0 && d.Counted >= d.Seen/2 {
			j.Durations = histogram(d.Hist)
		}
		_, _ = fmt.Fprintf(c.App.ErrWriter, "a task takes %s on average (cv %.2f), by %s\n", short(d.Mean), j.CV, d.Source)
	}
	if c.IsSet("cv") {
		j.CV, j.Durations = c.Float64("cv"), nil
	}
	return nil
}

// maxCV is the largest coefficient of variation that is simulated.
const maxCV = 10

func histogram(hist map[int]int64) *autoscale.Histogram {
	var h autoscale.Histogram
	for b, n := range hist {
		h.AddBucket(b, n)
	}
	return &h
}

// calibrate runs some tasks of the input here, one at a time: what they would take on a worker of one vCPU, as far as this
// machine's processor is like it.
func calibrate(c *cli.Context, p *plan.Saved, source producer.Source) (bill.Durations, error) {
	picked, err := plan.Pick(c.Context, source, p.Input.Tasks, c.Int("calibrate"))
	if err != nil {
		return bill.Durations{}, err
	}
	argv := c.Args().Slice()
	self, err := os.Executable()
	if err != nil {
		return bill.Durations{}, fmt.Errorf("find this program: %w", err)
	}
	handler, names, worker := execHandler, []string{execHandler}, append([]string{self, "worker", "--exec", "--"}, argv...)
	if p.Handler != "" {
		handler, worker = p.Handler, argv
		if names, err = handlersOf(c.Context, argv); err != nil {
			return bill.Durations{}, err
		}
		if !slices.Contains(names, handler) {
			return bill.Durations{}, exit.Errorf(exit.Usage, "the worker program %s has no handler %q; it has: %s", argv[0], handler, strings.Join(names, ", "))
		}
	} else if _, err := consumer.Process(argv); err != nil {
		return bill.Durations{}, exit.Errorf(exit.Usage, "%w", err)
	}
	p.Handler = handler
	s, err := burst.Open(c.Context, burst.Config{
		State: planState, Workers: 1, Slots: 1, Handlers: names, Command: worker, Env: []string{role.Env + "=" + role.Worker}, Endpoint: []string{self},
		Display: view.NewDisplay(c.App.ErrWriter), Log: logger(c.App.ErrWriter),
	})
	if err != nil {
		return bill.Durations{}, err
	}
	var d bill.Durations
	err = withSession(c, s, func(ctx context.Context, _ func(store.Job)) (err error) {
		d, err = s.Calibrate(ctx, handler, picked)
		return err
	})
	return d, err
}

// remembered is how long the handler's tasks took in its last jobs on the stack.
func remembered(c *cli.Context, handler string) (bill.Durations, error) {
	s, err := connect(c)
	if err != nil {
		return bill.Durations{}, err
	}
	var d bill.Durations
	err = withSession(c, s, func(ctx context.Context, _ func(store.Job)) (err error) {
		d, err = bill.Remembered(ctx, s.Store(), handler, s.Stack().Fleet, time.Now())
		return err
	})
	if err == nil && d.Seen == 0 {
		err = exit.Errorf(exit.NotFound, "no job of handler %s is remembered", handler).WithHint("--task-time 30s, or --calibrate 5 -- ./my-worker-program")
	}
	return d, err
}

// planFlag lets run and submit go by a saved plan.
func planFlag() cli.Flag {
	return &cli.StringFlag{Name: "plan", Usage: "refuse the job when its input, the quota or the prices have moved since `FILE` was saved by starburst plan"}
}

// heldPlan refuses, with exit code 7, a job whose saved plan no longer holds, and says what has changed. Without --plan there is nothing to hold.
func heldPlan(c *cli.Context, handler string, source producer.Source) error {
	file := c.String("plan")
	if file == "" {
		return nil
	}
	in, err := plan.Measure(c.Context, source)
	if err != nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	saved, err := plan.Read(file)
	if err != nil {
		return exit.Errorf(exit.Usage, "--plan: %w", err)
	}
	now := plan.Now{Handler: handler, Input: &in}
	book, _, err := prices.Open(prices.FromEnv(pricesRegion()))
	if err != nil {
		return exit.Errorf(exit.Usage, "prices: %w", err)
	}
	p, err := plan.PricesOf(book, saved.Prices.Provider, saved.Prices.Platform, saved.Prices.Size, saved.Names())
	if err != nil {
		return exit.Errorf(exit.Usage, "--plan: %w", err)
	}
	now.Prices = &p
	if saved.Quota != nil {
		q, err := readQuota(c.Context, saved.Quota.Kind)
		if err != nil {
			return err
		}
		now.Quota = &q
	}
	if changes := saved.Changes(now); len(changes) > 0 {
		return exit.Errorf(exit.Refused, "the plan %s, made at %s, no longer holds; nothing was sent: %s", file, saved.Made.Local().Format(time.DateTime), strings.Join(changes, "; ")).
			WithHint("make it again: starburst plan --save %s", file)
	}
	return nil
}
