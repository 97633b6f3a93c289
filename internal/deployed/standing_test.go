package deployed

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
)

// The limit that the project has set itself for a stack on which nothing runs, a month.
const standingLimit = 0.50

// What a month of standing still is made of. Free tiers are not deducted, but for the schedule's: the first 14 million
// invocations of EventBridge Scheduler a month are free for every account (aws.amazon.com/eventbridge/pricing).
const (
	minutes = 730 * 60
	// invocation is the assumed duration of one of the function that finds nothing: a dozen calls to services in its region.
	invocation = 300 * time.Millisecond
	functionGB = 0.125
	// logged is what Lambda and the function write of an invocation, in bytes.
	logged = 600
	images = 100e6 // bytes: four programs of 25 MB
	alarms = 3
	// A standard alarm's price a month, which the book does not have (aws.amazon.com/cloudwatch/pricing).
	alarmPrice = 0.10
)

// idleMinute is what an invocation that finds nothing is billed for, counted below the clients on the embedded endpoint.
func idleMinute(t *testing.T) map[string]int64 {
	t.Helper()
	srv, err := localaws.Start(t.Context(), localaws.Config{Dir: t.TempDir(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close(context.Background()) })
	clients, err := stack.Open(t.Context(), stack.Stack{Endpoint: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := laptop.Ensure(t.Context(), clients, srv.URL(), laptop.Fleet{Command: []string{"/bin/true"}})
	if err != nil {
		t.Fatal(err)
	}
	home, err := scaling.Open(t.Context(), scaling.Config{Stack: s, Settings: scaling.Settings{MaxWorkers: 10}, Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	const times = 3
	if _, err := home.Loop.Shift(t.Context(), time.Minute); err != nil { // the first also looks around
		t.Fatal(err)
	}
	before := clients.Meter.Counts()
	for range times {
		if _, err := home.Loop.Shift(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	counts := map[string]int64{}
	for k, n := range clients.Meter.Counts() {
		counts[k] = (n - before[k] + times - 1) / times
	}
	return counts
}

// standing is the lines of the bill of a month on which nothing runs, in dollars.
func standing(t *testing.T, minute map[string]int64) map[string]float64 {
	t.Helper()
	book, err := cost.EmbeddedFor("us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	price := func(id string) float64 {
		line, err := book.Line(id)
		if err != nil {
			t.Fatal(err)
		}
		return float64(line.Amount()) / 1e12 / float64(line.PerUnit())
	}
	bill := map[string]float64{
		"alarms":    alarms * alarmPrice,
		"function":  minutes * (price("lambda.request") + invocation.Seconds()*functionGB*price("lambda.gb")),
		"its log":   minutes * logged * price("logs.ingest"),
		"images":    images * price("ecr.storage"),
		"its calls": 0,
	}
	for k, n := range minute {
		id, billed := cost.RequestLine(k)
		if billed {
			bill["its calls"] += minutes * float64(n) * price(id)
		}
	}
	return bill
}

// Standing still costs less than half a dollar a month, and docs/operations.md has the table.
func TestStandingStill(t *testing.T) {
	t.Parallel()
	minute := idleMinute(t)
	t.Logf("an idle minute: %v", minute)
	bill := standing(t, minute)
	total := 0.0
	var table strings.Builder
	for _, line := range slices.Sorted(maps.Keys(bill)) {
		total += bill[line]
		fmt.Fprintf(&table, "| %s | $%.3f |\n", line, bill[line])
	}
	fmt.Fprintf(&table, "| **together** | **$%.2f** |\n", total)
	if total >= standingLimit {
		t.Errorf("standing still costs $%.3f a month, the limit is $%.2f", total, standingLimit)
	}
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), table.String()) {
		t.Errorf("docs/operations.md does not have this table:\n%s", &table)
	}
}
