package main

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
)

// siteFlags say where a stack's configuration is.
func siteFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "stack", EnvVars: []string{deploy.EnvStack}, Usage: "`NAME` of a stack that Terraform made: its configuration is read from SSM"},
		&cli.StringFlag{Name: "from-terraform", EnvVars: []string{config.EnvTerraform}, Usage: "Terraform's `FOLDER`, or a file that terraform output -json has written"},
	}
}

// site is a stack with what it takes to speak to it.
type site struct {
	deploy.Site
	clients *stack.Clients
	ask     *awscall.Caller
}

// namedSite looks a stack up by Terraform's folder or by its name; named is false when neither is given.
func namedSite(ctx context.Context, folder, name string) (found deploy.Site, named bool, err error) {
	switch {
	case folder != "":
		if found, err = deploy.FromTerraform(ctx, folder); err == nil && os.Getenv("AWS_REGION") == "" {
			err = os.Setenv("AWS_REGION", found.Region) // its names mean nothing elsewhere
		}
	case name != "":
		var clients *stack.Clients
		if clients, err = stack.Open(ctx, stack.Stack{}); err == nil {
			found, err = deploy.FromParameter(ctx, awscall.New(clients.AWS), name)
		}
	default:
		return found, false, nil
	}
	return found, true, err
}

// local reports whether the stack is on this machine.
func (s *site) local() bool { return s.clients.Local }

// findSite reads the configuration from where the flags say (a folder that was named goes before a name from the environment), else makes it up from the environment and what ECS says.
func findSite(c *cli.Context) (*site, error) {
	switch dir, name := c.String("from-terraform"), c.String("stack"); {
	case dir != "":
		found, err := deploy.FromTerraform(c.Context, dir)
		if err != nil {
			return nil, err
		}
		return openSite(c, stack.Stack{}, found)
	case name != "":
		s, err := openSite(c, stack.Stack{}, deploy.Site{})
		if err != nil {
			return nil, err
		}
		s.Site, err = deploy.FromParameter(c.Context, s.ask, name)
		return s, err
	}
	st, err := findStack(c.Context)
	if err != nil {
		return nil, err
	}
	// Without the queue, the Region is not compared: that is the doctor's to say.
	s, err := openSite(c, stack.Stack{Endpoint: st.Endpoint}, deploy.Site{})
	if err != nil {
		return nil, err
	}
	s.Site, err = deploy.Derive(c.Context, s.clients.ECS, st, s.ask.Region())
	return s, err
}

func openSite(c *cli.Context, st stack.Stack, found deploy.Site) (*site, error) {
	clients, err := stack.Open(c.Context, st)
	if err != nil {
		return nil, err
	}
	return &site{Site: found, clients: clients, ask: awscall.New(clients.AWS)}, nil
}

// inRegion refuses a configuration for another Region than the stack's.
func (s *site) inRegion() error {
	if s.Region != "" && s.Region != s.ask.Region() && !s.local() {
		return exit.Errorf(exit.Usage, "the stack is in %s, and the AWS configuration is for %s", s.Region, s.ask.Region()).WithHint("export AWS_REGION=%s", s.Region)
	}
	return nil
}
