package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/listing"
	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
)

// defaultPort of `starburst dev`, the one that local AWS endpoints use.
const defaultPort = 4566

func devCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "dev",
		Usage:     "serve SQS, DynamoDB, ECS and S3 on this machine, with workers",
		UsageText: "starburst dev --serve 'python3 worker.py'\nstarburst dev -- starburst worker --exec -- ./simulate.sh {}\nstarburst dev -- ./my-starburst-program\nstarburst dev                              the endpoint alone",
		Description: "Serves the AWS protocols on the loopback interface until Ctrl-C and prints the export lines that point any AWS\n" +
			"SDK at it. With a worker command, its ECS service runs that command as processes, sized by the autoscaler, and\n" +
			"`starburst submit`, `status` and `results` find it by themselves. State stays in its directory and survives a kill.",
		Flags: slices.Concat(laptopFlags(), platformFlags(), []cli.Flag{
			&cli.IntFlag{Name: "port", Value: defaultPort, Usage: "`PORT` to listen on; 0 picks a free one"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object when all is ready, instead of the export lines"},
			&cli.BoolFlag{Name: "until-eof", Usage: "end at the end of standard input, for a parent that may die"},
			metricsFlag(),
		}, childFlags()),
		Action: devAction,
	})
}

func devAction(c *cli.Context) error {
	ctx := c.Context
	name := c.String("state")
	if name == "" {
		name = laptop.DevState
	}
	worker, err := devWorker(c)
	if err != nil {
		return err
	}
	if c.Bool("until-eof") {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		defer stop()
		go func() {
			_, _ = io.Copy(io.Discard, c.App.Reader)
			stop()
		}()
		c.Context = ctx
	}
	names, err := handlersOf(ctx, worker)
	if err != nil {
		return err
	}
	dir, err := laptop.Dir(name)
	if err != nil {
		return err
	}
	p, err := platform(c)
	if err != nil {
		return err
	}
	config := localaws.Config{Dir: dir, Addr: "127.0.0.1:" + strconv.Itoa(c.Int("port")), Log: logger(c.App.ErrWriter)}
	p.Set(&config)
	srv, err := localaws.Start(ctx, config)
	if err != nil {
		return devStartError(err, c.Int("port"))
	}
	return errors.Join(serveDev(c, srv, dir, p, worker, names), closeDev(ctx, srv))
}

func devStartError(err error, port int) error {
	var inUse *localaws.InUseError
	var portInUse *localaws.PortInUseError
	switch {
	case errors.As(err, &portInUse):
		return exit.Errorf(exit.Usage, "%w", err).WithHint("another port: starburst dev --port %d, or --port 0 for a free one", port+1)
	case errors.As(err, &inUse):
		return exit.Errorf(exit.Usage, "%w", err).WithHint("another state: starburst dev --state NAME")
	}
	return err
}

func closeDev(ctx context.Context, srv *localaws.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return srv.Close(ctx)
}

// serveDev makes the stack, starts the autoscaler and waits for the end.
func serveDev(c *cli.Context, srv *localaws.Server, dir string, p laptop.Platform, worker, names []string) error {
	ctx := c.Context
	settings, err := scaling.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	settings.VCPUQuota = cmp.Or(settings.VCPUQuota, p.VCPUQuota)
	clients, err := stack.Open(ctx, stack.Stack{Endpoint: srv.URL()})
	if err != nil {
		return err
	}
	s, err := laptop.Ensure(ctx, clients, srv.URL(), laptop.Fleet{
		// Not the metrics' address: it is taken.
		Command: worker, Env: []string{role.Env + "=" + role.Worker, role.EnvSlots + "=" + c.String("slots"), envMetrics + "="},
	})
	if err != nil {
		return err
	}
	withdraw, err := laptop.Announce(dir, s)
	if err != nil {
		return err
	}
	defer func() { _ = withdraw() }()
	if len(worker) == 0 {
		s.Cluster, s.Service = "", "" // no fleet to size
	}
	decided, closeMetrics, err := fleetMetrics(c, s, clients)
	if err != nil {
		return err
	}
	defer closeMetrics()
	session, err := burst.Open(ctx, burst.Config{
		Stack: s, Workers: c.Int("workers"), Slots: c.Int("slots"), Handlers: names, Log: logger(c.App.ErrWriter),
		Autoscale: burst.Autoscale{Settings: &settings, Decided: decided},
	})
	if err != nil {
		return err
	}
	page, served := servePage(c, session, names)
	if err := printReady(c, s, srv.URL(), page, names); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "serving SQS, DynamoDB, ECS and S3 at %s; state in %s; Ctrl-C ends it\n", srv.URL(), dir)
	if len(worker) > 0 {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "workers: %s, at most %d\ntry:     starburst submit %s --range 1:10 --wait\n", words(worker), c.Int("workers"), names[0])
	}
	if page != "" {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "the page of its jobs: %s\n", page)
	}
	<-ctx.Done()
	<-served
	endCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return session.Close(endCtx)
}

// words are a command as a shell takes it.
func words(argv []string) string {
	quotedWords := make([]string, len(argv))
	for i, a := range argv {
		quotedWords[i] = quoted(a)
	}
	return strings.Join(quotedWords, " ")
}

// printReady tells how to reach the stack, to a shell or to a program.
func printReady(c *cli.Context, s stack.Stack, url, page string, names []string) error {
	if !c.Bool("json") {
		return printExports(c.App.Writer, s.Env())
	}
	env := map[string]string{}
	for _, kv := range s.Env() {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return listing.DocumentLine(c.App.Writer, "starburst.dev/v1", struct {
		Endpoint string            `json:"endpoint"`
		Page     string            `json:"page,omitempty"`
		Handlers []string          `json:"handlers"`
		Env      map[string]string `json:"env"`
	}{url, page, append([]string{}, names...), env})
}

// devWorker is the command of a worker: what is given after --, or this program with --serve.
func devWorker(c *cli.Context) ([]string, error) {
	worker := c.Args().Slice()
	if !c.IsSet("serve") {
		return worker, nil
	}
	if len(worker) > 0 {
		return nil, exit.Errorf(exit.Usage, "--serve and a worker command exclude each other")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	worker = []string{self, "worker", "--serve", c.String("serve")}
	for _, f := range childFlags()[1:] {
		if name := f.Names()[0]; c.IsSet(name) {
			worker = append(worker, "--"+name, fmt.Sprint(c.Value(name)))
		}
	}
	return worker, nil
}

// handlersTimeout bounds the question which handlers a worker command has. A child may
// take a minute to start.
const handlersTimeout = 70 * time.Second

// handlersOf asks a worker command for its handlers, so that submit knows them
// before the first worker has run.
func handlersOf(ctx context.Context, worker []string) ([]string, error) {
	if len(worker) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, handlersTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, worker[0], worker[1:]...)
	cmd.Env = append(os.Environ(), role.Env+"="+role.Handlers)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, exit.Errorf(exit.Usage, "the worker command %v does not tell its handlers: %w:\n%s", worker, err, lastWords(stderr.String())).
			WithHint("give a program that calls starburst.Main, or: starburst dev -- starburst worker --exec -- ./simulate.sh {}")
	}
	var names []string
	if err := json.Unmarshal(stdout.Bytes(), &names); err != nil || len(names) == 0 {
		return nil, exit.Errorf(exit.Usage, "the worker command %v is not a Starburst worker: it printed %q", worker, oneLine(stdout.String())).
			WithHint("to run a program per task: starburst dev -- starburst worker --exec -- %s {}", worker[0])
	}
	return names, nil
}

// lastWords are the last lines of what a program wrote to standard error: the end says why it ended.
func lastWords(s string) string {
	const most = 2000
	s = strings.TrimSpace(s)
	if len(s) <= most {
		return s
	}
	s = s[len(s)-most:]
	return "... " + strings.TrimSpace(s[strings.IndexByte(s, '\n')+1:])
}
