package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/image"
)

func deployCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "deploy",
		Usage: "ship a program to a stack: image, revision, services; wait for a worker",
		UsageText: "starburst deploy --stack NAME ./cmd/simulate\n" +
			"starburst deploy --stack NAME --base python@sha256:… --copy ./app --serve 'python3 worker.py'\n" +
			"starburst deploy --stack NAME --image REPOSITORY@sha256:…",
		Description: "Builds and sends the image, makes a revision of the stack's task definition with its digest, gives it to the services,\n" +
			"and waits until a worker of it has said hello. If none does, the services get back what they had. When the program has\n" +
			"not changed, nothing is done.",
		Flags: slices.Concat(imageFlags(), siteFlags(), []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "`REPOSITORY` for the image", DefaultText: "the stack's"},
			&cli.StringFlag{Name: "image", Usage: "deploy this `IMAGE`, by digest, and build none"},
			&cli.BoolFlag{Name: "no-wait", Usage: "do not wait for a worker, and never roll back"},
			&cli.BoolFlag{Name: "again", Usage: "deploy also what is deployed"},
			&cli.DurationFlag{Name: "wait", Value: deploy.DefaultWait, Usage: "how long a worker may take to say hello"},
		}, documentFlags()),
		Action: deployAction,
	})
}

// destination is where images go, how to speak to it, and the architecture that the stack wants.
func destination(c *cli.Context) (string, image.PushOptions, []image.Arch, error) {
	if to := c.String("to"); to != "" && c.String("stack") == "" && c.String("from-terraform") == "" {
		return to, image.PushOptions{}, nil, nil
	}
	s, err := findSite(c)
	if err != nil {
		return "", image.PushOptions{}, nil, err
	}
	return destinationOf(c, s)
}

func destinationOf(c *cli.Context, s *site) (string, image.PushOptions, []image.Arch, error) {
	to := cmp.Or(c.String("to"), s.Repository)
	if to == "" {
		return "", image.PushOptions{}, nil, exit.Errorf(exit.Usage, "the stack has no image repository").WithHint("name one: --to REPOSITORY")
	}
	var fallback []image.Arch
	if a, err := image.ParseArch(s.Architecture); err == nil {
		fallback = append(fallback, a)
	}
	return to, deploy.Registry(s.ask), fallback, nil
}

func deployAction(c *cli.Context) error {
	s, err := findSite(c)
	if err != nil {
		return err
	}
	if err := s.inRegion(); err != nil {
		return err
	}
	reference, err := deployedImage(c, s)
	if err != nil {
		return err
	}
	table := s.Stack().Store(s.clients)
	done, err := deploy.Deploy(c.Context, deploy.Config{
		Site: s.Site, ECS: s.clients.ECS, Workers: table, Scale: table, Image: reference,
		NoWait: c.Bool("no-wait"), Again: c.Bool("again"), Wait: c.Duration("wait"),
		Say: func(format string, args ...any) { _, _ = fmt.Fprintf(c.App.ErrWriter, format+"\n", args...) },
	})
	if err != nil {
		return deployError(err)
	}
	return printDeployed(c, done)
}

// deployedImage is the image to deploy, built and sent unless it was named.
func deployedImage(c *cli.Context, s *site) (string, error) {
	if reference := c.String("image"); reference != "" {
		if c.Args().Present() {
			return "", exit.Errorf(exit.Usage, "--image is an image that is there: no program is built")
		}
		return reference, fits(c, s, reference)
	}
	repository, options, fallback, err := destinationOf(c, s)
	if err != nil {
		return "", err
	}
	sent, err := pushImage(c, repository, options, fallback...)
	return sent.Reference, err
}

// fits refuses an image that is named by a tag, is not there, or is not for the stack's architecture.
func fits(c *cli.Context, s *site, reference string) error {
	options := deploy.Registry(s.ask)
	by, err := image.Resolve(c.Context, reference, options)
	if err != nil {
		return imageError(c.Context, err)
	}
	if by != reference {
		return exit.Errorf(exit.Usage, "the image %s is not named by its digest: what a tag means changes", reference).WithHint("--image %s", by)
	}
	want, err := image.ParseArch(s.Architecture)
	if err != nil {
		return nil //nolint:nilerr // the stack does not say what it wants
	}
	have, err := image.Architectures(c.Context, reference, options)
	if err != nil {
		return imageError(c.Context, err)
	}
	if !slices.Contains(have, want) {
		return exit.Errorf(exit.Usage, "the image %s is for %v, and the stack's workers are %s", reference, have, want).WithHint("build one for it: starburst deploy --arch %s PROGRAM", want)
	}
	return nil
}

func deployError(err error) error {
	if _, ok := errors.AsType[*deploy.RolledBackError](err); !ok {
		return err
	}
	code := exit.Failed
	advice := deploy.AdviceOf(err)
	if advice.Kind != awserr.Unknown {
		code = codeFor(advice.Kind)
	} else if hello, ok := errors.AsType[*deploy.NoHelloError](err); ok {
		code = exit.TimedOut
		advice.Next = "starburst doctor looks at all that a worker needs"
		if len(hello.Reasons) > 0 {
			code, advice.Next = exit.Failed, "the worker's own words are in the stack's log group; does the program start on its own? STARBURST_ROLE=handlers PROGRAM"
		}
	}
	return exit.Errorf(code, "%w", err).WithHint("%s", advice.Next)
}

func printDeployed(c *cli.Context, done deploy.Done) error {
	if isJSON(c) {
		return printDocument(c, "deploy", done)
	}
	switch {
	case done.Unchanged:
		_, _ = fmt.Fprintln(c.App.ErrWriter, "unchanged: the services have this image")
	case done.Worker != "":
		_, _ = fmt.Fprintf(c.App.ErrWriter, "worker %s said hello after %.0f s\n", done.Worker, done.Took.Seconds())
	}
	_, err := fmt.Fprintln(c.App.Writer, done.Revision)
	return err
}
