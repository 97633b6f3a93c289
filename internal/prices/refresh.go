package prices

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/starburst-go/starburst/cost"
)

// DefaultBaseURL is where the bulk files of the AWS Price List are; they need no credentials (AWS billing guide).
const DefaultBaseURL = "https://pricing.us-east-1.amazonaws.com"

// Bounds of a download, in bytes: the files that are read have up to 10 MB, that of EC2 some hundred.
const (
	maxOffer    = 64 << 20
	maxEC2Offer = 2 << 30
)

// implausible is by what factor a new price may differ from the embedded one before it
// is refused: no price has ever moved so far, and a wrong unit moves it further.
const implausible = 20

// RefreshConfig configures a refresh.
type RefreshConfig struct {
	// Region of the prices. Required.
	Region string
	// CacheDir is where the book is kept. Required.
	CacheDir string
	// BaseURL of the Price List, https or on this machine. Default: DefaultBaseURL.
	BaseURL string
	// EC2 also reads the file of EC2, of some hundred megabytes: NAT gateways and machines.
	EC2 bool
	// Spot also reads the prices of Fargate Spot, from SpotURL: a file that AWS's price page uses and does
	// not document. Default of SpotURL: DefaultSpotURL.
	Spot    bool
	SpotURL string
	// Client makes the requests. Default: one with time limits.
	Client *http.Client
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (c RefreshConfig) withDefaults() RefreshConfig {
	c.BaseURL, c.SpotURL = cmp.Or(c.BaseURL, DefaultBaseURL), cmp.Or(c.SpotURL, DefaultSpotURL)
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Minute}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c RefreshConfig) validate() error {
	if _, err := cacheFile(c.CacheDir, c.Region); err != nil {
		return err
	}
	if c.CacheDir == "" {
		return errors.New("there is no cache directory to keep prices in")
	}
	return errors.Join(trusted("base URL", c.BaseURL), trusted("Spot URL", c.SpotURL))
}

// trusted refuses addresses whose answer anybody on the way could change.
func trusted(what, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && !ip.IsLoopback()) {
		return fmt.Errorf("%s %q: prices come over https, or from this machine", what, address)
	}
	return nil
}

// Report is what a refresh did.
type Report struct {
	// Book is the refreshed book, File where it is kept.
	Book *cost.Book
	File string
	// Changed lines have another price than before, by id.
	Changed []Change
	// Missing lines were not in the files, or not clearly: their old price stands.
	Missing []string
}

// Change is one price that moved.
type Change struct {
	Old, New cost.Line
}

// Refresh reads the prices of a region from the AWS Price List and keeps them in the
// cache. It is all or nothing: when a file cannot be read or a price is implausible, the
// cache stays as it was.
func Refresh(ctx context.Context, c RefreshConfig) (Report, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return Report{}, err
	}
	before, _, err := Open(Config{Region: c.Region, CacheDir: c.CacheDir})
	if err != nil {
		return Report{}, err
	}
	all := offers()
	if c.EC2 {
		all = append(all, ec2Offer())
	}
	var lines []cost.Line
	var missing []string
	for _, o := range all {
		got, lack, err := c.read(ctx, o, before)
		if err != nil {
			return Report{}, fmt.Errorf("prices of %s in %s: %w", o.code, c.Region, err)
		}
		lines, missing = append(lines, got...), append(missing, lack...)
	}
	if c.Spot {
		got, lack, err := c.readSpot(ctx, before)
		if err != nil {
			return Report{}, fmt.Errorf("prices of Fargate Spot in %s: %w", c.Region, err)
		}
		lines, missing = append(lines, got...), append(missing, lack...)
	}
	if len(lines) == 0 {
		return Report{}, fmt.Errorf("the price list has none of the prices of %s", c.Region)
	}
	r := Report{Missing: missing}
	if r.Book, err = before.With(lines...); err != nil {
		return Report{}, err
	}
	for _, l := range lines {
		now, err := r.Book.Line(l.ID)
		if err != nil {
			return Report{}, err
		}
		if old, err := before.Line(l.ID); err != nil || perUnit(old) != perUnit(now) {
			r.Changed = append(r.Changed, Change{old, now})
		}
	}
	r.File, err = write(c.CacheDir, c.Region, lines)
	return r, err
}

// read downloads one offer file and turns it into lines.
func (c RefreshConfig) read(ctx context.Context, o offer, before *cost.Book) (lines []cost.Line, missing []string, err error) {
	address, err := url.JoinPath(c.BaseURL, "offers/v1.0/aws", o.code, "current", c.Region, "index.csv")
	if err != nil {
		return nil, nil, err
	}
	resp, err := c.get(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	limit := int64(maxOffer)
	if o.code == ec2Offer().code {
		limit = maxEC2Offer
	}
	body := &io.LimitedReader{R: resp.Body, N: limit + 1}
	p, err := parseOffer(body, o, c.Region)
	if body.N <= 0 {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes", address, limit)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", address, err)
	}
	return c.lines(p, o, before)
}

func (c RefreshConfig) lines(p parsed, o offer, before *cost.Book) (lines []cost.Line, missing []string, err error) {
	today := c.Now().UTC().Format(time.DateOnly)
	for _, k := range o.products {
		f, ok := p.prices[k.line]
		if !ok || p.ambiguous[k.line] {
			missing = append(missing, k.line)
			continue
		}
		l := cost.Line{ID: k.line, Price: f.text, Unit: k.unit, Date: today,
			Source: fmt.Sprintf("AWS Price List, %s, published %s, usage type %s", o.code, p.published, f.usage)}
		if err := plausible(l, before); err != nil {
			return nil, nil, err
		}
		lines = append(lines, l)
	}
	return lines, missing, nil
}

// plausible compares a new price with the one it replaces.
func plausible(l cost.Line, before *cost.Book) error {
	old, err := before.Line(l.ID)
	if err != nil {
		return nil //nolint:nilerr // a new line has nothing to be compared with
	}
	one, err := before.With(l)
	if err != nil {
		return err
	}
	checked, err := one.Line(l.ID)
	if err != nil {
		return err
	}
	was, is := perUnit(old), perUnit(checked)
	if was > 0 && (is > was*implausible || is < was/implausible) {
		return fmt.Errorf("%s would go from %s per %s to %s per %s, which is not believed; nothing was changed", l.ID, old.Price, old.Unit, l.Price, l.Unit)
	}
	return nil
}

// perUnit is a price per base unit, to compare prices whose units differ.
func perUnit(l cost.Line) float64 { return float64(l.Amount()) / float64(max(1, l.PerUnit())) }

// write replaces the cached book at once.
func write(dir, region string, lines []cost.Line) (name string, err error) {
	if name, err = cacheFile(dir, region); err != nil {
		return "", err
	}
	raw, err := json.MarshalIndent(cost.Book{Region: region, Lines: slices.Clone(lines)}, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(raw)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return filepath.Clean(name), nil
}
