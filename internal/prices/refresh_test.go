package prices

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/cost"
)

var noon = time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)

const header = `"SKU","OfferTermCode","RateCode","TermType","PriceDescription","EffectiveDate","StartingRange","EndingRange","Unit","PricePerUnit","Currency","Product Family","serviceCode","Location","usageType","operation","Region Code"`

func offerCSV(code string, rows ...string) string {
	return `"FormatVersion","v1.0"
"Disclaimer","This pricing list is for informational purposes only, as it says."
"Publication Date","2026-12-11T17:02:35Z"
"Version","20261211170235"
"OfferCode","` + code + `"
` + header + "\n" + strings.Join(rows, "\n") + "\n"
}

// row is a row as the Price List has it.
func row(term, from, unit, price, currency, usage, operation, region string) string {
	return `"SKU1","JRTCKXETXF","SKU1.JRTCKXETXF.6YS6EN2CT7","` + term + `","$` + price + ` per thing, in words","2026-12-01","` + from + `","Inf","` +
		unit + `","` + price + `","` + currency + `","Compute","AmazonECS","EU (Frankfurt)","` + usage + `","` + operation + `","` + region + `"`
}

func onDemand(unit, price, usage, operation string) string {
	return row("OnDemand", "0", unit, price, "USD", usage, operation, "eu-central-1")
}

// files are the offer files of Frankfurt, with what must not be mistaken for a price.
func files() map[string]string {
	return map[string]string{
		"AmazonECS": offerCSV("AmazonECS",
			onDemand("hours", "0.0930000000", "EUC1-Fargate-Windows-vCPU-Hours:perCPU", ""),
			onDemand("hours", "0.0143000000", "EUC1-SpotUsage-Fargate-vCPU-Hours:perCPU", ""),
			onDemand("hours", "0.0466000000", "EUC1-Fargate-vCPU-Hours:perCPU", ""),
			row("Reserved", "0", "hours", "0.0200000000", "USD", "EUC1-Fargate-vCPU-Hours:perCPU", "", "eu-central-1"),
			row("OnDemand", "0", "hours", "0.3300000000", "CNY", "EUC1-Fargate-vCPU-Hours:perCPU", "", "eu-central-1"),
			row("OnDemand", "0", "hours", "0.0700000000", "USD", "EUC1-Fargate-vCPU-Hours:perCPU", "", "eu-central-2"),
			onDemand("hours", "0.0051100000", "EUC1-Fargate-GB-Hours", ""),
			onDemand("hours", "0.0372500000", "EUC1-Fargate-ARM-vCPU-Hours:perCPU", ""),
			onDemand("hours", "0.0040900000", "EUC1-Fargate-ARM-GB-Hours", ""),
			onDemand("GB-Hours", "0.0001270000", "EUC1-Fargate-EphemeralStorage-GB-Hours", "")),
		"AWSQueueService": offerCSV("AWSQueueService",
			row("OnDemand", "100000000000", "Requests", "0.0000003000", "USD", "EUC1-Requests-RBP", "", "eu-central-1"),
			row("OnDemand", "0", "Requests", "0.0000004000", "USD", "EUC1-Requests-RBP", "", "eu-central-1")),
		"AmazonDynamoDB": offerCSV("AmazonDynamoDB",
			onDemand("WriteRequestUnits", "0.0000007625", "EUC1-WriteRequestUnits", "PayPerRequestThroughput"),
			onDemand("WriteRequestUnits", "0.0000015250", "EUC1-WriteRequestUnits", "CommittedThroughput"),
			onDemand("ReadRequestUnits", "0.0000001525", "EUC1-ReadRequestUnits", "PayPerRequestThroughput"),
			row("OnDemand", "0", "GB-Mo", "0.0000000000", "USD", "EUC1-TimedStorage-ByteHrs", "", "eu-central-1"),
			row("OnDemand", "25", "GB-Mo", "0.3060000000", "USD", "EUC1-TimedStorage-ByteHrs", "", "eu-central-1")),
		"AmazonS3": offerCSV("AmazonS3",
			onDemand("Requests", "0.0000054000", "EUC1-Requests-Tier1", ""),
			onDemand("Requests", "0.0000004300", "EUC1-Requests-Tier2", ""),
			onDemand("GB-Mo", "0.0245000000", "EUC1-TimedStorage-ByteHrs", "")),
		"AmazonVPC": offerCSV("AmazonVPC",
			onDemand("Hrs", "0.0050000000", "EUC1-PublicIPv4:InUseAddress", "AllocateAddressVPC"),
			onDemand("Hrs", "0.0120000000", "EUC1-VpcEndpoint-Hours", "VpcEndpoint"),
			row("OnDemand", "0", "GB", "0.0100000000", "USD", "EUC1-VpcEndpoint-Bytes", "VpcEndpoint", "eu-central-1"),
			row("OnDemand", "1048576", "GB", "0.0060000000", "USD", "EUC1-VpcEndpoint-Bytes", "VpcEndpoint", "eu-central-1")),
		"AmazonCloudWatch": offerCSV("AmazonCloudWatch",
			onDemand("GB", "0.6300000000", "EUC1-DataProcessing-Bytes", "PutLogEvents"),
			onDemand("GB", "0.3150000000", "EUC1-DataProcessing-Bytes", "PutLogEvents")), // which?
		"AWSLambda": offerCSV("AWSLambda",
			onDemand("Requests", "0.0000002000", "EUC1-Request", ""),
			onDemand("Lambda-GB-Second", "0.0000166667", "EUC1-Lambda-GB-Second", "")),
		"AmazonECR": offerCSV("AmazonECR", onDemand("GB-Mo", "0.1000000000", "EUC1-TimedStorage-ByteHrs", "")),
	}
}

// serve serves files as the Price List does.
func serve(t *testing.T, files map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, has := files[r.URL.Path]; has {
			_, _ = w.Write([]byte(text))
			return
		}
		for code, text := range files {
			if r.URL.Path == "/offers/v1.0/aws/"+code+"/current/eu-central-1/index.csv" {
				_, _ = w.Write([]byte(text))
				return
			}
		}
		http.Error(w, "no such offer", http.StatusNotFound)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func config(t *testing.T, url string) RefreshConfig {
	t.Helper()
	return RefreshConfig{Region: "eu-central-1", CacheDir: filepath.Join(t.TempDir(), "cache"), BaseURL: url, Now: func() time.Time { return noon }}
}

func TestRefreshTakesTheRightRows(t *testing.T) {
	t.Parallel()
	c := config(t, serve(t, files()))
	r, err := Refresh(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	book, notes, err := Open(Config{Region: "eu-central-1", CacheDir: c.CacheDir})
	if err != nil || len(notes) > 0 {
		t.Fatalf("%v, notes %q", err, notes)
	}
	got := map[string]string{}
	for _, l := range book.Lines {
		if strings.HasPrefix(l.Source, "AWS Price List") {
			got[l.ID] = l.Price + "/" + l.Unit
		}
	}
	want := map[string]string{
		"fargate.x86.vcpu": "0.0466/vCPU-hour", "fargate.x86.gb": "0.00511/GB-hour", "fargate.arm.vcpu": "0.03725/vCPU-hour",
		"fargate.arm.gb": "0.00409/GB-hour", "fargate.disk": "0.000127/GB-hour", "sqs.request": "0.0000004/request",
		"dynamodb.wru": "0.0000007625/request", "dynamodb.rru": "0.0000001525/request", "dynamodb.storage": "0.306/GB-month",
		"s3.put": "0.0000054/request", "s3.get": "0.00000043/request", "s3.storage": "0.0245/GB-month", "ipv4": "0.005/hour",
		"endpoint.hour": "0.012/hour", "endpoint.gb": "0.01/GB", "lambda.request": "0.0000002/request", "lambda.gb": "0.0000166667/GB-second",
		"ecr.storage": "0.1/GB-month",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("prices (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"sqs.fifo.request", "logs.ingest"}, r.Missing); diff != "" {
		t.Errorf("missing or ambiguous (-want +got):\n%s", diff)
	}
	l, err := book.Line("fargate.x86.vcpu")
	if err != nil || l.Estimate || l.Date != "2026-12-24" ||
		l.Source != "AWS Price List, AmazonECS, published 2026-12-11, usage type EUC1-Fargate-vCPU-Hours:perCPU" {
		t.Errorf("line %+v, %v", l, err)
	}
	changed := false
	for _, ch := range r.Changed {
		changed = changed || ch.New.ID == "fargate.x86.vcpu" && ch.Old.Price == "0.04656"
		if ch.New.ID == "ipv4" {
			t.Errorf("ipv4 has not changed: %+v", ch)
		}
	}
	if !changed {
		t.Errorf("the change of the vCPU price is not reported: %+v", r.Changed)
	}
	if again, err := Refresh(t.Context(), c); err != nil || len(again.Changed) > 0 {
		t.Errorf("a second refresh changes %+v, %v", again.Changed, err)
	}
}

func TestRefreshIsAllOrNothing(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		because, wantError string
		edit               func(map[string]string)
	}{
		{"a file is missing", "404", func(f map[string]string) { delete(f, "AmazonECR") }},
		{"a price is not of the right order", "not believed", func(f map[string]string) {
			f["AmazonS3"] = strings.ReplaceAll(f["AmazonS3"], "0.0000054", "0.0054000")
		}},
		{"a price is no number", "amount", func(f map[string]string) { f["AmazonS3"] = strings.ReplaceAll(f["AmazonS3"], "0.0000054", "cheap") }},
		{"a price is negative", "negative", func(f map[string]string) {
			f["AmazonS3"] = strings.ReplaceAll(f["AmazonS3"], `"0.0000054000","USD"`, `"-0.0000054000","USD"`)
		}},
		{"a unit is another", "priced per", func(f map[string]string) {
			f["AmazonECS"] = strings.ReplaceAll(f["AmazonECS"], `"hours"`, `"days"`)
		}},
		{"a column is missing", `"usageType" is missing`, func(f map[string]string) {
			f["AmazonECS"] = strings.ReplaceAll(f["AmazonECS"], "usageType", "usage")
		}},
		{"a row is short", "columns", func(f map[string]string) { f["AmazonECS"] += "\"a\",\"b\"\n" }},
		{"another service's file", "of offer", func(f map[string]string) { f["AmazonECR"] = f["AmazonS3"] }},
		{"another format", "format version", func(f map[string]string) { f["AmazonECR"] = strings.ReplaceAll(f["AmazonECR"], "v1.0", "v2.0") }},
		{"an error page instead of a file", "does not begin like", func(f map[string]string) { f["AmazonECR"] = "<html><body>sorry</body></html>" }},
		{"nothing at all", "does not begin like", func(f map[string]string) { f["AmazonECR"] = "" }},
		{"an endless line", "longer than", func(f map[string]string) { f["AmazonECR"] += `"` + long + long }},
		{"a quote that is never closed", "quoted field", func(f map[string]string) { f["AmazonECR"] += "\"open\n" + long }},
		{"a range that starts nowhere", "range starts", func(f map[string]string) {
			f["AmazonECR"] = strings.ReplaceAll(f["AmazonECR"], `"0","Inf"`, `"NaN","Inf"`)
		}},
	} {
		t.Run(c.because, func(t *testing.T) {
			t.Parallel()
			f := files()
			c.edit(f)
			cfg := config(t, serve(t, f))
			_, err := Refresh(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), c.wantError) {
				t.Errorf("error %v, want one with %q", err, c.wantError)
			}
			if _, err := os.Stat(cfg.CacheDir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something was kept: %v", err)
			}
		})
	}
}

func TestRefreshRefusesWhereItMayNotGo(t *testing.T) {
	t.Parallel()
	for because, edit := range map[string]func(*RefreshConfig){
		"https":            func(c *RefreshConfig) { c.BaseURL = "http://prices.example.com" },
		"no name of a":     func(c *RefreshConfig) { c.Region = "../../etc" },
		"no cache":         func(c *RefreshConfig) { c.CacheDir = "" },
		"base URL":         func(c *RefreshConfig) { c.BaseURL = "://" },
		"context canceled": func(*RefreshConfig) {},
	} {
		c := config(t, "http://127.0.0.1:1")
		edit(&c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Refresh(ctx, c); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("error %v, want one with %q", err, because)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, dir, name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	line := `{"id":"ipv4","price":"0.006","unit":"hour","date":"%s","source":"s"}`
	book := func(region, date string) string {
		return fmt.Sprintf(`{"region":%q,"lines":[`+line+`]}`, region, date)
	}
	for _, c := range []struct {
		because           string
		cache, overrides  string
		required          bool
		want              string
		wantNote, wantErr string
	}{
		{because: "nothing but what the build carries", want: "$0.005"},
		{because: "a newer line from the cache", cache: book("us-east-1", "2027-01-01"), want: "$0.006"},
		{because: "an older one is not used: the build knows better", cache: book("us-east-1", "2020-01-01"), want: "$0.005"},
		{because: "a broken cache is left aside, and said so", cache: "{", want: "$0.005", wantNote: "left aside"},
		{because: "another region's cache, too", cache: book("eu-west-1", "2027-01-01"), want: "$0.005", wantNote: "region"},
		{because: "a cache that is too large", cache: strings.Repeat(" ", maxFile+1), want: "$0.005", wantNote: "larger"},
		{because: "a discount goes on top of the cache", cache: book("us-east-1", "2027-01-01"),
			overrides: `{"discounts":[{"lines":"ipv4","percent":"50"}]}`, want: "$0.003", wantNote: "of your own"},
		{because: "a broken override is an error", overrides: `{"discounts":[{"lines":"ipv4","percent":"half"}]}`, wantErr: "percent"},
		{because: "a file that was named must be there", required: true, wantErr: "no such file"},
	} {
		dir := t.TempDir()
		cfg := Config{CacheDir: dir, Overrides: filepath.Join(dir, "mine.json"), Required: c.required}
		if c.cache != "" {
			write(t, dir, "us-east-1.json", c.cache)
		}
		if c.overrides != "" {
			write(t, dir, "mine.json", c.overrides)
		}
		got, notes, err := Open(cfg)
		if c.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("%s: error %v, want one with %q", c.because, err, c.wantErr)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.because, err)
			continue
		}
		if l, err := got.Line("ipv4"); err != nil || l.Amount().String() != c.want {
			t.Errorf("%s: %s, %v; want %s", c.because, l.Amount(), err, c.want)
		}
		if text := strings.Join(notes, "\n"); !strings.Contains(text, c.wantNote) || c.wantNote == "" && text != "" {
			t.Errorf("%s: notes %q, want %q", c.because, text, c.wantNote)
		}
	}
	if _, _, err := Open(Config{Region: "no/where", CacheDir: t.TempDir()}); err != nil {
		t.Errorf("an odd region has the borrowed prices: %v", err)
	}
	if b, err := cost.EmbeddedFor("no/where"); err != nil || b.Region != "no/where" {
		t.Errorf("%v", err)
	}
}

func FuzzParseOffer(f *testing.F) {
	for code, text := range files() {
		f.Add(code, text)
	}
	f.Add("AmazonECR", "\"FormatVersion\"")
	f.Fuzz(func(t *testing.T, code, text string) {
		o := offers()[0]
		for _, known := range offers() {
			if known.code == code {
				o = known
			}
		}
		p, err := parseOffer(strings.NewReader(text), o, "eu-central-1")
		if err != nil {
			return
		}
		for line, found := range p.prices {
			if found.price <= 0 || len(found.usage) > maxUsage || !(found.from >= 0) {
				t.Errorf("%s: %+v", line, found)
			}
		}
	})
}

func TestSpotPricesComeFromTheFeed(t *testing.T) {
	t.Parallel()
	one := func(unit, price, region string) string {
		return fmt.Sprintf(`{"id":"1","unit":%q,"price":{"USD":%q},"attributes":{"aws:region":%q,"aws:operation":"Fargate"}}`, unit, price, region)
	}
	feed := func(prices ...string) string {
		return `{"manifest":{"serviceId":"fargate"},"prices":[` + strings.Join(prices, ",") + `]}`
	}
	good := []string{one("vCPU-Hours", "0.0150000000", "eu-central-1"), one("GB-Hours", "0.00160000", "eu-central-1"),
		one("ARM-vCPU-Hours", "0.01200000", "eu-central-1"), one("vCPU-Hours", "0.9", "eu-west-1"), one("Windows-Hours", "0.9", "eu-central-1")}
	for _, c := range []struct{ because, text, wantError string }{
		{"a feed", feed(good...), ""},
		{"an error page", "<html>", "invalid character"},
		{"a price that is not believed", feed(one("vCPU-Hours", "15", "eu-central-1")), "not believed"},
		{"a price of nothing", feed(one("vCPU-Hours", "0.000", "eu-central-1")), "above zero"},
		{"a price in words", feed(one("vCPU-Hours", "cheap", "eu-central-1")), "amount"},
		{"too many", feed(slices.Repeat(good, maxSpotLines)...), "larger than"},
	} {
		f := files()
		f["/spot.json"] = c.text
		cfg := config(t, serve(t, f))
		cfg.Spot, cfg.SpotURL = true, cfg.BaseURL+"/spot.json"
		r, err := Refresh(t.Context(), cfg)
		if c.wantError != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantError) {
				t.Errorf("%s: error %v, want one with %q", c.because, err, c.wantError)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if l, err := r.Book.Line("fargate.x86.spot.vcpu"); err != nil || l.Price != "0.015" || !l.Estimate || l.Date != "2026-12-24" {
			t.Errorf("%+v, %v", l, err)
		}
		if diff := cmp.Diff([]string{"sqs.fifo.request", "logs.ingest", "fargate.arm.spot.gb"}, r.Missing); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
	}
}
