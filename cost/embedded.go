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
// price at all would leave it out of the bill. "" means DefaultRegion.
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
	return borrowed.With(own.Lines...)
}

func readEmbedded(region string) (*Book, error) {
	raw, err := embedded.ReadFile("prices/" + region + ".json")
	if err != nil {
		return nil, fmt.Errorf("embedded prices of %s: %w", region, err)
	}
	return ParseBook(raw)
}
