package cost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Overrides are prices that only the user knows: an agreement with AWS, a Savings
// Plan, credits. They go on top of any other book.
//
//	{
//	  "discounts": [{"lines": "fargate.*", "percent": "20", "note": "enterprise agreement"}],
//	  "lines": [{"id": "nat.gb", "price": "0.02", "unit": "GB", "date": "2026-10-01", "source": "agreement of October"}]
//	}
type Overrides struct {
	// Lines replace or add prices. They are not discounted further.
	Lines []Line `json:"lines,omitempty"`
	// Discounts lower prices, in order; a line that several match is discounted by each.
	Discounts []Discount `json:"discounts,omitempty"`
}

// Discount lowers the prices of some lines.
type Discount struct {
	// Lines is an id ("nat.gb"), a prefix with a star ("fargate.*") or "*" for all.
	Lines string `json:"lines"`
	// Percent taken off, 0 to 100, as a decimal ("12.5").
	Percent string `json:"percent"`
	// Note says why; it is added to the lines' source.
	Note string `json:"note,omitempty"`
}

// whole is 100 % in the fixed point that ParsePicoUSD reads.
const whole = 100 * int64(USD)

// ParseOverrides reads overrides in JSON. An unknown key is an error: a discount
// with a spelling mistake must not quietly be none.
func ParseOverrides(raw []byte) (Overrides, error) {
	var o Overrides
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Overrides{}, fmt.Errorf("price overrides: %w", err)
	}
	for i, c := range o.Discounts {
		if _, err := c.left(); err != nil {
			return Overrides{}, fmt.Errorf("price overrides: discount %d: %w", i+1, err)
		}
	}
	return o, nil
}

// left is what remains of a price, in parts of whole.
func (d Discount) left() (int64, error) {
	p, err := ParsePicoUSD(d.Percent)
	if err != nil || p < 0 || int64(p) > whole {
		return 0, fmt.Errorf("percent %.40q: want a decimal from 0 to 100", d.Percent)
	}
	if d.Lines == "" || strings.Contains(strings.TrimSuffix(d.Lines, "*"), "*") {
		return 0, fmt.Errorf("lines %.80q: want an id, or a prefix and one star", d.Lines)
	}
	return whole - int64(p), nil
}

func (d Discount) covers(id string) bool {
	prefix, star := strings.CutSuffix(d.Lines, "*")
	return star && strings.HasPrefix(id, prefix) || id == d.Lines
}

// Override returns the book with the overrides applied. A discount that matches no
// line is an error, because it would be believed to be in force.
func (b *Book) Override(o Overrides) (*Book, error) {
	own := make(map[string]bool, len(o.Lines))
	for _, l := range o.Lines {
		own[l.ID] = true
	}
	changed, err := b.With(o.Lines...)
	if err != nil {
		return nil, fmt.Errorf("price overrides: %w", err)
	}
	for i, d := range o.Discounts {
		left, err := d.left()
		if err != nil {
			return nil, fmt.Errorf("price overrides: discount %d: %w", i+1, err)
		}
		hit := false
		for j := range changed.Lines {
			l := &changed.Lines[j]
			if own[l.ID] || !d.covers(l.ID) {
				continue
			}
			hit = true
			l.discount(d, left)
		}
		if !hit {
			return nil, fmt.Errorf("price overrides: discount %d: no line matches %q", i+1, d.Lines)
		}
	}
	return NewBook(changed.Region, changed.Lines)
}

// discount lowers the price, rounded half up to the pico-dollar per unit, and says so in the source.
func (l *Line) discount(d Discount, left int64) {
	l.Price = strings.TrimPrefix(mulDiv(l.amount, left, whole).String(), "$")
	note := strings.TrimSpace(d.Percent + " % off " + d.Note)
	l.Source = note + "; list: " + l.Source
	if len(l.Source) > maxSource {
		l.Source = strings.ToValidUTF8(l.Source[:maxSource], "")
	}
	l.amount, _ = ParsePicoUSD(l.Price) // for a further discount; NewBook checks it
}
