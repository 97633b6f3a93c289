package cost_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

func TestEveryRegionHasAWholeBook(t *testing.T) {
	t.Parallel()
	base := embedded(t)
	regions := cost.EmbeddedRegions()
	if len(regions) < 2 {
		t.Fatalf("regions: %v", regions)
	}
	for _, region := range append(regions, "mars-north-1", "") {
		book, err := cost.EmbeddedFor(region)
		if err != nil {
			t.Errorf("%s: %v", region, err)
			continue
		}
		if want := max(region, cost.DefaultRegion); region == "" && book.Region != want {
			t.Errorf("no region: book of %s", book.Region)
		}
		for _, l := range base.Lines {
			got, err := book.Line(l.ID)
			if err != nil {
				t.Errorf("%s has no %s", region, l.ID)
			}
			if borrowed := strings.Contains(got.Source, "borrowed from"); borrowed && !got.Estimate {
				t.Errorf("%s: %s is borrowed and not marked as an estimate", region, l.ID)
			}
		}
	}
}

// The prices of the regions as their sources print them, for 1 vCPU and 2 GB an hour.
func TestRegionalPrices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		region   string
		platform cost.Platform
		want     string
		borrowed bool
	}{
		{"us-east-1", cost.X86, "$0.049370", false},
		{"us-east-1", cost.ARM, "$0.039500", false},
		{"eu-west-1", cost.ARM, "$0.039500", false},
		{"eu-central-1", cost.X86, "$0.056780", false},
		{"eu-central-1", cost.ARM, "$0.045434", true}, // us-east-1's times 0.04656 / 0.04048
		{"ap-south-1", cost.ARM, "$0.029050", false},
	} {
		book, err := cost.EmbeddedFor(c.region)
		if err != nil {
			t.Fatal(err)
		}
		rate, err := book.Fargate(c.platform, false)
		if err != nil {
			t.Fatal(err)
		}
		// The per-second list is rounded: 1 part in 10,000 (research note on the Fargate page).
		hour := 3600 * (rate.VCPU + 2*rate.GB)
		want, err := cost.ParsePicoUSD(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if off := max(hour-want, want-hour); off > want/9_000 {
			t.Errorf("%s %s: %s an hour, want %s", c.region, c.platform, hour, c.want)
		}
		if l, _ := book.Line("fargate." + string(c.platform) + ".vcpu"); l.Estimate != c.borrowed {
			t.Errorf("%s %s: estimate %v, want %v", c.region, c.platform, l.Estimate, c.borrowed)
		}
	}
}

func TestStalePricesAreOldestFirst(t *testing.T) {
	t.Parallel()
	book, err := cost.NewBook("r", []cost.Line{
		{ID: "new", Price: "1", Unit: "hour", Date: "2026-11-01", Source: "s"},
		{ID: "old", Price: "1", Unit: "hour", Date: "2026-06-01", Source: "s"},
		{ID: "older", Price: "1", Unit: "hour", Date: "2025-06-01", Source: "s"},
		{ID: "future", Price: "1", Unit: "hour", Date: "2030-01-01", Source: "s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range book.Stale(noon, cost.DefaultStaleAfter) {
		got = append(got, l.ID)
	}
	if diff := cmp.Diff([]string{"older", "old"}, got); diff != "" {
		t.Errorf("stale lines (-want +got):\n%s", diff)
	}
	if age := book.Lines[0].Age(noon); age != 23*24*time.Hour {
		t.Errorf("age %s, want 23 days", age)
	}
	if age := book.Lines[3].Age(noon); age != 0 {
		t.Errorf("a date in the future has age %s", age)
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because, overrides, id, wantPrice, wantError string
	}{
		{"a discount lowers the lines it matches", `{"discounts":[{"lines":"fargate.*","percent":"20"}]}`, "fargate.x86.vcpu", "$0.0000089952", ""},
		{"and no others", `{"discounts":[{"lines":"fargate.*","percent":"20"}]}`, "sqs.request", "$0.40", ""},
		{"two discounts multiply", `{"discounts":[{"lines":"*","percent":"10"},{"lines":"sqs.request","percent":"50"}]}`, "sqs.request", "$0.18", ""},
		{"100 % is free", `{"discounts":[{"lines":"nat.hour","percent":"100"}]}`, "nat.hour", "$0.00", ""},
		{"a line of one's own replaces the list price and is not discounted",
			`{"lines":[{"id":"nat.gb","price":"0.02","unit":"GB","date":"2026-10-01","source":"agreement"}],"discounts":[{"lines":"nat.*","percent":"50"}]}`, "nat.gb", "$0.02", ""},
		{"a discount on nothing is a mistake", `{"discounts":[{"lines":"fargte.*","percent":"20"}]}`, "", "", "no line matches"},
		{"a spelling mistake in a key, too", `{"discount":[]}`, "", "", "unknown field"},
		{"more than all", `{"discounts":[{"lines":"*","percent":"101"}]}`, "", "", "0 to 100"},
		{"a discount is no surcharge", `{"discounts":[{"lines":"*","percent":"-5"}]}`, "", "", "0 to 100"},
		{"one star", `{"discounts":[{"lines":"*.*","percent":"5"}]}`, "", "", "one star"},
		{"bad lines are refused", `{"lines":[{"id":"x","price":"1","unit":"hour","date":"soon","source":"s"}]}`, "", "", "YYYY-MM-DD"},
	} {
		o, err := cost.ParseOverrides([]byte(c.overrides))
		var book *cost.Book
		if err == nil {
			book, err = embedded(t).Override(o)
		}
		if c.wantError != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantError) {
				t.Errorf("%s: got error %v, want one with %q", c.because, err, c.wantError)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.because, err)
			continue
		}
		if l, err := book.Line(c.id); err != nil || l.Amount().String() != c.wantPrice {
			t.Errorf("%s: %s costs %s, %v; want %s", c.because, c.id, l.Amount(), err, c.wantPrice)
		}
	}
}

// A book made of untrusted bytes is either refused or sound.
func FuzzParseBook(f *testing.F) {
	f.Add([]byte(`{"region":"r","lines":[{"id":"a","price":"1","unit":"hour","date":"2026-01-02","source":"s"}]}`))
	f.Add([]byte(`{"region":"r","lines":[{"id":"a","price":"9223372.036854775807","unit":"GB","date":"2026-01-02","source":"s"}]}`))
	f.Add([]byte(`{"lines":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		book, err := cost.ParseBook(raw)
		if err != nil {
			return
		}
		for _, l := range book.Lines {
			if p, err := book.Price(l.ID, 1<<40); err != nil || p < 0 {
				t.Errorf("%s costs %s, %v", l.ID, p, err)
			}
		}
	})
}

func TestADiscountNeverRaisesAPrice(t *testing.T) {
	t.Parallel()
	book := embedded(t)
	rapid.Check(t, func(t *rapid.T) {
		percent := cost.PicoUSD(rapid.Int64Range(0, 100*int64(cost.USD)).Draw(t, "percent"))
		got, err := book.Override(cost.Overrides{Discounts: []cost.Discount{{Lines: "*", Percent: strings.TrimPrefix(percent.String(), "$")}}})
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range got.Lines {
			if l.Amount() > book.Lines[i].Amount() || l.Amount() < 0 {
				t.Fatalf("%s: %s, was %s", l.ID, l.Amount(), book.Lines[i].Amount())
			}
		}
	})
}
