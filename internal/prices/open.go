package prices

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/starburst-go/starburst/cost"
)

// Environment variables.
const (
	// EnvOverrides names a JSON file with the user's own prices and discounts (cost.Overrides).
	EnvOverrides = "STARBURST_PRICES"
	// EnvBaseURL replaces the address of the AWS Price List, for a mirror.
	EnvBaseURL = "STARBURST_PRICES_URL"
)

// maxFile bounds a price book or overrides on disk, in bytes.
const maxFile = 1 << 20

// Config says where prices are looked for.
type Config struct {
	// Region of the book. Default: cost.DefaultRegion.
	Region string
	// CacheDir holds refreshed books; "" means none.
	CacheDir string
	// Overrides is a file of the user's own prices; "" means none. Unless Required, it may be missing.
	Overrides string
	Required  bool
}

// FromEnv is the configuration of the user's environment: the cache in the user's
// cache directory, overrides in the file that STARBURST_PRICES names, else in
// starburst/prices.json of the user's configuration directory if there is one.
func FromEnv(region string) Config {
	c := Config{Region: region, Overrides: os.Getenv(EnvOverrides)}
	c.Required = c.Overrides != ""
	if dir, err := os.UserCacheDir(); err == nil {
		c.CacheDir = filepath.Join(dir, "starburst", "prices")
	}
	if dir, err := os.UserConfigDir(); err == nil && !c.Required {
		c.Overrides = filepath.Join(dir, "starburst", "prices.json")
	}
	return c
}

// Open returns the book in force. Notes are sentences for people: what was left aside,
// and that discounts are applied. A cached book that cannot be used is left aside; overrides
// that cannot be used are an error, because bills without the user's discounts would be believed.
func Open(c Config) (book *cost.Book, notes []string, err error) {
	region := cmp.Or(c.Region, cost.DefaultRegion)
	if book, err = cost.EmbeddedFor(region); err != nil {
		return nil, nil, err
	}
	if c.CacheDir != "" {
		switch newer, err := readCache(c.CacheDir, region); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			notes = append(notes, fmt.Sprintf("refreshed prices are left aside: %v", err))
		default:
			if book, err = merge(book, newer); err != nil {
				return nil, nil, err
			}
		}
	}
	if c.Overrides == "" {
		return book, notes, nil
	}
	raw, err := readBounded(c.Overrides)
	if errors.Is(err, fs.ErrNotExist) && !c.Required {
		return book, notes, nil
	}
	var o cost.Overrides
	if err == nil {
		o, err = cost.ParseOverrides(raw)
	}
	if err == nil {
		book, err = book.Override(o)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.Overrides, err)
	}
	return book, append(notes, "Prices of your own from "+c.Overrides+" are applied."), nil
}

// merge takes each line from whichever book read it later; a refreshed price comes
// from AWS itself and wins a tie.
func merge(base, newer *cost.Book) (*cost.Book, error) {
	var lines []cost.Line
	for _, l := range newer.Lines {
		if old, err := base.Line(l.ID); err != nil || l.Date >= old.Date {
			lines = append(lines, l)
		}
	}
	return base.With(lines...)
}

// regionName is what a region may be called: it becomes a file's name and a part of an address.
var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)

func cacheFile(dir, region string) (string, error) {
	if !regionName.MatchString(region) {
		return "", fmt.Errorf("%.40q is no name of a region", region)
	}
	return filepath.Join(dir, region+".json"), nil
}

func readCache(dir, region string) (*cost.Book, error) {
	name, err := cacheFile(dir, region)
	if err != nil {
		return nil, err
	}
	raw, err := readBounded(name)
	if err != nil {
		return nil, err
	}
	book, err := cost.ParseBook(raw)
	if err == nil && book.Region != region {
		err = fmt.Errorf("it is of region %q", book.Region)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return book, nil
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return raw, err
}
