package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/stack"
)

func initCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "init",
		Usage: "find a stack, or make the queues and the table of a small one",
		UsageText: "eval \"$(starburst init)\"                                    the stack of a running `starburst dev`\n" +
			"eval \"$(starburst init --stack NAME)\"\n" +
			"eval \"$(starburst init --from-terraform infra/terraform)\"\n" +
			"starburst init --stack NAME --save                           for this and all later terminals\n" +
			"starburst init --create --name NAME",
		Description: "Prints the export lines that the other commands, and AWS's own tools and SDKs, read. With --save it writes them below\n" +
			"$XDG_CONFIG_HOME/starburst instead and makes the stack the profile's; see `starburst help config`. Without a flag they are\n" +
			"those of the stack that the settings name, else of the one that `starburst dev` serves on this machine. --stack reads the\n" +
			"configuration that Terraform has put into SSM,\n" +
			"--from-terraform Terraform's own outputs. --create makes a queue, its dead-letter queue and a table at whatever endpoint\n" +
			"the AWS SDK is configured for, keeps what exists, and makes no workers: that is Terraform's (infra/terraform).",
		Flags: append(siteFlags(),
			&cli.BoolFlag{Name: "save", Usage: "write them into the configuration of this user instead of printing them"},
			&cli.BoolFlag{Name: "create", Usage: "make a queue, its dead-letter queue and a table"},
			&cli.StringFlag{Name: "name", Value: stack.DefaultName, Usage: "with --create: `NAME` of the queue and the table"},
			&cli.DurationFlag{Name: "visibility", Value: time.Minute, Usage: "with --create: how long a dead worker's messages stay hidden"},
		),
		Action: initAction,
	})
}

func initAction(c *cli.Context) error {
	switch {
	case c.Bool("create") && c.String("from-terraform") != "":
		return exit.Errorf(exit.Usage, "--create makes a stack, --from-terraform finds one: say one of them")
	case c.Bool("create"):
		return initCreate(c)
	case c.String("from-terraform") != "":
		// No AWS is asked: the file says all, and the Region may not be set yet.
		found, err := deploy.FromTerraform(c.Context, c.String("from-terraform"))
		if err != nil {
			return err
		}
		return tellSite(c, found)
	case c.String("stack") != "":
		s, err := findSite(c)
		if err != nil {
			return err
		}
		return tellSite(c, s.Site)
	}
	if s, err := laptop.Find(c.Context, laptop.DevState); err == nil {
		return printExports(c.App.Writer, s.Env())
	}
	return exit.Errorf(exit.Usage, "say which stack: no `starburst dev` runs on this machine").
		WithHint("starburst init --stack NAME, or --from-terraform FOLDER; starburst init --create --name %s makes the queues and the table of one", c.String("name"))
}

func initCreate(c *cli.Context) error {
	clients, err := stack.Open(c.Context, stack.Stack{})
	if err != nil {
		return err
	}
	s, err := stack.Create(c.Context, clients, stack.Stack{Fleet: "default"}, stack.Options{Name: c.String("name"), Visibility: c.Duration("visibility")})
	if err != nil {
		return err
	}
	if c.Bool("save") {
		if clients.Local {
			return exit.Errorf(exit.Usage, "a local endpoint is not worth saving: it has another address next time").WithHint("without --save; or run starburst dev, which the other commands find")
		}
		return save(c, c.String("name"), append(s.Env(), "AWS_REGION="+clients.AWS.Region))
	}
	return printExports(c.App.Writer, s.Env())
}

func tellSite(c *cli.Context, s deploy.Site) error {
	if !c.Bool("save") {
		return printSite(c.App.Writer, s)
	}
	if s.Name == "" {
		return exit.Errorf(exit.Usage, "the stack does not tell its name, under which it would be saved").WithHint("apply the Terraform module of this version, or leave out --save")
	}
	return save(c, s.Name, append(s.Stack().Env(), "AWS_REGION="+s.Region))
}

// save writes what a stack's things are called, and makes it the profile's stack.
func save(c *cli.Context, name string, env []string) error {
	paths := config.Find(os.Getenv)
	var text strings.Builder
	fmt.Fprintf(&text, "# Written by starburst init --save of stack %s; init writes it anew.\n", name)
	for _, k := range config.Keys() {
		for _, kv := range env {
			if v, of := strings.CutPrefix(kv, k.Env+"="); of && v != "" {
				text.WriteString(config.Line(k.Name, v) + "\n")
			}
		}
	}
	if err := config.Write(paths.Saved(name), []byte(text.String())); err != nil {
		return err
	}
	profile := cmp.Or(c.String("profile"), config.DefaultProfile)
	if err := config.Set(paths.User, profile, config.KeyStack, name); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "stack %s is saved in %s, and is that of profile %s; see: starburst config list --show-origin\n", name, paths.Saved(name), profile)
	return nil
}

// printSite prints a stack's lines with the Region, without which its names mean nothing, and its own name.
func printSite(w io.Writer, s deploy.Site) error {
	env := append(s.Stack().Env(), "AWS_REGION="+s.Region)
	if s.Name != "" {
		env = append(env, deploy.EnvStack+"="+s.Name)
	}
	return printExports(w, env)
}

// printExports prints the lines that a shell reads with eval.
func printExports(w io.Writer, env []string) error {
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		if _, err := fmt.Fprintf(w, "export %s=%s\n", k, shellQuote(v)); err != nil {
			return err
		}
	}
	return nil
}

func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
