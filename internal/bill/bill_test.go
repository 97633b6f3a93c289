package bill_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/store"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// table is a store in memory.
type table struct {
	jobs      []store.Job
	ledgers   []store.Ledger
	decisions []store.Decision
	forecasts map[string][]byte
	err       error
}

func (t *table) Job(_ context.Context, id string) (store.Job, error) {
	for _, j := range t.jobs {
		if j.ID == id {
			return j, t.err
		}
	}
	return store.Job{}, fmt.Errorf("job %s: %w", id, store.ErrNotFound)
}

func (t *table) Jobs(_ context.Context, since time.Time) iter.Seq2[store.Job, error] {
	return func(yield func(store.Job, error) bool) {
		for _, j := range t.jobs {
			if !j.Created.Before(since) && !yield(j, t.err) {
				return
			}
		}
	}
}

func (t *table) Ledgers(context.Context, string) ([]store.Ledger, error) { return t.ledgers, t.err }

func (t *table) JobLedgers(_ context.Context, job string) (out []store.Ledger, err error) {
	for _, l := range t.ledgers {
		if _, has := l.Jobs[job]; has {
			out = append(out, l)
		}
	}
	return out, t.err
}

func (t *table) Decisions(_ context.Context, _ string, from, to time.Time) iter.Seq2[store.Decision, error] {
	return func(yield func(store.Decision, error) bool) {
		for _, d := range t.decisions {
			if !d.At.Before(from) && d.At.Before(to) && !yield(d, t.err) {
				return
			}
		}
	}
}

func (t *table) Forecast(_ context.Context, job string) ([]byte, error) {
	if raw, has := t.forecasts[job]; has {
		return raw, nil
	}
	return nil, store.ErrNotFound
}

// setup is a fleet of three workers: two worked for prices and risk, launched for prices, the
// third was launched for risk and found nothing to do. Worker w2 was killed.
func setup(t *testing.T) (*table, bill.Config) {
	t.Helper()
	ledger := func(name string, start time.Duration, jobs map[string]store.JobCount) store.Ledger {
		return store.Ledger{Fleet: "f", Worker: name, Seq: 1, Slots: 1, Final: true, Updated: noon.Add(start + 100*time.Second), Jobs: jobs,
			Cost: store.CostSample{Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, CPUMS: 12_345,
				Launched: noon.Add(start), Ready: noon.Add(start + 25*time.Second),
				Requests: map[string]int64{"sqs.receive": 10, "ddb.wru": 20, "bytes.in": 1 << 20}}}
	}
	killed := ledger("w2", 10*time.Second, map[string]store.JobCount{"prices": {OK: 30, BusyMS: 40_000, RunningMS: 5_000}})
	killed.Final = false
	tab := &table{
		jobs: []store.Job{{ID: "prices", Fleet: "f", Handler: "price", N: 80, Created: noon.Add(-time.Minute)},
			{ID: "risk", Fleet: "f", Handler: "risk", N: 10, Created: noon.Add(-time.Minute)}, {ID: "other", Fleet: "g", Created: noon}},
		ledgers: []store.Ledger{
			ledger("w1", 5*time.Second, map[string]store.JobCount{"prices": {OK: 50, BusyMS: 50_000, WastedMS: 10_000, FailedMS: 10_000}, "risk": {OK: 10, BusyMS: 20_000}}),
			killed, ledger("w3", 20*time.Second, nil),
			{Fleet: "f", Worker: "old", Final: true, Updated: noon.Add(-time.Hour), Cost: store.CostSample{Launched: noon.Add(-2 * time.Hour)}},
		},
		decisions: []store.Decision{
			{At: noon, Wave: 1, Want: 2, Jobs: map[string]int64{"prices": 80}},
			{At: noon.Add(15 * time.Second), Wave: 2, Desired: 2, Want: 3, Jobs: map[string]int64{"risk": 10}},
		},
		forecasts: map[string][]byte{},
	}
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e, err := cost.EstimateJob(book, cost.JobShape{Tasks: 80, Messages: 8, Offloaded: 1, TaskTime: bill.Around(time.Second)}, cost.Fleet{Max: 2})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := bill.Forecast{Estimate: e, Source: "job before", Sent: map[string]int64{"sqs.send": 8, "ddb.wru": 5, "bytes.out": 9}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	tab.forecasts["prices"] = raw
	return tab, bill.Config{Store: tab, Book: book, Fleet: "f", Now: noon.Add(time.Hour)}
}

func TestEveryViewAddsUp(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	for name, c := range map[string]bill.Config{
		"plain": c, "public": {Store: c.Store, Book: c.Book, Fleet: "f", Now: c.Now, Network: cost.NetworkPublic},
		"nat": {Store: c.Store, Book: c.Book, Fleet: "f", Now: c.Now, Network: cost.NetworkNAT, ImageBytes: 100 << 20},
	} {
		prices, err := c.Job(t.Context(), "prices")
		if err != nil {
			t.Fatal(err)
		}
		risk, err := c.Job(t.Context(), "risk")
		if err != nil {
			t.Fatal(err)
		}
		fleet, err := c.Since(t.Context(), noon.Add(-2*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		var idle cost.PicoUSD
		for _, j := range fleet.Statement.Jobs {
			if j.Job == cost.Idle {
				idle = j.Total()
			}
		}
		if sum := prices.Statement.Total + risk.Statement.Total + idle; name != "nat" && sum != fleet.Statement.Total || idle <= 0 {
			t.Errorf("%s: the jobs alone and idle (%s) make %s, the fleet cost %s", name, idle, sum, fleet.Statement.Total)
		}
		for _, b := range []*bill.Bill{prices, risk, fleet} {
			for _, v := range bill.Views {
				checkView(t, b, v)
			}
		}
	}
}

// checkView adds a view's rows up in the three formats.
func checkView(t *testing.T, b *bill.Bill, v bill.View) {
	t.Helper()
	var rows cost.PicoUSD
	for _, r := range b.Rows(v) {
		rows += r.Cost
	}
	var out bytes.Buffer
	if err := b.Write(&out, bill.CSV, v); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var inCSV cost.PicoUSD
	for _, r := range records[1:] {
		n, err := strconv.ParseInt(r[len(r)-1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		inCSV += cost.PicoUSD(n)
	}
	out.Reset()
	if err := b.Write(&out, bill.JSON, v); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Total int64 `json:"total_pico_usd"`
		Rows  []struct {
			Cost int64 `json:"cost_pico_usd"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var inJSON int64
	for _, r := range doc.Rows {
		inJSON += r.Cost
	}
	out.Reset()
	if err := b.Write(&out, bill.Table, v); err != nil {
		t.Fatal(err)
	}
	total := b.Statement.Total
	if rows != total || inCSV != total || cost.PicoUSD(inJSON) != total || doc.Total != int64(total) || total <= 0 || !strings.Contains(out.String(), total.String()) {
		t.Errorf("%s by %s: rows %s, CSV %s, JSON %s, total %s", b.Job, v, rows, inCSV, cost.PicoUSD(inJSON), total)
	}
}

func TestABillSaysWhatItKnows(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	b, err := c.Job(t.Context(), "prices")
	if err != nil {
		t.Fatal(err)
	}
	// w1: 50 of 70 s busy, w2 all. Both were launched for it. w3 was not.
	got := map[string]string{}
	for _, w := range b.Statement.Workers {
		got[w.Name] = w.Wave
	}
	want := map[string]string{"w1": "2026-11-24T12:00:00.000Z #1", "w2": "2026-11-24T12:00:00.000Z #1", cost.Elsewhere: cost.Elsewhere}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workers and waves (-want +got):\n%s", diff)
	}
	j := b.Statement.Jobs[0]
	if j.Waste.Failed <= 0 || j.Waste.Interrupted <= 0 || j.Waste.Duplicated != 0 || b.Statement.Wasted != j.Waste.Total() {
		t.Errorf("waste %+v", j.Waste)
	}
	// Kept: 90 s − 10 s failed − 5 s lost, on one worker that starts in 25 s.
	if want := 100 * cost.PicoUSD(13_714_000); b.Bound != want || b.Ratio() <= 1 {
		t.Errorf("bound %s, want %s; ratio %v", b.Bound, want, b.Ratio())
	}
	if b.Unsettled != 1 || b.Forecast == nil || len(b.Alternatives) == 0 {
		t.Errorf("unsettled %d, forecast %v, alternatives %v", b.Unsettled, b.Forecast, b.Alternatives)
	}
	var out bytes.Buffer
	if err := b.Write(&out, bill.Table, bill.ByLine); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ESTIMATED", "s3.put", "tasks as in job before", "wasted", "bound", "cheaper", "Of 1 workers nobody saw the end"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

func TestBillsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	tab, c := setup(t)
	if _, err := c.Job(t.Context(), "nosuch"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such job: %v", err)
	}
	for because, raw := range map[string]string{"not JSON": "{", "nothing in it": "{}", "out of order": `{"estimate":{"lines":[{"id":"x","cost":{"low":5,"likely":3,"high":9}}]}}`} {
		tab.forecasts["prices"] = []byte(raw)
		b, err := c.Job(t.Context(), "prices")
		if err != nil || b.Forecast != nil || b.Statement.Total <= 0 {
			t.Errorf("a forecast that is %s: %+v, %v", because, b, err)
		}
	}
	tab.err = errors.New("broken")
	for because, bills := range map[string]func() (*bill.Bill, error){
		"job":   func() (*bill.Bill, error) { return c.Job(t.Context(), "prices") },
		"since": func() (*bill.Bill, error) { return c.Since(t.Context(), noon) },
	} {
		if _, err := bills(); !errors.Is(err, tab.err) {
			t.Errorf("%s with a broken table: %v", because, err)
		}
	}
}

func TestTaskTimeIsLearntFromTheHandlersLastJobs(t *testing.T) {
	t.Parallel()
	tab, c := setup(t)
	now := c.Now
	// prices: 90 s of handlers for 80 tasks.
	r, source, err := bill.TaskTime(t.Context(), tab, "price", "f", now)
	if want := bill.Around(1125 * time.Millisecond); r != want || source != "job prices" || err != nil {
		t.Errorf("%+v of %q, %v; want %+v", r, source, err, want)
	}
	if r, _, err := bill.TaskTime(t.Context(), tab, "price", "g", now); r.Known() || err != nil {
		t.Errorf("in another fleet: %+v, %v", r, err)
	}
	tab.jobs = append(tab.jobs, store.Job{ID: "again", Fleet: "f", Handler: "price", Created: noon})
	tab.ledgers = append(tab.ledgers, store.Ledger{Worker: "w9", Jobs: map[string]store.JobCount{"again": {OK: 10, BusyMS: 20_000}}})
	r, source, err = bill.TaskTime(t.Context(), tab, "price", "f", now)
	if r.Low != bill.Around(1125*time.Millisecond).Low || r.High != 2500*time.Millisecond || source != "the last 2 jobs" || err != nil {
		t.Errorf("%+v of %q, %v", r, source, err)
	}
}
