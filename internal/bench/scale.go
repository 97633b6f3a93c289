package bench

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/producer"
	"github.com/starburst-go/starburst/store"
)

// Limits of AWS that the table of Decades is held against, beside those of package autoscale; sources in docs/scale.md.
const (
	inFlightCap     = 120_000 // messages of a standard queue
	newTableWrites  = 4_000   // write units/s of a new on-demand table
	partitionWrites = 1_000   // write units/s of one partition
)

// Decade is what a job of so many tasks asks of AWS.
type Decade struct {
	Tasks, Workers, Chunk, Messages, Shards, Services int
	// Time of the work when all workers are there, and of their launch.
	Time, Launch time.Duration
	// Requests and writes a second in the steady state: sends, receives and deletes; result items; ledgers of workers.
	SQS, Results, Ledgers float64
	// InFlight is the messages that workers hold.
	InFlight int
	// Partitions the table needs for its writes.
	Partitions int
	// Look is the read units of one look of the leader at all ledgers.
	Look float64
	// Requests of the whole job, for their price.
	Billed Billed
}

// Decades are jobs of 10³ to 10⁹ tasks that take so long each, on a worker for every thirty tasks and 10,000 at most.
func Decades(task time.Duration) []Decade {
	var list []Decade
	for n := 1_000; n <= 1_000_000_000; n *= 10 {
		d := Decade{Tasks: n, Workers: min(max(n/30, 1), 10_000)}
		d.Chunk = producer.ChunkSize(n, d.Workers, 1, task)
		d.Messages = (n + d.Chunk - 1) / d.Chunk
		d.Shards = store.ShardsFor(d.Messages)
		d.Services = autoscale.Services(d.Workers)
		d.Time = time.Duration(float64(n) * float64(task) / float64(d.Workers))
		perSecond := float64(min(autoscale.ServiceLaunchesPerMinute*d.Services, autoscale.DefaultLaunchRate*60)) / 60
		d.Launch = time.Duration(max(0, float64(d.Workers-autoscale.DefaultLaunchBurst)/perSecond) * float64(time.Second))
		d.Results = float64(d.Messages) / d.Time.Seconds()
		d.SQS = 1.2 * d.Results // a receive a message while few are ahead, deletes by ten, sends by ten
		d.Ledgers = float64(d.Workers) / math.Max(consumer.DefaultLedgerEdge.Seconds(), min(float64(d.Chunk)*task.Seconds(), consumer.DefaultLedgerEvery.Seconds()))
		d.InFlight = d.Workers // tasks of seconds are not received ahead
		d.Partitions = max(1, int(math.Ceil((d.Results+d.Ledgers)/partitionWrites)))
		d.Look = float64(d.Workers) / 4 / 2 // 1 KiB each, eventually consistent
		d.Billed = Billed{SQSRequests: 1.2 * float64(d.Messages), WriteUnits: float64(d.Messages) + d.Ledgers*d.Time.Seconds(), ReadUnits: float64(d.Messages) / 4 * 0.5}
		list = append(list, d)
	}
	return list
}

// PrintDecades writes the table.
func PrintDecades(w io.Writer, book *cost.Book, task time.Duration) error {
	_, _ = fmt.Fprintf(w, "tasks of %v, one slot a worker; arithmetic of the planner's own rules, not a measurement; prices of %s, %s\n", task, book.Region, book.Date)
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', tabwriter.AlignRight) // Flush has the error of every line
	list := Decades(task)
	row := func(name string, cell func(d Decade) string) {
		_, _ = fmt.Fprint(t, name, "\t")
		for _, d := range list {
			_, _ = fmt.Fprint(t, cell(d), "\t")
		}
		_, _ = fmt.Fprintln(t)
	}
	number := func(of func(d Decade) int) func(Decade) string {
		return func(d Decade) string { return progress.Count(of(d)) }
	}
	rate := func(of func(d Decade) float64) func(Decade) string {
		return func(d Decade) string { return progress.Count(int(math.Ceil(of(d)))) }
	}
	row("tasks", number(func(d Decade) int { return d.Tasks }))
	row("workers", number(func(d Decade) int { return d.Workers }))
	row("services", number(func(d Decade) int { return d.Services }))
	row("launching them", func(d Decade) string { return d.Launch.Round(time.Second).String() })
	row("the work", func(d Decade) string { return d.Time.Round(time.Second).String() })
	row("tasks a message", number(func(d Decade) int { return d.Chunk }))
	row("messages", number(func(d Decade) int { return d.Messages }))
	row("messages in flight", number(func(d Decade) int { return d.InFlight }))
	row("SQS requests/s", rate(func(d Decade) float64 { return d.SQS }))
	row("result items/s", rate(func(d Decade) float64 { return d.Results }))
	row("ledgers/s", rate(func(d Decade) float64 { return d.Ledgers }))
	row("partitions for the writes", number(func(d Decade) int { return d.Partitions }))
	row("shards of the results", number(func(d Decade) int { return d.Shards }))
	row("read units of a leader's look", rate(func(d Decade) float64 { return d.Look }))
	var failed error
	row("SQS + DynamoDB", func(d Decade) string {
		table, _, err := d.Billed.Price(book)
		if err != nil {
			failed = err
		}
		return table.Short()
	})
	if err := t.Flush(); err != nil {
		return err
	}
	return failed
}
