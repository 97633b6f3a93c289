package cost

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Line is one price of the book, as published.
type Line struct {
	// ID names the thing priced, such as "fargate.x86.vcpu".
	ID string `json:"id"`
	// Price in dollars per Unit, exactly as the source prints it.
	Price string `json:"price"`
	// Unit is one of the units of this package: "vCPU-second", "vCPU-hour", "GB-second", "GB-hour",
	// "hour", "GB", "GB-month", "million requests", "request".
	Unit string `json:"unit"`
	// Date is when the source was read (YYYY-MM-DD); Source is where, or how the price was derived.
	Date   string `json:"date"`
	Source string `json:"source"`
	// Estimate marks a price that the market moves (Spot), that no AWS page confirmed, or that is another region's.
	Estimate bool `json:"estimate,omitempty"`

	amount PicoUSD
	per    int64
}

// Limits of a line's texts, which reach tables and terminals: bytes.
const (
	maxLineID = 64
	maxSource = 400
)

// divisors is how many base units (seconds, vCPU-seconds, GB-seconds, bytes, requests) one unit of a price holds.
var divisors = map[string]int64{
	"vCPU-second":      1,
	"vCPU-hour":        3600,
	"GB-second":        1,
	"GB-hour":          3600,
	"hour":             3600,
	"GB":               1 << 30,
	"GB-month":         1 << 30,
	"million requests": 1_000_000,
	"request":          1,
}

// Amount is the price per Unit, exactly.
func (l Line) Amount() PicoUSD { return l.amount }

// PerUnit is how many base units one Unit holds: 3600 for "hour", 2³⁰ for "GB", 1,000,000 for "million requests".
func (l Line) PerUnit() int64 { return l.per }

// Book is a dated list of prices of one region. It does not change once it is made.
type Book struct {
	Region string `json:"region"`
	// Date of the newest line: what to show beside a price.
	Date  string `json:"date"`
	Lines []Line `json:"lines"`

	byID map[string]int
}

// ParseBook reads a price book in JSON and checks every line: id, date and source
// present, price readable, unit known, no id twice.
func ParseBook(raw []byte) (*Book, error) {
	var b Book
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	return NewBook(b.Region, b.Lines)
}

// NewBook makes a book of lines, with the checks of ParseBook.
func NewBook(region string, lines []Line) (*Book, error) {
	if region == "" || len(lines) == 0 {
		return nil, errors.New("price book: region or lines missing")
	}
	b := Book{Region: region, Lines: slices.Clone(lines), byID: make(map[string]int, len(lines))}
	for i := range b.Lines {
		l := &b.Lines[i]
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("price book: line %d (%.80q): %w", i+1, l.ID, err)
		}
		if _, dup := b.byID[l.ID]; dup {
			return nil, fmt.Errorf("price book: line %d: %q appears twice", i+1, l.ID)
		}
		b.byID[l.ID] = i
		b.Date = max(b.Date, l.Date)
	}
	return &b, nil
}

func (l *Line) check() error {
	switch {
	case l.ID == "" || l.Source == "":
		return errors.New("id or source missing")
	case len(l.ID) > maxLineID || len(l.Source) > maxSource:
		return fmt.Errorf("id or source longer than %d or %d bytes", maxLineID, maxSource)
	case !printable(l.ID) || !printable(l.Source):
		return errors.New("id or source holds a control character")
	}
	if _, err := time.Parse(time.DateOnly, l.Date); err != nil {
		return fmt.Errorf("date %.40q: want YYYY-MM-DD", l.Date)
	}
	var known bool
	if l.per, known = divisors[l.Unit]; !known {
		return fmt.Errorf("unit %.40q unknown", l.Unit)
	}
	var err error
	if l.amount, err = ParsePicoUSD(l.Price); err != nil {
		return err
	}
	if l.amount < 0 {
		return fmt.Errorf("price %s is negative", l.Price)
	}
	return nil
}

// printable keeps text that could move a terminal's cursor out of the book.
func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return false
		}
	}
	return true
}

// With returns the book with lines put in the place of those with the same id, and
// new ones added. Lines are checked as ParseBook does.
func (b *Book) With(lines ...Line) (*Book, error) {
	all := slices.Clone(b.Lines)
	for _, l := range lines {
		if i, known := b.byID[l.ID]; known {
			all[i] = l
		} else {
			all = append(all, l)
		}
	}
	return NewBook(b.Region, all)
}

// NoPriceError says that the book has no line for something to be priced.
type NoPriceError struct{ ID, Region, Date string }

func (e *NoPriceError) Error() string {
	return fmt.Sprintf("no price for %q in the price book of %s, %s", e.ID, e.Region, e.Date)
}

// Line returns the line with the given id; the error is a *NoPriceError.
func (b *Book) Line(id string) (Line, error) {
	i, ok := b.byID[id]
	if !ok {
		return Line{}, &NoPriceError{ID: id, Region: b.Region, Date: b.Date}
	}
	return b.Lines[i], nil
}

// Price returns what quantity base units of a line cost, rounded half up to the
// pico-dollar. Base units are seconds, bytes and single requests, whatever unit
// the price is published in. The error is a *NoPriceError.
func (b *Book) Price(id string, quantity int64) (PicoUSD, error) {
	l, err := b.Line(id)
	if err != nil {
		return 0, err
	}
	return mulDiv(l.amount, quantity, l.per), nil
}

// DefaultStaleAfter is the age from which a price is called stale. AWS announces
// cuts about once a quarter; Spot moves daily.
const DefaultStaleAfter = 90 * 24 * time.Hour

// Age is how long ago the line's source was read, in whole days; a date in the future is 0.
func (l Line) Age(now time.Time) time.Duration {
	day, err := time.Parse(time.DateOnly, l.Date)
	if err != nil || !now.After(day) {
		return 0
	}
	return now.Sub(day).Truncate(24 * time.Hour)
}

// Stale returns the lines that are older than after, oldest first.
func (b *Book) Stale(now time.Time, after time.Duration) []Line {
	var old []Line
	for _, l := range b.Lines {
		if l.Age(now) > after {
			old = append(old, l)
		}
	}
	slices.SortStableFunc(old, func(a, b Line) int { return int(b.Age(now)/time.Hour) - int(a.Age(now)/time.Hour) })
	return old
}

// Platform is the operating system and processor of a Fargate worker.
type Platform string

// The platforms with prices in the embedded book.
const (
	X86     Platform = "x86"
	ARM     Platform = "arm"
	Windows Platform = "windows"
)

// PlatformOf translates ECS's cpuArchitecture ("X86_64", "ARM64") to a Linux platform; anything else is X86, the dearer.
func PlatformOf(arch string) Platform {
	if arch == "ARM64" {
		return ARM
	}
	return X86
}

// Shortest billed lives in seconds (Fargate pricing page).
const (
	linuxMinimum   = 60
	windowsMinimum = 300
)

// Fargate returns the rate of a platform, On-Demand or Spot, per second. A price published per hour is divided and
// rounded to the pico-dollar (at most 1 part in 10⁶ off). The error is a *NoPriceError.
func (b *Book) Fargate(p Platform, spot bool) (Rate, error) {
	prefix := "fargate." + string(p)
	if spot {
		prefix += ".spot"
	}
	r := Rate{MinSeconds: linuxMinimum}
	var errs [4]error
	r.VCPU, errs[0] = b.Price(prefix+".vcpu", 1)
	r.GB, errs[1] = b.Price(prefix+".gb", 1)
	r.Disk, errs[2] = b.Price("fargate.disk", 1)
	if p == Windows {
		r.MinSeconds = windowsMinimum
		r.OS, errs[3] = b.Price(prefix+".os", 1)
	}
	return r, errors.Join(errs[:]...)
}
