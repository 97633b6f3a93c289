package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/prices"
)

func pricesCommand() *cli.Command {
	region := &cli.StringFlag{Name: "region", EnvVars: []string{"AWS_REGION", "AWS_DEFAULT_REGION"}, Value: cost.DefaultRegion, Usage: "`REGION` of the prices"}
	return command(&cli.Command{
		Name:      "prices",
		Usage:     "show the prices that bills are made with, or refresh them",
		UsageText: "starburst prices [--region eu-west-1] [-o json]\nstarburst prices refresh [--region eu-west-1]",
		Description: "Each price has its date and its source. Prices of your own (a discount, an agreement) go into a JSON file that\n" +
			prices.EnvOverrides + " names, or starburst/prices.json in your configuration directory; see docs/cost.md.",
		Flags:  append(listFlags(), region),
		Action: showPrices,
		Subcommands: []*cli.Command{command(&cli.Command{
			Name:  "refresh",
			Usage: "read the prices of a region from the AWS Price List",
			Description: "Reads the public bulk files of the AWS Price List (no credentials needed) and keeps the prices in your cache\n" +
				"directory. Fargate Spot is not among them: --spot reads it from elsewhere.",
			Flags: []cli.Flag{
				region,
				&cli.BoolFlag{Name: "ec2", Usage: "also read the file of EC2 (NAT gateways, machines): some hundred megabytes"},
				&cli.BoolFlag{Name: "spot", Usage: "also read Fargate Spot's prices, from the file that AWS's price page shows"},
				&cli.StringFlag{Name: "spot-url", Value: prices.DefaultSpotURL, Usage: "where that file is"},
				&cli.StringFlag{Name: "base-url", EnvVars: []string{prices.EnvBaseURL}, Value: prices.DefaultBaseURL, Usage: "where the Price List is"},
			},
			Action: refreshPrices,
		})},
	})
}

// priceLine is the JSON form of a price.
type priceLine struct {
	ID       string `json:"id"`
	Price    string `json:"price_usd"`
	Unit     string `json:"unit"`
	Date     string `json:"date"`
	AgeDays  int    `json:"age_days"`
	Stale    bool   `json:"stale"`
	Estimate bool   `json:"estimate"`
	Source   string `json:"source"`
}

func showPrices(c *cli.Context) error {
	if c.Args().Present() {
		return exit.Errorf(exit.Usage, "there is no %q of prices", c.Args().First()).WithHint("starburst prices --help")
	}
	options, err := listOptions(c, priceList())
	if err != nil {
		return err
	}
	book, notes, err := prices.Open(prices.FromEnv(c.String("region")))
	if err != nil {
		return exit.Errorf(exit.Usage, "prices: %w", err)
	}
	now := time.Now()
	lines := make([]priceLine, len(book.Lines))
	stale := 0
	for i, l := range book.Lines {
		age := l.Age(now)
		lines[i] = priceLine{l.ID, l.Amount().String()[1:], l.Unit, l.Date, int(age / (24 * time.Hour)), age > cost.DefaultStaleAfter, l.Estimate, l.Source}
		if lines[i].Stale {
			stale++
		}
	}
	for _, n := range notes {
		_, _ = fmt.Fprintln(c.App.ErrWriter, n)
	}
	if stale > 0 {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%d prices are older than %d days; starburst prices refresh reads those of today\n", stale, int(cost.DefaultStaleAfter.Hours()/24))
	}
	if isJSON(c) {
		return printDocument(c, "prices", struct {
			Region string      `json:"region"`
			Prices []priceLine `json:"prices"`
		}{book.Region, lines})
	}
	_, err = priceList().Write(c.App.Writer, options, all(lines))
	return err
}

func priceList() listing.List[priceLine] {
	type line = priceLine
	return listing.List[line]{Schema: "starburst.prices/v1", Columns: []listing.Column[line]{
		{Name: "price_of", Cell: func(l line) string { return l.ID }},
		{Name: "usd", Cell: func(l line) string { return l.Price }},
		{Name: "per", Cell: func(l line) string { return l.Unit }},
		{Name: "date", Cell: func(l line) string { return l.Date }},
		{Name: "note", Cell: func(l line) string {
			switch {
			case l.Stale && l.Estimate:
				return "estimate, stale"
			case l.Stale:
				return "stale"
			case l.Estimate:
				return "estimate"
			}
			return ""
		}},
		{Name: "source", Cell: func(l line) string { return l.Source }},
	}}
}

func refreshPrices(c *cli.Context) error {
	where := prices.FromEnv(c.String("region"))
	r, err := prices.Refresh(c.Context, prices.RefreshConfig{
		Region: c.String("region"), CacheDir: where.CacheDir, BaseURL: c.String("base-url"), EC2: c.Bool("ec2"),
		Spot: c.Bool("spot"), SpotURL: c.String("spot-url"),
	})
	if err != nil {
		if c.Context.Err() != nil {
			err = errors.Join(c.Context.Err(), err)
		}
		return exit.Errorf(exit.Failed, "refresh the prices: %w", err).WithHint("the prices of before stay in force; starburst prices shows them")
	}
	for _, ch := range r.Changed {
		if _, err := fmt.Fprintf(c.App.Writer, "%s: %s per %s, was %s per %s (%s)\n", ch.New.ID, ch.New.Price, ch.New.Unit, ch.Old.Price, ch.Old.Unit, ch.Old.Date); err != nil {
			return err
		}
	}
	for _, id := range r.Missing {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "%s was not found in the price list; its price of before stands\n", id)
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "%d prices of %s changed; kept in %s\n", len(r.Changed), r.Book.Region, r.File)
	return nil
}
