package bench

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/cost"
)

// Small tasks cost at most 7 cents a million in requests, counted by the endpoint.
func TestAMillionSmallTasksCostSevenCentsAtMost(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	list, err := PriceList(t.Context(), Config{Self: self, WorkerArgs: []string{"be-worker"}},
		[]Scenario{{"4 workers", 50_000, Scenarios()[0].Chunk}, {"one by one", 1_000, 1}})
	if err != nil {
		t.Fatal(err)
	}
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var prices []cost.PicoUSD
	for _, p := range list {
		b := p.Result.Billed.million(p.Tasks)
		price, _, err := b.Price(book)
		if err != nil {
			t.Fatal(err)
		}
		prices = append(prices, price)
		if b.SQSRequests <= 0 || b.WriteUnits <= 0 || b.ReadUnits <= 0 {
			t.Errorf("%s: the endpoint counted %+v", p.Name, b)
		}
	}
	checkEstimate(t, book, list)
	if prices[0] > 7*cost.Cent || prices[1] < 60*cost.Cent {
		t.Errorf("in chunks %s, want at most $0.07; one by one %s, want what a million items cost at least", prices[0], prices[1])
	}
	var out bytes.Buffer
	if err := PrintPriceList(&out, book, list); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"80 B in, 100 B out", "4 workers", "one by one", "SQS + DynamoDB", prices[0].Round(cost.USD / 10_000).Short()} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the price list lacks %q:\n%s", want, &out)
		}
	}
}

// checkEstimate holds the estimates against what the endpoint counted. The laptop's workers
// and autoscaler report ten times as often as those on AWS, so that more is allowed than expected.
func checkEstimate(t *testing.T, book *cost.Book, list []Priced) {
	t.Helper()
	for _, p := range list {
		e, err := cost.EstimateJob(book, cost.JobShape{Tasks: p.Tasks, Messages: p.Result.Messages,
			ArgBytes: int64(p.Tasks) * smallIn, ResultBytes: smallOut}, cost.Fleet{Max: 4})
		if err != nil {
			t.Fatal(err)
		}
		counted := map[string]float64{"sqs.request": p.Result.Billed.SQSRequests, "dynamodb.wru": p.Result.Billed.WriteUnits}
		for _, l := range e.Lines {
			n, known := counted[l.ID]
			if !known {
				continue
			}
			one, err := book.Price(l.ID, 1)
			if err != nil {
				t.Fatal(err)
			}
			low, high := float64(l.Cost.Low)/float64(one), float64(l.Cost.High)/float64(one)
			if n < low/2 || n > high*1.5+300 {
				t.Errorf("%s: %s was estimated at %.0f to %.0f, the endpoint counted %.0f", p.Name, l.ID, low, high, n)
			}
		}
	}
}

func TestPayloadsHaveTheirSize(t *testing.T) {
	t.Parallel()
	for _, p := range []payload{{80, false}, {100, false}, {100, true}, {1, false}, {300, true}, {0, false}} {
		for _, i := range []int{0, 7, 999_999} {
			raw := p.result(i)
			if len(raw) != p.size && p.size != 0 {
				t.Errorf("%+v: %d bytes", p, len(raw))
			}
			var text string
			if err := codec.Unmarshal(raw, &text); p.size > 1 && (err != nil || text == "") {
				t.Errorf("%+v: %q, %v", p, raw, err)
			}
			if !bytes.Equal(raw, p.result(i)) {
				t.Errorf("%+v: not the same twice", p)
			}
		}
	}
}
