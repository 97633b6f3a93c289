package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
)

func configCommand() *cli.Command {
	return command(&cli.Command{
		Name: "config", Usage: "show settings and where they come from; change them",
		Description: "`starburst help config` has the places that are asked, and all settings.",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name: "list", Usage: "list the settings that are set",
				UsageText: "starburst config list\nstarburst config list --show-origin\nstarburst config list --profile test -o json",
				Flags:     append(listFlags(), &cli.BoolFlag{Name: "show-origin", Usage: "say where each comes from"}),
				Action:    configList,
			}),
			command(&cli.Command{
				Name: "get", Usage: "print one setting", UsageText: "starburst config get region",
				Action: configGet,
			}),
			command(&cli.Command{
				Name: "set", Usage: "write a setting into a file",
				UsageText: "starburst config set stack starburst\nstarburst config set max_cost_per_day 5 --profile test\nstarburst config set workers 4 --project\n" +
					"starburst config set default_profile test      which profile counts when none is named",
				Description: "Writes below [profile.NAME] of the configuration file, else below [profile.default]. What else the file says stays, with its\n" +
					"comments.",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "project", Usage: "write into starburst.toml in the current folder instead"}},
				Action: configSet,
			}),
			command(&cli.Command{
				Name: "path", Usage: "print where the files are", UsageText: "starburst config path",
				Action: func(c *cli.Context) error {
					p := config.Find(os.Getenv)
					_, err := fmt.Fprintf(c.App.Writer, "%s\n%s\n", p.Project, p.User)
					return err
				},
			}),
		},
	})
}

// settingRow is a setting as it is listed.
type settingRow struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

func settingList(origin bool) listing.List[settingRow] {
	return listing.List[settingRow]{Schema: "starburst.config/v1", Columns: []listing.Column[settingRow]{
		{Name: "key", Cell: func(r settingRow) string { return r.Key }},
		{Name: "value", Cell: func(r settingRow) string { return r.Value }},
		{Name: "origin", Wide: !origin, Cell: func(r settingRow) string { return r.Origin }},
	}}
}

func configList(c *cli.Context) error {
	if c.Args().Present() {
		return exit.Errorf(exit.Usage, "config list takes no arguments; got %q", c.Args().First()).WithHint("starburst config get %s", c.Args().First())
	}
	list := settingList(c.Bool("show-origin"))
	options, err := listOptions(c, list)
	if err != nil {
		return err
	}
	s, err := config.Load(os.Getenv, chosenProfile(c))
	if err != nil {
		return err
	}
	n, err := list.Write(c.App.Writer, options, func(yield func(settingRow, error) bool) {
		for _, set := range s.List {
			if !yield(settingRow{set.Key, set.Value, set.Origin}, nil) {
				return
			}
		}
	})
	if err == nil && n == 0 {
		_, _ = fmt.Fprintln(c.App.ErrWriter, "nothing is set: everything has its default")
	}
	return err
}

// chosenProfile is --profile's value when it was given as a flag: the variable stands below the environment's settings.
func chosenProfile(c *cli.Context) string {
	if p := c.String("profile"); p != os.Getenv(config.EnvProfile) {
		return p
	}
	return ""
}

func configGet(c *cli.Context) error {
	key, err := oneArgument(c, "KEY")
	if err != nil {
		return err
	}
	if err := config.Known(key); err != nil {
		return err
	}
	s, err := config.Load(os.Getenv, chosenProfile(c))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(s.List, func(set config.Setting) bool { return set.Key == key }) {
		return exit.Errorf(exit.NotFound, "%s is not set", key).WithHint("starburst config set %s VALUE; starburst help config says what it is", key)
	}
	_, err = fmt.Fprintln(c.App.Writer, s.Get(key))
	return err
}

func configSet(c *cli.Context) error {
	if c.NArg() != 2 {
		return exit.Errorf(exit.Usage, "want KEY and VALUE, got %d arguments", c.NArg()).WithHint("starburst config set stack NAME")
	}
	p := config.Find(os.Getenv)
	path, profile := p.User, c.String("profile")
	if profile == "" {
		profile = config.DefaultProfile
	}
	if c.Bool("project") {
		path, profile = p.Project, ""
	}
	key, value := c.Args().Get(0), c.Args().Get(1)
	if err := config.Set(path, profile, key, value); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "%s is %q now, in %s\n", key, value, path)
	return nil
}
