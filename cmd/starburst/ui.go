package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/dlq"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/ui"
	"github.com/starburst-go/starburst/store"
)

func uiCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "ui",
		Usage:     "show jobs, workers, costs and dead letters on a page in the browser",
		UsageText: "starburst ui\nstarburst ui --read-only                  nothing can be changed from the page\nstarburst ui --addr 127.0.0.1:8080 --no-open\nstarburst ui --state NAME                 the jobs of a local run",
		Description: "Serves a live page on this machine until Ctrl-C, prints its address and opens it. The address has a token in it: who knows\n" +
			"it may look, and retry, cancel and redrive, too, unless the page is read-only. Only this machine's loopback interface is served;\n" +
			"from elsewhere, forward the port through SSH. What the page shows is there as JSON below /api.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "addr", Value: "127.0.0.1:0", Usage: "`ADDRESS` to serve, on the loopback interface; port 0 picks a free one"},
			&cli.BoolFlag{Name: "no-open", Usage: "do not open the browser"},
			&cli.BoolFlag{Name: "read-only", Usage: "refuse everything that changes something"},
			stateFlag(),
		},
		Action: uiAction,
	})
}

func uiAction(c *cli.Context) error {
	if c.Args().Present() {
		return exit.Errorf(exit.Usage, "ui takes no arguments; got %q", c.Args().First()).WithHint("starburst ui --help")
	}
	s, err := openToRead(c)
	if err != nil {
		return err
	}
	return withSession(c, s, func(ctx context.Context, _ func(store.Job)) error {
		page, err := listenUI(ctx, c, s, c.String("addr"), c.Bool("read-only"))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(c.App.Writer, page.URL()); err != nil {
			page.Close()
			return err
		}
		if !c.Bool("no-open") {
			openBrowser(ctx, page.URL())
		}
		_, _ = fmt.Fprintln(c.App.ErrWriter, "the page is served until Ctrl-C")
		return page.Serve(ctx)
	})
}

// servePage serves the page beside something else until the command ends. That there is none is a warning: the rest goes on.
// served is closed when it has ended.
func servePage(c *cli.Context, s *burst.Session, handlers []string) (url string, served <-chan struct{}) {
	done := make(chan struct{})
	page, err := listenUI(c.Context, c, s, "127.0.0.1:0", false, handlers...)
	if err != nil {
		_, _ = fmt.Fprintf(c.App.ErrWriter, "there is no page: %v\n", err)
		close(done)
		return "", done
	}
	go func() {
		defer close(done)
		if err := page.Serve(c.Context); err != nil {
			_, _ = fmt.Fprintf(c.App.ErrWriter, "the page has ended: %v\n", err)
		}
	}()
	return page.URL(), done
}

// listenUI opens a page about a session's stack. Of its handlers one is in the command that is suggested to who has no jobs.
func listenUI(ctx context.Context, c *cli.Context, s *burst.Session, addr string, readOnly bool, handlers ...string) (*ui.Server, error) {
	bills, err := s.Bills()
	if err != nil {
		return nil, err
	}
	cfg := ui.Config{
		Store: s.Store(), Bills: bills, ReadOnly: readOnly, Log: logger(c.App.ErrWriter), Where: stackName(s.Stack()),
		Start: "starburst submit " + strings.Join(append(handlers, "HANDLER")[:1], "") + " --range 1:100",
		Dead: func(ctx context.Context) (ui.DeadLetters, error) {
			return dlq.Open(ctx, s.Clients().SQS, s.Stack().QueueURL, s.Stack().DLQURL)
		},
	}
	if s.State() == "" { // a finished local run has nobody to run its tasks
		cfg.Retry = func(ctx context.Context, job string) (string, error) { return retryFromPage(ctx, s, job) }
		cfg.Cancel = func(ctx context.Context, job string) (string, error) { return cancelFromPage(ctx, s, job) }
	}
	return ui.Listen(ctx, addr, cfg)
}

func retryFromPage(ctx context.Context, s *burst.Session, id string) (string, error) {
	_, report, err := s.Retry(ctx, id)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s failed tasks sent again in %s messages.", progress.Count(report.Tasks), progress.Count(len(report.Messages)))
	if report.Lost > 0 {
		text += fmt.Sprintf(" %s were recorded without their arguments and cannot be run again.", progress.Count(report.Lost))
	}
	return text, nil
}

func cancelFromPage(ctx context.Context, s *burst.Session, id string) (string, error) {
	did, err := s.Cancel(ctx, id)
	if err != nil {
		return "", err
	}
	n, count := did.Job.N, did.Count
	text := fmt.Sprintf("The job is cancelled: %s ok, %s failed, %s never run.", progress.Count(count.OK), progress.Count(count.Failed), progress.Count(n-count.OK-count.Failed))
	if did.Unheard > 0 {
		text += fmt.Sprintf(" %d busy workers were not heard of in time; what they finish still counts.", did.Unheard)
	}
	return text, nil
}

// stackName is what the page calls a stack.
func stackName(s stack.Stack) string {
	where := "AWS"
	if u, err := url.Parse(s.Endpoint); err == nil && u.Host != "" {
		where = u.Host
	}
	return where + " · " + s.Table
}

// openBrowser opens an address when the system has a way to. Nobody is told when it does not work: the address is printed.
func openBrowser(ctx context.Context, address string) {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return
		}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if err := cmd.Start(); err == nil {
		go func() { _ = cmd.Wait() }()
	}
}
