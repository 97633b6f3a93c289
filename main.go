package starburst

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/role"
)

// closeTimeout bounds the end of a session: workers are asked to stop, then killed.
const closeTimeout = 20 * time.Second

// Main is the whole main function of a Starburst program. In the process that the
// user started it calls run with a session and exits with its outcome; in the
// processes that the session starts from the same binary it works on tasks. It
// does not return.
//
// An error of run is printed; flag.ErrHelp is a success. See WrongUsage.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 some tasks failed,
// 130 interrupted (the job is kept and the message says how to attach).
func Main(run func(ctx context.Context, s *Session) error, handlers ...Registration) {
	os.Exit(int(realMain(run, handlers, os.Stderr)))
}

func realMain(run func(context.Context, *Session) error, handlers []Registration, stderr io.Writer) exit.Code {
	named, tracing := split(handlers)
	registry, err := registryOf(named)
	if err != nil {
		return report(stderr, err)
	}
	if handled, err := role.Run(context.Background(), registry, tracing.instruments()...); handled {
		return report(stderr, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	s, err := New(Config{}, handlers...)
	if err != nil {
		return report(stderr, err)
	}
	if err = run(ctx, s); errors.Is(err, flag.ErrHelp) {
		err = nil // the help text was asked for and printed
	}
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err = errors.Join(err, s.Close(closeCtx))
	if ctx.Err() != nil && err != nil {
		return report(stderr, s.interrupted(err))
	}
	return report(stderr, s.retryable(err))
}

// registryOf collects the handlers and refuses names that clash or do not fit.
func registryOf(handlers []Registration) (consumer.Registry, error) {
	registry := consumer.Registry{}
	for _, h := range handlers {
		name := h.Name()
		if err := checkName(name); err != nil {
			return nil, err
		}
		if registry[name] != nil {
			return nil, exit.Errorf(exit.Usage, "two handlers are named %q", name).WithHint("give each Handle its own name")
		}
		registry[name] = h.handler()
	}
	return registry, nil
}

// report prints an error in up to three lines, what, why and what next, and returns its exit code.
func report(w io.Writer, err error) exit.Code {
	if err == nil {
		return exit.OK
	}
	code := exit.CodeOf(err)
	_, _ = fmt.Fprintf(w, "%s %v\n", code.Word(), err)
	hint := exit.HintOf(err)
	if a := awserr.Explain(err); hint == "" && a.Kind != awserr.Unknown {
		hint = a.Next
		_, _ = fmt.Fprintf(w, "why:   %s\n", a.What)
	}
	if hint != "" {
		_, _ = fmt.Fprintf(w, "try:   %s\n", hint)
	}
	return code
}
