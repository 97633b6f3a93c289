package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/plan"
	"github.com/starburst-go/starburst/internal/prices"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/producer"
)

func planCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "plan",
		Usage: "say how long a job would take on AWS, and what it would cost",
		UsageText: "starburst plan --tasks 10000 --task-time 30s --workers 1000\n" +
			"starburst plan --input F.jsonl --calibrate 5 -- ./program {}\n" +
			"starburst plan --input F.jsonl --handler price --calibrate 5 -- ./my-worker-program\n" +
			"starburst plan --input F.jsonl --handler price --deadline 2h --budget 10 --save plan.json",
		Description: "Runs the autoscaler that would size the fleet on simulated workers, 20 times in each mode, and prints what came of\n" +
			"it: which limit binds and what removing it would buy, every line of the bill, the distance from the best possible, and\n" +
			"whether this machine would be sooner. How long a task takes is given, measured on a few tasks that are run here, or\n" +
			"remembered from the handler's last jobs. Without --workers the account's vCPU quota is asked. Exits with 7 when nothing fits.",
		Flags: slices.Concat([]cli.Flag{&cli.IntFlag{Name: "tasks", Usage: "number of tasks, where there is no input yet"}}, inputFlags(), []cli.Flag{
			&cli.DurationFlag{Name: "task-time", Usage: "mean duration of a task"},
			&cli.IntFlag{Name: "calibrate", Usage: "run `N` tasks of the input on this machine, with the program given after --"},
			&cli.StringFlag{Name: "handler", Usage: "`NAME` of the tasks' handler: its last jobs tell how long a task takes, or, with --calibrate, the worker program runs it"},
			&cli.Float64Flag{Name: "cv", Usage: "how much durations differ: standard deviation / mean; 0 for not at all", DefaultText: "as measured, else 1"},
			&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Usage: "room for so many workers", DefaultText: "what is left of the vCPU quota"},
			&cli.IntFlag{Name: "slots", Value: 1, Usage: "tasks at once per worker"},
			&cli.Int64Flag{Name: "vcpu", Value: 1000, Usage: "thousandths of a vCPU per worker"},
			&cli.Int64Flag{Name: "memory", Value: 2048, Usage: "MiB per worker"},
			&cli.Int64Flag{Name: "arg-bytes", Value: 80, Usage: "size of a task's argument, where there is no input yet"},
			&cli.BoolFlag{Name: "arm", Usage: "ARM64 workers"},
			&cli.BoolFlag{Name: "spot", Usage: "workers on Fargate Spot"},
			networkFlag(),
			&cli.DurationFlag{Name: "deadline", Usage: "how long it may take"},
			&cli.StringFlag{Name: "budget", Usage: "what the workers may cost, in dollars"},
			&cli.StringFlag{Name: "save", Usage: "keep the plan in `FILE`, for run --plan and submit --plan"},
		}, documentFlags()),
		Action: planAction,
	})
}

func planAction(c *cli.Context) error {
	w, inJSON := c.App.Writer, isJSON(c)
	p, err := planOf(c)
	if err != nil {
		if inJSON && exit.CodeOf(err) == exit.Refused {
			err = errors.Join(err, printDocument(c, "plan", noPlan{Why: err.Error()}))
		}
		return err
	}
	if inJSON {
		err = printDocument(c, "plan", jsonPlan{p.Plan, p.Handler, p.Input, p.Quota, p.Prices, p.Besides})
	} else {
		err = printPlan(w, c, p)
	}
	if file := c.String("save"); err == nil && file != "" {
		if err = p.Write(file); err == nil {
			_, _ = fmt.Fprintf(c.App.ErrWriter, "saved; starburst run --plan %s and starburst submit --plan %s refuse when the input, the quota or the prices have moved\n", file, file)
		}
	}
	if err == nil && !p.Plan.Fits {
		return exit.Errorf(exit.Refused, "the job does not fit: %s", p.Plan.Why).WithHint("a later deadline, a larger budget, or more workers")
	}
	return err
}

// noPlan is the JSON form of a job that there is no room for, or nobody knows whether.
type noPlan struct {
	Fits bool   `json:"fits"`
	Why  string `json:"why"`
}

// jsonPlan is a plan with what it rests on, and the part of the bill that is not the workers'.
type jsonPlan struct {
	*simulate.Plan
	Handler string               `json:"handler,omitempty"`
	Input   plan.Input           `json:"input"`
	Quota   *quota.Quota         `json:"quota,omitempty"`
	Prices  plan.Prices          `json:"prices"`
	Besides []cost.EstimatedLine `json:"besides_workers"`
}

// planOf gathers the facts and makes the plan.
func planOf(c *cli.Context) (*plan.Saved, error) {
	if err := checkPlanFlags(c); err != nil {
		return nil, err
	}
	j := simulate.Job{
		Slots: c.Int("slots"), Size: cost.Size{VCPUMilli: c.Int64("vcpu"), MemoryMiB: c.Int64("memory")},
		Deadline: c.Duration("deadline"), Cores: runtime.NumCPU(),
	}
	if b := c.String("budget"); b != "" {
		var err error
		if j.Budget, err = cost.ParsePicoUSD(b); err != nil {
			return nil, exit.Errorf(exit.Usage, "--budget: %w", err)
		}
	}
	p := &plan.Saved{Made: time.Now().UTC(), Handler: c.String("handler")}
	source, done, err := planInput(c, p)
	if err != nil {
		return nil, err
	}
	defer done()
	j.Tasks = p.Input.Tasks
	if err := planRoom(c, p, &j); err != nil {
		return nil, err
	}
	if err := planDurations(c, p, source, &j); err != nil {
		return nil, err
	}
	return p, simulatePlan(c, p, j)
}

// checkPlanFlags refuses what contradicts itself.
func checkPlanFlags(c *cli.Context) error {
	program := c.Args().Present()
	switch {
	case c.IsSet("calibrate") && c.Int("calibrate") < 1:
		return exit.Errorf(exit.Usage, "--calibrate is %d, want a number of tasks", c.Int("calibrate"))
	case c.IsSet("calibrate") != program:
		return exit.Errorf(exit.Usage, "--calibrate and a program after -- go together").WithHint("starburst plan --input F.jsonl --calibrate 5 -- ./program {}")
	case c.IsSet("calibrate") && c.IsSet("tasks"):
		return exit.Errorf(exit.Usage, "a calibration needs the tasks themselves, not their number").WithHint("--input FILE, --range A:B or --grid instead of --tasks")
	case c.IsSet("calibrate") && c.IsSet("task-time"):
		return exit.Errorf(exit.Usage, "--task-time says what --calibrate would measure").WithHint("one of the two")
	case c.Int64("vcpu") < 1 || c.Int64("memory") < 1 || c.Int64("arg-bytes") < 0:
		return exit.Errorf(exit.Usage, "--vcpu and --memory must be at least 1, --arg-bytes at least 0")
	}
	return nil
}

// simulatePlan makes the plan and the rest of the bill.
func simulatePlan(c *cli.Context, p *plan.Saved, j simulate.Job) error {
	book, _, err := prices.Open(prices.FromEnv(pricesRegion()))
	if err != nil {
		return exit.Errorf(exit.Usage, "prices: %w", err)
	}
	if n := len(book.Stale(time.Now(), cost.DefaultStaleAfter)); n > 0 {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%d prices are older than %d days; starburst prices refresh reads those of today\n", n, int(cost.DefaultStaleAfter.Hours()/24))
	}
	provider, platform := workerKind(c)
	if j.Fargate, err = book.Fargate(platform, provider == cost.FargateSpot); err != nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	if p.Plan, err = simulate.MakePlan(c.Context, j, runtime.GOMAXPROCS(0)); err != nil {
		if c.Context.Err() != nil {
			return err
		}
		return exit.Errorf(exit.Usage, "plan: %w", err)
	}
	if p.Besides, err = besidesWorkers(c, book, p.Input, j); err != nil {
		return err
	}
	p.Prices, err = plan.PricesOf(book, provider, platform, j.Size, p.Names())
	return err
}

// pricesRegion is the Region of plans: the environment's, or that of the price book.
func pricesRegion() string {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if r := os.Getenv(name); r != "" {
			return r
		}
	}
	return cost.DefaultRegion
}

func workerKind(c *cli.Context) (provider string, platform cost.Platform) {
	provider, platform = cost.Fargate, cost.X86
	if c.Bool("spot") {
		provider = cost.FargateSpot
	}
	if c.Bool("arm") {
		platform = cost.ARM
	}
	return provider, platform
}

// besidesWorkers estimates the rest of the bill with the formulas of `submit --dry-run`
// and `cost`, in the chunks that submit would make.
func besidesWorkers(c *cli.Context, book *cost.Book, in plan.Input, j simulate.Job) ([]cost.EstimatedLine, error) {
	net, err := network(c)
	if err != nil {
		return nil, err
	}
	provider, platform := workerKind(c)
	chunk := producer.ChunkSize(in.Tasks, j.Workers, max(1, j.Slots), j.Mean)
	e, err := cost.EstimateJob(book, cost.JobShape{
		Tasks: in.Tasks, Messages: (in.Tasks + chunk - 1) / chunk, ArgBytes: in.Bytes, TaskTime: bill.Around(j.Mean),
	}, cost.Fleet{Max: j.Workers, Slots: j.Slots, Provider: provider, Platform: platform, Size: j.Size, Network: net})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(e.Lines, func(l cost.EstimatedLine) bool { return strings.HasPrefix(l.ID, "fargate.") }), nil
}

// printPlan writes the plan for people.
func printPlan(w io.Writer, c *cli.Context, p *plan.Saved) error {
	if _, err := fmt.Fprintf(w, "%s\n%s\n", p.Plan.Title(), limitsLine(c, p)); err != nil {
		return err
	}
	if err := p.Plan.Print(w); err != nil {
		return err
	}
	var likely, high cost.PicoUSD
	for i, l := range p.Besides {
		lead := "besides the workers:"
		if i > 0 {
			lead = "                    "
		}
		likely, high = likely+l.Cost.Likely, high+l.Cost.High
		if _, err := fmt.Fprintf(w, "%s %-16s %s\n", lead, l.ID, l.Cost.Short()); err != nil {
			return err
		}
	}
	first := p.Plan.Lines[0]
	_, err := fmt.Fprintf(w, "in all, %s: P50 $%.4g, P90 $%.4g (%s, prices of %s)\n", first.Mode, first.Dollars[1]+dollars(likely), first.Dollars[2]+dollars(high),
		workerText(p.Prices), p.Prices.Region)
	if err == nil && p.Prices.Provider == cost.FargateSpot {
		_, err = fmt.Fprintln(w, "Spot takes workers back at two minutes' notice, which is not in the simulation: their tasks run again")
	}
	return err
}

func dollars(p cost.PicoUSD) float64 { return float64(p) / 1e12 }

func workerText(p plan.Prices) string {
	return fmt.Sprintf("%s %s, %g vCPU and %g GB", p.Provider, p.Platform, float64(p.Size.VCPUMilli)/1000, float64(p.Size.MemoryMiB)/1024)
}

// limitsLine names every limit with what is used of it.
func limitsLine(c *cli.Context, p *plan.Saved) string {
	room := fmt.Sprintf("room for %d workers, as given", p.Plan.Workers)
	if q := p.Quota; q != nil {
		left, _ := q.Available()
		room = fmt.Sprintf("quota %g of %g vCPU free (%s), room for %d workers", left, q.Limit.VCPU, q.Limit.Source, p.Plan.Workers)
	}
	limits := []string{room, "launches 100 + 20/s", "start-up 40 s (25 s billed)"}
	if d := c.Duration("deadline"); d > 0 {
		limits = append(limits, "deadline "+d.String())
	}
	if b := c.String("budget"); b != "" {
		limits = append(limits, "budget "+b+" dollars")
	}
	return "limits: " + strings.Join(limits, " · ")
}
