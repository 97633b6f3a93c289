package cost

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// DefaultRegion is the region whose book is complete; other regions borrow from it what was not looked up for them.
const DefaultRegion = "us-east-1"

//go:embed prices/*.json
var embedded embed.FS

// Embedded returns the price book of us-east-1 that this build carries: list prices, each line with its date and source.
func Embedded() (*Book, error) { return EmbeddedFor(DefaultRegion) }

// EmbeddedRegions lists the regions for which this build carries prices of their own, sorted.
func EmbeddedRegions() []string {
	entries, err := embedded.ReadDir("prices")
	if err != nil {
		return nil // it was there when the program was built
	}
	var regions []string
	for _, e := range entries {
		regions = append(regions, strings.TrimSuffix(e.Name(), ".json"))
	}
	return regions // ReadDir sorts
}

// EmbeddedFor returns the embedded book of a region. A price that was not looked up
// for the region is borrowed from us-east-1 and marked as an estimate, because no
// price at all would leave it out of the bill; those of Fargate are scaled by the ratio of
// the two regions' x86 prices. "" means DefaultRegion.
func EmbeddedFor(region string) (*Book, error) {
	base, err := readEmbedded(DefaultRegion)
	if err != nil || region == "" || region == DefaultRegion {
		return base, err
	}
	lines := slices.Clone(base.Lines)
	for i := range lines {
		lines[i].Estimate = true
		lines[i].Source = "borrowed from " + DefaultRegion + ", not looked up for " + region + "; there: " + lines[i].Source
	}
	borrowed, err := NewBook(region, lines)
	if err != nil || !slices.Contains(EmbeddedRegions(), region) {
		return borrowed, err
	}
	own, err := readEmbedded(region)
	if err != nil {
		return nil, err
	}
	if err := borrowed.scale(own); err != nil {
		return nil, err
	}
	return borrowed.With(own.Lines...)
}

// yardstick is the line by which borrowed prices of Fargate are brought to a region's level.
const yardstick = "fargate.x86.vcpu"

// scale brings borrowed prices of Fargate to the level of a region whose x86 price is
// known: a region that is dearer on x86 is dearer on ARM and on Spot.
func (b *Book) scale(own *Book) error {
	here, err := own.Line(yardstick)
	if err != nil {
		return nil //nolint:nilerr // no yardstick, nothing to scale by
	}
	there, err := b.Line(yardstick)
	if err != nil {
		return err
	}
	for i := range b.Lines {
		l := &b.Lines[i]
		if !strings.HasPrefix(l.ID, "fargate.") {
			continue
		}
		l.amount = mulDiv(l.amount, int64(here.amount)*there.per, int64(there.amount)*here.per)
		l.Price = strings.TrimPrefix(l.amount.String(), "$")
		l.Source = "scaled by the region's x86 price; " + l.Source
	}
	return nil
}

func readEmbedded(region string) (*Book, error) {
	raw, err := embedded.ReadFile("prices/" + region + ".json")
	if err != nil {
		return nil, fmt.Errorf("embedded prices of %s: %w", region, err)
	}
	return ParseBook(raw)
}
