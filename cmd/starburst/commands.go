package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
)

// group is a heading of the help with the constructors of its commands.
type group struct {
	title    string
	commands []func() *cli.Command
}

// groups is the command tree. What else is said of a command (help, man page, completion, reference) comes from here.
func groups() []group {
	return []group{
		{"Run work", []func() *cli.Command{runCommand, submitCommand, enqueueCommand, waitCommand, attachCommand, retryCommand, cancelCommand}},
		{"Look at it", []func() *cli.Command{statusCommand, watchCommand, uiCommand, resultsCommand, reportCommand, jobsCommand, tasksCommand, logsCommand, costCommand, wavesCommand}},
		{"Think before", []func() *cli.Command{planCommand, simulateCommand, quotaCommand, pricesCommand}},
		{"Operate", []func() *cli.Command{scaleCommand, autoscaleCommand, dlqCommand}},
		{"On AWS", []func() *cli.Command{initCommand, deployCommand, imageCommand, doctorCommand, helloCommand, downCommand}},
		{"On this machine", []func() *cli.Command{devCommand, benchCommand}},
		{"For programs", []func() *cli.Command{workerCommand, codecCommand, bridgeCommand}},
		{"About starburst", []func() *cli.Command{configCommand, completionCommand, completeCommand, manCommand, helpCommand, versionCommand, exitCodesCommand}},
	}
}

// takesProgram names the commands whose arguments are a program with flags of its own.
func takesProgram(command string) bool {
	return command == "run" || command == "worker" || command == "dev"
}

// needsNoSettings names the commands that work whatever the configuration says: those that only speak of starburst itself, and a
// worker, which whoever starts it tells all by its environment.
func needsNoSettings(command string) bool {
	return slices.Contains([]string{"", "worker", "codec", "help", "version", "exit-codes", "completion", "man", "config"}, command)
}

// commands are all of the tree, with what they share.
func commands() (all []*cli.Command) {
	for _, g := range groups() {
		for _, construct := range g.commands {
			c := construct()
			share(c)
			all = append(all, c)
		}
	}
	return all
}

// share gives a command, and those below it, what all have.
func share(c *cli.Command) {
	c.OnUsageError = usageError
	c.HideHelp, c.HideHelpCommand = true, true // arrange sees to --help
	if len(c.Subcommands) > 0 && c.Action == nil {
		c.Action = oneOfThese
	}
	if act := c.Action; described(c).TakesJob() {
		c.Action = func(c *cli.Context) error { return withNearJobs(c, act(c)) }
	}
	for _, sub := range c.Subcommands {
		share(sub)
	}
}

// oneOfThese is what a command does that only has others below it.
func oneOfThese(c *cli.Context) error {
	path := strings.Fields(c.Command.HelpName)[1:]
	if !c.Args().Present() {
		return printHelp(c.App, path)
	}
	return unknownCommand(c.Args().First(), strings.Join(path, " ")+" ", commandNames(c.Command.Subcommands))
}

// unknownCommand is the error of a name that is no command's; under is the command before it, with a space.
func unknownCommand(typed, under string, names []string) error {
	e := exit.Errorf(exit.Usage, "there is no command %q", under+typed)
	if near := manual.Nearest(typed, names); near != "" {
		return e.WithHint("did you mean: starburst %s%s", under, near)
	}
	return e.WithHint("starburst help %slists them", under)
}

// globalFlags are those of every command, before or behind its name.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "profile", EnvVars: []string{config.EnvProfile}, Usage: "settings of [profile.`NAME`] in the configuration file; see help config"},
		&cli.StringFlag{Name: "color", EnvVars: []string{config.EnvColor}, Value: "auto", Usage: "`auto|always|never`; NO_COLOR and CLICOLOR_FORCE say it, too"},
		&cli.BoolFlag{Name: "debug", Usage: "with an error, show what is inside it, with the request ids of AWS"},
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show the help of a command"},
	}
}

func commandNames(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}
