package cost_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/cost"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func embedded(t testing.TB) *cost.Book {
	t.Helper()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func rate(t testing.TB, p cost.Platform, spot bool) cost.Rate {
	t.Helper()
	r, err := embedded(t).Fargate(p, spot)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The four worked examples of the Fargate pricing page. The page rounds each part
// to the cent and adds the rounded parts.
func TestPublishedExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because                 string
		platform                cost.Platform
		size                    cost.Size
		runs                    cost.PicoUSD
		life                    time.Duration
		vcpu, gb, disk, os, sum string
		exact                   string
	}{
		{"1: 5 tasks a day for 10 minutes, 30 days, x86, 30 GB of disk", cost.X86,
			cost.Size{VCPUMilli: 1000, MemoryMiB: 2048, DiskGiB: 30}, 150, 10 * time.Minute,
			"$1.01", "$0.22", "$0.03", "$0.00", "$1.26", "$1.26198"},
		{"2: the same on ARM", cost.ARM,
			cost.Size{VCPUMilli: 1000, MemoryMiB: 2048, DiskGiB: 30}, 150, 10 * time.Minute,
			"$0.81", "$0.18", "$0.03", "$0.00", "$1.02", "$1.015218"},
		{"3: 10 pods of a quarter vCPU for an hour a day", cost.X86,
			cost.Size{VCPUMilli: 250, MemoryMiB: 1024, DiskGiB: 20}, 300, time.Hour,
			"$3.04", "$1.33", "$0.00", "$0.00", "$4.37", "$4.36968"},
		{"4: 10 Windows tasks for an hour a day", cost.Windows,
			cost.Size{VCPUMilli: 1000, MemoryMiB: 2048, DiskGiB: 20}, 300, time.Hour,
			"$27.45", "$6.00", "$0.00", "$13.80", "$47.25", "$47.250108"},
	} {
		b := cost.FargateBill(rate(t, c.platform, false), c.size, noon, noon.Add(c.life))
		vcpu, gb, disk, os := c.runs*b.VCPU, c.runs*b.GB, c.runs*b.Disk, c.runs*b.OS
		sum := vcpu.Round(cost.Cent) + gb.Round(cost.Cent) + disk.Round(cost.Cent) + os.Round(cost.Cent)
		got := [6]string{vcpu.Cents(), gb.Cents(), disk.Cents(), os.Cents(), sum.Cents(), (c.runs * b.Total()).String()}
		want := [6]string{c.vcpu, c.gb, c.disk, c.os, c.sum, c.exact}
		if got != want {
			t.Errorf("example %s: got %v, want %v", c.because, got, want)
		}
	}
}

func TestBilledSeconds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because     string
		start, stop time.Time
		minimum     int64
		want        int64
	}{
		{"a second of work pays the minimum minute", noon, noon.Add(time.Second), 60, 60},
		{"59.2 s is still the minute", noon, noon.Add(59200 * time.Millisecond), 60, 60},
		{"60.2 s rounds up", noon, noon.Add(60200 * time.Millisecond), 60, 61},
		{"exactly 61 s does not round", noon, noon.Add(61 * time.Second), 60, 61},
		{"a pull of 300 s is billed with the second of work after it", noon, noon.Add(301 * time.Second), 60, 301},
		{"a task that never pulled costs nothing", time.Time{}, noon, 60, 0},
		{"a task stopped before its pull costs nothing", noon, noon.Add(-time.Second), 60, 0},
		{"stopped the moment the pull began: the minimum", noon, noon, 60, 60},
		{"Windows has a five-minute minimum", noon, noon.Add(time.Minute), 300, 300},
		{"a corrupt time stamp is bounded at a hundred years", time.Unix(1, 0), time.Unix(1<<40, 0), 60, 100 * 366 * 86400},
	} {
		if got := cost.BilledSeconds(c.start, c.stop, c.minimum); got != c.want {
			t.Errorf("%s: got %d, want %d", c.because, got, c.want)
		}
	}
}

func TestMinimumMinutePrices(t *testing.T) {
	t.Parallel()
	small := cost.Size{VCPUMilli: 250, MemoryMiB: 512}
	one := cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}
	for _, c := range []struct {
		platform cost.Platform
		spot     bool
		size     cost.Size
		want     string
	}{
		{cost.X86, false, one, "$0.00082284"},
		{cost.ARM, false, one, "$0.000658332"},
		{cost.X86, false, small, "$0.00020571"},
		{cost.X86, true, one, "$0.0002619875"}, // 60 × (0.01288871 + 2 × 0.00141527) / 3600, within a rounded pico-dollar a second
	} {
		got := cost.FargateBill(rate(t, c.platform, c.spot), c.size, noon, noon.Add(time.Second)).Total()
		if c.spot {
			got = got.Round(100)
		}
		if got.String() != c.want {
			t.Errorf("%s spot=%v %+v: got %s, want %s", c.platform, c.spot, c.size, got, c.want)
		}
	}
}

func TestBookPricesOtherThings(t *testing.T) {
	t.Parallel()
	book := embedded(t)
	for _, c := range []struct {
		because, id string
		quantity    int64
		want        string
	}{
		{"a million SQS requests", "sqs.request", 1_000_000, "$0.40"},
		{"a single DynamoDB write unit", "dynamodb.wru", 1, "$0.000000625"},
		{"a thousand S3 PUTs", "s3.put", 1000, "$0.005"},
		{"an hour of a public address", "ipv4", 3600, "$0.005"},
		{"a second of an address rounds half up to the pico-dollar", "ipv4", 1, "$0.000001388889"},
		{"a gibibyte through NAT", "nat.gb", 1 << 30, "$0.045"},
	} {
		if got, err := book.Price(c.id, c.quantity); err != nil || got.String() != c.want {
			t.Errorf("%s: got %s, %v; want %s", c.because, got, err, c.want)
		}
	}
	var missing *cost.NoPriceError
	if _, err := book.Price("ec2.m5.xlarge", 1); !errors.As(err, &missing) || missing.ID != "ec2.m5.xlarge" {
		t.Errorf("a line that is not in the book: got %v, want a *NoPriceError", err)
	}
}

func TestParseBookRefusesBadLines(t *testing.T) {
	t.Parallel()
	line := func(id, price, unit, date, source string) string {
		return `{"id":"` + id + `","price":"` + price + `","unit":"` + unit + `","date":"` + date + `","source":"` + source + `"}`
	}
	good := line("a", "1", "hour", "2026-01-02", "s")
	for _, c := range []struct{ because, lines, wantError string }{
		{"a line needs a source", line("a", "1", "hour", "2026-01-02", ""), "source missing"},
		{"a line needs a date", line("a", "1", "hour", "soon", "s"), "YYYY-MM-DD"},
		{"units are known ones", line("a", "1", "fortnight", "2026-01-02", "s"), "fortnight"},
		{"prices are amounts", line("a", "cheap", "hour", "2026-01-02", "s"), "cheap"},
		{"prices are not negative", line("a", "-1", "hour", "2026-01-02", "s"), "negative"},
		{"an id appears once", good + "," + good, "twice"},
		{"a book has lines", "", "lines missing"},
		{"a book is JSON", "{", "price book"},
	} {
		_, err := cost.ParseBook([]byte(`{"region":"r","lines":[` + c.lines + `]}`))
		if err == nil || !strings.Contains(err.Error(), c.wantError) {
			t.Errorf("%s: got error %v, want one with %q", c.because, err, c.wantError)
		}
	}
	if book, err := cost.ParseBook([]byte(`{"region":"r","lines":[` + good + `]}`)); err != nil || book.Date != "2026-01-02" {
		t.Errorf("a good book: got %+v, %v", book, err)
	}
}
