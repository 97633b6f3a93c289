package report

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/bill"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/store"
)

var update = flag.Bool("update", false, "write testdata anew")

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// table is a store in memory.
type table struct {
	job       store.Job
	ledgers   []store.Ledger
	decisions []store.Decision
	forecast  []byte
	count     store.Count
	failed    []store.Settled
}

func (t *table) Job(context.Context, string) (store.Job, error) { return t.job, nil }

func (t *table) Jobs(context.Context, time.Time) iter.Seq2[store.Job, error] {
	return func(yield func(store.Job, error) bool) { yield(t.job, nil) }
}

func (t *table) Ledgers(context.Context, string) ([]store.Ledger, error) { return t.ledgers, nil }

func (t *table) Decisions(_ context.Context, _ string, from, to time.Time) iter.Seq2[store.Decision, error] {
	return func(yield func(store.Decision, error) bool) {
		for _, d := range t.decisions {
			if !d.At.Before(from) && d.At.Before(to) && !yield(d, nil) {
				return
			}
		}
	}
}

func (t *table) Forecast(context.Context, string) ([]byte, error) {
	if t.forecast == nil {
		return nil, store.ErrNotFound
	}
	return t.forecast, nil
}

func (t *table) Recount(context.Context, store.Job) (store.Count, error) { return t.count, nil }

func (t *table) FailedItems(context.Context, store.Job) iter.Seq2[store.FailedItem, error] {
	return func(yield func(store.FailedItem, error) bool) { yield(store.FailedItem{Failed: t.failed}, nil) }
}

// setup is a finished job of 300 tasks on 4 workers in two waves, of which the last was killed; 3 tasks failed.
func setup(t *testing.T) *table {
	t.Helper()
	worker := func(name string, launched, end int, ok, failed int64) store.Ledger {
		return store.Ledger{Fleet: "f", Worker: name, Seq: 1, Slots: 1, Final: true, Updated: at(end), Jobs: map[string]store.JobCount{"prices-1": {OK: ok, Failed: failed, BusyMS: 600 * (ok + failed), WastedMS: 600 * failed, FailedMS: 600 * failed}},
			Hist: map[int]int64{60: 5, 70: 20, 73: ok - 30, 74: 3, 90: 2}, Cost: store.CostSample{Provider: cost.Fargate, Arch: "X86_64", VCPUMilli: 1000, MemoryMiB: 2048, Launched: at(launched), Ready: at(launched + 21)}}
	}
	killed := worker("w4", 58, 90, 40, 0)
	killed.Final = false
	tab := &table{
		job:     store.Job{ID: "prices-1", Fleet: "f", Handler: "price", Label: "tasks.jsonl", N: 300, Confirmed: 300, State: store.Done, Created: noon, Finished: at(130), MaxCostPico: int64(cost.USD / 200), Plan: store.Plan{Chunk: 5}},
		ledgers: []store.Ledger{worker("w1", 5, 160, 110, 2), worker("w2", 6, 160, 97, 1), worker("w3", 57, 158, 50, 0), killed},
		decisions: []store.Decision{
			{Fleet: "f", At: at(1), Seq: 1, Wave: 1, Visible: 60, Want: 2, Jobs: map[string]int64{"prices-1": 300}, Binding: "wave", Reason: "300 tasks wait; two workers first"},
			{Fleet: "f", At: at(30), Seq: 2, Wave: 1, Visible: 50, InFlight: 2, Desired: 2, Want: 2, Running: 2, Busy: 2, Binding: "wave", Reason: "half of the wave first"},
			{Fleet: "f", At: at(52), Seq: 3, Wave: 2, Visible: 40, InFlight: 2, Desired: 2, Want: 4, Running: 2, Busy: 2, Jobs: map[string]int64{"prices-1": 200}, Binding: "quota", Reason: "200 tasks, 0.6 s each: 4 of 6 wanted, the quota allows 4"},
			{Fleet: "f", At: at(90), Seq: 4, Wave: 2, Visible: 20, InFlight: 4, Delayed: 3, Desired: 4, Want: 4, Running: 4, Busy: 4, Binding: "quota", Reason: "as before"},
			{Fleet: "f", At: at(135), Seq: 5, Wave: 2, Desired: 4, Want: 0, Running: 3, Reason: "nothing is left"},
		},
		count: store.Count{OK: 297, Failed: 3},
	}
	for i, message := range []string{"no price for 17", "no price for 44", "deadline"} {
		kind := store.FailError
		if i == 2 {
			kind = store.FailTimeout
		}
		tab.failed = append(tab.failed, store.Settled{Index: 10 * i, Failure: &store.Failure{Kind: kind, Message: message, Stack: "at price.go:7\n", Attempts: 3}})
	}
	book := embedded(t)
	shape := cost.JobShape{Tasks: 300, Messages: 60, TaskTime: bill.Around(500 * time.Millisecond)}
	estimate, err := cost.EstimateJob(book, shape, cost.Fleet{Max: 4})
	if err != nil {
		t.Fatal(err)
	}
	if tab.forecast, err = (bill.Forecast{Shape: shape, Estimate: estimate, Source: "the last 3 jobs", Sent: map[string]int64{"sqs.send": 6}}).Encode(); err != nil {
		t.Fatal(err)
	}
	return tab
}

func embedded(t *testing.T) *cost.Book {
	t.Helper()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// of looks at a table and writes the report of it.
func of(t *testing.T, tab *table, f Format) string {
	t.Helper()
	look := &view.Looker{Store: tab, Job: tab.job.ID, Bills: bill.Config{Book: embedded(t)}}
	s, err := look.Look(t.Context(), at(600))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := New(look.Input(), s).Write(&out, f); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReports(t *testing.T) {
	t.Parallel()
	for _, f := range Formats {
		got := of(t, setup(t), f)
		if again := of(t, setup(t), f); again != got {
			t.Errorf("%s: the same job gives two reports", f)
		}
		golden := filepath.Join("testdata", "report."+string(f))
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got; if that is meant: go test ./internal/report -update):\n%s", f, diff)
		}
	}
}

// hostile is what a task, or who submitted it, may have written.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>&` + "\x00\x1b[2J\u202e" + ` ](javascript:alert(3)) | ` + "`code`"

func TestHostileNamesStayText(t *testing.T) {
	t.Parallel()
	tab := setup(t)
	tab.job.Handler, tab.job.Label, tab.job.State, tab.job.Why = hostile, hostile, store.Cancelled, hostile
	for i := range tab.failed {
		f := tab.failed[i].Failure
		f.Message, f.Stack, f.Kind = hostile, hostile, store.FailureKind(hostile)
	}
	for i := range tab.ledgers {
		tab.ledgers[i].Worker += hostile
	}
	for i := range tab.decisions {
		tab.decisions[i].Reason, tab.decisions[i].Binding = hostile, hostile
	}
	page := of(t, tab, HTML)
	known := map[string]bool{}
	for _, e := range elements(t, of(t, setup(t), HTML)) {
		known[e] = true
	}
	for _, e := range elements(t, page) {
		if !known[e] {
			t.Errorf("the page has an element that no harmless one has: %s", e)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") || strings.ContainsAny(page, "\x1b\u202e") {
		t.Error("the names are not shown as text")
	}
	drawing := of(t, tab, SVG)
	wellFormed(t, drawing)
	if strings.Contains(drawing, "<script") || strings.Contains(drawing, "<img") {
		t.Error("the drawing has a name's element")
	}
	md := of(t, tab, Markdown)
	if strings.Contains(md, "<script") || strings.Contains(md, "<img") || strings.Contains(md, "\x1b") || regexp.MustCompile("[^\\\\]`code").MatchString(md) {
		t.Errorf("the Markdown has a name's element:\n%s", md)
	}
	for line := range strings.Lines(md) {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != strings.Count("|7|7|7|7|7|7|7|", "|") && strings.Contains(line, "→") && strings.Contains(line, "#") {
			t.Errorf("a row is broken: %s", line)
		}
	}
}

// elements lists the kinds of elements of a page with the names of their attributes.
func elements(t *testing.T, page string) (out []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, is := token.(xml.StartElement); is {
			names := []string{e.Name.Local}
			for _, a := range e.Attr {
				names = append(names, a.Name.Local)
			}
			out = append(out, strings.Join(names, " "))
		}
	}
}

func wellFormed(t *testing.T, drawing string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(drawing))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the SVG is not well-formed: %v", err)
		}
	}
}

func TestReportsStandAlone(t *testing.T) {
	t.Parallel()
	page, drawing := of(t, setup(t), HTML), of(t, setup(t), SVG)
	wellFormed(t, drawing)
	for _, text := range []string{page, drawing} {
		if found := regexp.MustCompile(`<script|<link|<img|@import|url\(|https?://`).FindAllString(strings.ReplaceAll(text, "http://www.w3.org/2000/svg", ""), -1); len(found) > 0 {
			t.Errorf("it loads something: %v", found)
		}
		if !strings.Contains(text, "prefers-color-scheme:dark") {
			t.Error("it knows no dark")
		}
	}
}

func TestManyWorkersAreFolded(t *testing.T) {
	t.Parallel()
	tab := setup(t)
	one := tab.ledgers[0]
	for i := range 1000 {
		l := one
		l.Worker = fmt.Sprintf("x%04d", i)
		l.Cost.Launched, l.Cost.Ready = at(5+i/20), at(26+i/20)
		tab.ledgers = append(tab.ledgers, l)
	}
	page := of(t, tab, HTML)
	rows := strings.Count(page, "<g><title>")
	if rows > maxRows || rows < maxRows/2 || !strings.Contains(page, "1004 workers, 6 to a row") {
		t.Errorf("%d rows", rows)
	}
	if len(page) > 300_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
}

func TestAJobOfWhichNothingIsKnownHasAReport(t *testing.T) {
	t.Parallel()
	tab := &table{job: store.Job{ID: "j", Handler: "h", N: 5, State: store.Open, Created: at(599)}}
	for _, f := range Formats {
		got := of(t, tab, f)
		if f == HTML && (!strings.Contains(got, "No worker has worked for this job.") || !strings.Contains(got, "No decision of an autoscaler") || !strings.Contains(got, "No task failed.")) {
			t.Errorf("%s: %s", f, got)
		}
		if f == SVG {
			wellFormed(t, got)
		}
	}
}

func TestTheFormatIsThatOfTheName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Format{"a.html": HTML, "b/c.MD": Markdown, "x.svg": SVG, "x.pdf": "", "html": "", "": ""} {
		if got, ok := FormatOf(name); got != want || ok != (want != "") {
			t.Errorf("FormatOf(%q) = %q, %v", name, got, ok)
		}
	}
}
