package prices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// DefaultSpotURL is the feed that aws.amazon.com/fargate/pricing shows Fargate Spot prices
// from. AWS does not document it: it may go without notice.
const DefaultSpotURL = "https://dftu77xade0tc.cloudfront.net/fargate-spot-prices.json"

// Bounds of the feed: it has four prices a region.
const (
	maxSpot      = 1 << 20
	maxSpotLines = 2000
)

// spotFeed is the feed's form.
type spotFeed struct {
	Prices []struct {
		Unit       string            `json:"unit"`
		Price      map[string]string `json:"price"`
		Attributes map[string]string `json:"attributes"`
	} `json:"prices"`
}

// spotUnits says which unit of the feed is which line.
func spotUnits() map[string]cost.Line {
	return map[string]cost.Line{
		"vCPU-Hours":     {ID: "fargate.x86.spot.vcpu", Unit: "vCPU-hour"},
		"GB-Hours":       {ID: "fargate.x86.spot.gb", Unit: "GB-hour"},
		"ARM-vCPU-Hours": {ID: "fargate.arm.spot.vcpu", Unit: "vCPU-hour"},
		"ARM-GB-Hours":   {ID: "fargate.arm.spot.gb", Unit: "GB-hour"},
	}
}

// readSpot downloads the feed and returns the region's lines, marked as estimates: the price moves.
func (c RefreshConfig) readSpot(ctx context.Context, before *cost.Book) (lines []cost.Line, missing []string, err error) {
	resp, err := c.get(ctx, c.SpotURL)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxSpot+1))
	if err == nil && len(raw) > maxSpot {
		err = fmt.Errorf("%s is larger than %d bytes", c.SpotURL, maxSpot)
	}
	if err != nil {
		return nil, nil, err
	}
	lines, err = parseSpot(raw, c.Region, c.Now().UTC().Format(time.DateOnly))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.SpotURL, err)
	}
	found := map[string]bool{}
	for _, l := range lines {
		if err := plausible(l, before); err != nil {
			return nil, nil, err
		}
		found[l.ID] = true
	}
	for _, id := range []string{"fargate.x86.spot.vcpu", "fargate.x86.spot.gb", "fargate.arm.spot.vcpu", "fargate.arm.spot.gb"} {
		if !found[id] {
			missing = append(missing, id)
		}
	}
	return lines, missing, nil
}

// parseSpot takes a region's prices from the feed, each once.
func parseSpot(raw []byte, region, today string) ([]cost.Line, error) {
	var feed spotFeed
	if err := json.Unmarshal(raw, &feed); err != nil {
		return nil, err
	}
	if len(feed.Prices) > maxSpotLines {
		return nil, fmt.Errorf("it has %d prices; %d are allowed", len(feed.Prices), maxSpotLines)
	}
	var lines []cost.Line
	units := spotUnits()
	for _, p := range feed.Prices {
		l, known := units[p.Unit]
		if !known || p.Attributes["aws:region"] != region {
			continue
		}
		delete(units, p.Unit)
		l.Price, l.Date, l.Estimate = trimZeros(p.Price["USD"]), today, true
		l.Source = "the Spot price feed of aws.amazon.com/fargate/pricing; the price moves"
		amount, err := cost.ParsePicoUSD(l.Price)
		if err == nil && amount <= 0 {
			err = errors.New("it is not above zero")
		}
		if err != nil {
			return nil, fmt.Errorf("price of %s: %w", p.Unit, err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// get asks for a file and refuses anything but it.
func (c RefreshConfig) get(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s answered %s", address, resp.Status), resp.Body.Close())
	}
	return resp, nil
}
