package prices

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// Limits on an offer file. Real rows have about 1 KB.
const (
	maxLine     = 64 << 10
	metaRows    = 5 // "The first five rows of the CSV are the metadata for the offer file" (AWS billing guide)
	maxUsage    = 128
	maxMetadata = 64
)

// found is the price of a line in an offer file.
type found struct {
	price cost.PicoUSD
	text  string
	usage string
	// from is where the price's tier starts.
	from float64
}

// parsed is what an offer file says.
type parsed struct {
	published string
	prices    map[string]found // by line
	// ambiguous lines have several prices that nothing tells apart.
	ambiguous map[string]bool
}

// parseOffer reads an offer file in CSV row by row and keeps the On-Demand prices in
// dollars of the products. Of a price in tiers it keeps the first that is not free.
func parseOffer(r io.Reader, o offer, region string) (parsed, error) {
	p := parsed{prices: map[string]found{}, ambiguous: map[string]bool{}}
	rows := csv.NewReader(&shortLines{r: bufio.NewReaderSize(r, maxLine)})
	rows.FieldsPerRecord = -1 // the metadata rows are shorter
	rows.ReuseRecord = true
	if err := p.metadata(rows, o.code); err != nil {
		return p, err
	}
	head, err := rows.Read()
	if err != nil {
		return p, fmt.Errorf("read the header: %w", err)
	}
	c, err := columnsOf(head)
	if err != nil {
		return p, err
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		if err := p.row(row, c, o.products, region); err != nil {
			line, _ := rows.FieldPos(0)
			return p, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (p *parsed) metadata(rows *csv.Reader, code string) error {
	for range metaRows {
		row, err := rows.Read()
		if err != nil || len(row) < 2 {
			return fmt.Errorf("it does not begin like an offer file of the AWS Price List: %w", errors.Join(err))
		}
		switch row[0] {
		case "FormatVersion":
			if row[1] != "v1.0" {
				return fmt.Errorf("format version %.20q, want v1.0", row[1])
			}
		case "OfferCode":
			if row[1] != code {
				return fmt.Errorf("it is of offer %.40q, want %s", row[1], code)
			}
		case "Publication Date":
			if len(row[1]) > maxMetadata {
				return errors.New("its publication date is no date")
			}
			at, err := time.Parse(time.RFC3339, row[1])
			if err != nil {
				return fmt.Errorf("publication date: %w", err)
			}
			p.published = at.UTC().Format(time.DateOnly)
		}
	}
	if p.published == "" {
		return errors.New("it has no publication date")
	}
	return nil
}

// columns are the positions of what is read of a row.
type columns struct {
	term, from, unit, price, currency, usage, operation, region int
}

func columnsOf(head []string) (columns, error) {
	var c columns
	for _, want := range []struct {
		name string
		at   *int
	}{
		{"TermType", &c.term}, {"StartingRange", &c.from}, {"Unit", &c.unit}, {"PricePerUnit", &c.price}, {"Currency", &c.currency},
		{"usageType", &c.usage}, {"operation", &c.operation}, {"Region Code", &c.region},
	} {
		if *want.at = slices.Index(head, want.name); *want.at < 0 {
			return c, fmt.Errorf("the column %q is missing", want.name)
		}
	}
	return c, nil
}

func (c columns) longest() int {
	return max(c.term, c.from, c.unit, c.price, c.currency, c.usage, c.operation, c.region)
}

func (p *parsed) row(row []string, c columns, products []product, region string) error {
	if len(row) <= c.longest() {
		return fmt.Errorf("%d columns, want at least %d", len(row), c.longest()+1)
	}
	if row[c.term] != "OnDemand" || row[c.currency] != "USD" || row[c.region] != region && row[c.region] != "" {
		return nil
	}
	usage := row[c.usage]
	if len(usage) > maxUsage {
		return nil
	}
	bare := regionPrefix.ReplaceAllString(usage, "")
	for _, k := range products {
		if !slices.Contains(k.usage, bare) && !slices.Contains(k.usage, usage) || k.operation != "" && row[c.operation] != k.operation {
			continue
		}
		if !slices.Contains(k.units, row[c.unit]) {
			return fmt.Errorf("usage type %s is priced per %.40q, want one of %s", usage, row[c.unit], strings.Join(k.units, ", "))
		}
		return p.price(k.line, usage, row[c.price], row[c.from])
	}
	return nil
}

// price keeps the price of a line if it is the first tier that is not free.
func (p *parsed) price(line, usage, price, from string) error {
	price = trimZeros(price)
	amount, err := cost.ParsePicoUSD(price)
	if err != nil {
		return fmt.Errorf("usage type %s: %w", usage, err)
	}
	start := 0.0
	if from != "" {
		if start, err = strconv.ParseFloat(from, 64); err != nil || !(start >= 0) {
			return fmt.Errorf("usage type %s: range starts at %.40q", usage, from)
		}
	}
	switch {
	case amount < 0:
		return fmt.Errorf("usage type %s: its price %s is negative", usage, price)
	case amount == 0:
		return nil
	}
	usage = strings.Clone(usage) // the row is used again
	old, known := p.prices[line]
	switch {
	case !known || start < old.from:
		p.prices[line] = found{amount, strings.Clone(price), usage, start}
		delete(p.ambiguous, line)
	case start == old.from && amount != old.price:
		p.ambiguous[line] = true
	}
	return nil
}

// trimZeros takes off the zeros that AWS fills prices up with: "0.0404800000".
func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// errLongLine refuses a file that would make the CSV reader gather a field without end.
var errLongLine = fmt.Errorf("a line is longer than %d bytes", maxLine)

// shortLines passes lines on and fails at one that does not end within its buffer.
type shortLines struct {
	r    *bufio.Reader
	rest []byte
}

func (s *shortLines) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		line, err := s.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return 0, errLongLine
		}
		if len(line) == 0 {
			return 0, err
		}
		// A quoted field may span lines; one quote that is never closed must not gather the file.
		if bytes.Count(line, []byte{'"'})%2 != 0 {
			return 0, errors.New("a line ends inside a quoted field")
		}
		s.rest = line
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
