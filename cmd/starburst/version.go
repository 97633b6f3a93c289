package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/role"
)

// version is set by the linker in releases.
var version = "dev"

func versionCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprintf(c.App.Writer, "starburst %s (%s) %s %s/%s\n", version, role.Build(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	})
}
