package bench

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/producer"
)

// Billed is what AWS would bill for the services' requests.
type Billed struct {
	SQSRequests, WriteUnits, ReadUnits, S3Puts, S3Gets float64
}

func (s stats) billed() Billed {
	return Billed{float64(s.Billed.SQSRequests), s.Billed.WriteUnits, s.Billed.ReadUnits,
		float64(s.Requests["s3.PUT"] + s.Requests["s3.POST"]), float64(s.Requests["s3.GET"] + s.Requests["s3.HEAD"])}
}

func (b Billed) minus(o Billed) Billed {
	return Billed{b.SQSRequests - o.SQSRequests, b.WriteUnits - o.WriteUnits, b.ReadUnits - o.ReadUnits, b.S3Puts - o.S3Puts, b.S3Gets - o.S3Gets}
}

// million scales what so many tasks took to a million of them.
func (b Billed) million(tasks int) Billed {
	f := 1e6 / float64(max(1, tasks))
	return Billed{f * b.SQSRequests, f * b.WriteUnits, f * b.ReadUnits, f * b.S3Puts, f * b.S3Gets}
}

// Price is what the requests cost, S3 apart.
func (b Billed) Price(book *cost.Book) (queueAndTable, bucket cost.PicoUSD, err error) {
	for _, l := range []struct {
		id       string
		quantity float64
		sum      *cost.PicoUSD
	}{
		{"sqs.request", b.SQSRequests, &queueAndTable}, {"dynamodb.wru", b.WriteUnits, &queueAndTable}, {"dynamodb.rru", b.ReadUnits, &queueAndTable},
		{"s3.put", b.S3Puts, &bucket}, {"s3.get", b.S3Gets, &bucket},
	} {
		amount, err := book.Price(l.id, int64(l.quantity+0.5))
		if err != nil {
			return 0, 0, err
		}
		*l.sum += amount
	}
	return queueAndTable, bucket, nil
}

// The small task of the price list: what it is given, and what it answers, in bytes of msgpack.
const (
	smallIn  = 80
	smallOut = 100
)

func count(v float64) string { return progress.Count(int(v + 0.5)) }

// Scenario is one column of the price list.
type Scenario struct {
	Name string
	// Tasks pushed; the figures are scaled to a million. Chunk is the tasks in a message, as for a million on the named fleet.
	Tasks, Chunk int
}

// Scenarios are a million small tasks for fleets of 4, 100 and 10,000 workers, and with one
// message and one item for each task. Runs of many messages are cut short.
func Scenarios() []Scenario {
	of := func(workers int) int { return producer.ChunkSize(1_000_000, workers, 1, 0) }
	return []Scenario{
		{"4 workers", 1_000_000, of(4)}, {"100 workers", 1_000_000, of(100)}, {"10,000 workers", 100_000, of(10_000)}, {"one by one", 50_000, 1},
	}
}

// Priced is a scenario that was run.
type Priced struct {
	Scenario
	Result Result
}

// PriceList runs the scenarios on four local workers.
func PriceList(ctx context.Context, c Config, scenarios []Scenario) ([]Priced, error) {
	var out []Priced
	c.In, c.Out, c.Workers, c.Slots = smallIn, smallOut, 4, 1
	for _, s := range scenarios {
		c.Tasks, c.Chunk = s.Tasks, s.Chunk
		r, err := Run(ctx, c)
		if err != nil {
			return out, fmt.Errorf("%s: %w", s.Name, err)
		}
		out = append(out, Priced{s, r})
	}
	return out, nil
}

// PrintPriceList writes dollars per million tasks.
func PrintPriceList(w io.Writer, book *cost.Book, list []Priced) error {
	_, _ = fmt.Fprintf(w, "dollars per million small tasks (%d B in, %d B out), as the endpoint counted the requests; prices of %s, %s\n",
		smallIn, smallOut, book.Region, book.Date)
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', tabwriter.AlignRight) // Flush has the error of every line
	row := func(name string, cell func(p Priced, b Billed) string) {
		_, _ = fmt.Fprint(t, name, "\t")
		for _, p := range list {
			_, _ = fmt.Fprint(t, cell(p, p.Result.Billed.million(p.Tasks)), "\t")
		}
		_, _ = fmt.Fprintln(t)
	}
	row("chunks as for", func(p Priced, _ Billed) string { return p.Name })
	row("tasks a message", func(p Priced, _ Billed) string {
		return count(float64(p.Tasks) / float64(max(1, p.Result.Messages)))
	})
	row("SQS requests", func(_ Priced, b Billed) string { return count(b.SQSRequests) })
	row("DynamoDB write units", func(_ Priced, b Billed) string { return count(b.WriteUnits) })
	row("DynamoDB read units", func(_ Priced, b Billed) string { return count(b.ReadUnits) })
	row("S3 requests", func(_ Priced, b Billed) string { return count(b.S3Puts + b.S3Gets) })
	var failed error
	price := func(b Billed, bucket bool) string {
		table, s3, err := b.Price(book)
		if err != nil {
			failed = err
		}
		if bucket {
			return s3.Short()
		}
		return table.Round(cost.USD / 10_000).Short()
	}
	row("SQS + DynamoDB", func(_ Priced, b Billed) string { return price(b, false) })
	row("S3", func(_ Priced, b Billed) string { return price(b, true) })
	if err := t.Flush(); err != nil {
		return err
	}
	return failed
}
