package main

import (
	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/laptop"
)

// platformFlags are the settings of the local ECS.
func platformFlags() (flags []cli.Flag) {
	for _, g := range laptop.PlatformSettings() {
		flags = append(flags, &cli.StringFlag{Name: g.Flag, EnvVars: []string{g.Env}, Usage: g.Usage})
	}
	return flags
}

// platform reads them.
func platform(c *cli.Context) (p laptop.Platform, err error) {
	for _, g := range laptop.PlatformSettings() {
		if !c.IsSet(g.Flag) {
			continue
		}
		if err := g.Read(&p, c.String(g.Flag), "--"+g.Flag); err != nil {
			return p, err
		}
	}
	return p, nil
}
