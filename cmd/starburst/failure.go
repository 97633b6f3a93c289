package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
	"github.com/starburst-go/starburst/store"
)

// failure reports how a command ended.
type failure struct {
	w io.Writer
	// path is the command's name, word by word, as far as it is known.
	path []string
	// debug shows what is inside an error.
	debug bool
}

// report prints an error in three lines, what, why and what to try next, and returns its exit code. The second is left out when
// nothing is known beyond the first.
func (f failure) report(err error) exit.Code {
	if err == nil {
		return exit.OK
	}
	code, hint := exit.CodeOf(err), exit.HintOf(err)
	advice := awserr.Explain(err)
	if _, typed := errors.AsType[*exit.Error](err); !typed {
		code = codeFor(advice.Kind)
		if errors.Is(err, syscall.ECONNREFUSED) {
			hint = "nothing listens there: is `starburst dev` still running? Its export lines are of no use without it"
		}
	}
	what, why := halves(err)
	if refused, ok := errors.AsType[*net.OpError](err); ok && errors.Is(err, syscall.ECONNREFUSED) {
		why = refused.Error() // the last link says it all
	}
	if hint == "" && advice.Kind != awserr.Unknown {
		what, why, hint = err.Error(), advice.What, advice.Next
	}
	if hint == "" {
		hint = f.next(code)
	}
	for _, l := range [][2]string{{code.Word(), what}, {"why:  ", why}, {"try:  ", hint}} {
		if l[1] != "" {
			_, _ = fmt.Fprintf(f.w, "%s %s\n", l[0], l[1])
		}
	}
	if f.debug {
		f.inside(err, 0)
	}
	return code
}

// halves cuts an error's text where it names its cause, as in "read x: no such file". One word, as in "--halt: …", is not worth a
// line of its own.
func halves(err error) (what, why string) {
	what = err.Error()
	for cause := unwrap(err); cause != nil; cause = unwrap(cause) {
		if before, ok := strings.CutSuffix(what, ": "+cause.Error()); ok && strings.Contains(before, " ") {
			return before, cause.Error()
		}
	}
	return what, ""
}

// unwrap is errors.Unwrap that also looks into a list of one error, as errors.Join makes it.
func unwrap(err error) error {
	if list, ok := err.(interface{ Unwrap() []error }); ok && len(list.Unwrap()) == 1 {
		return list.Unwrap()[0]
	}
	return errors.Unwrap(err)
}

// next is the advice where the error has none of its own.
func (f failure) next(code exit.Code) string {
	switch code {
	case exit.Usage:
		return strings.Join(append([]string{"starburst help"}, f.path...), " ")
	case exit.Permission:
		return "starburst doctor"
	case exit.NotFound:
		return "starburst jobs ls lists the jobs, starburst config list --show-origin says which stack is asked"
	case exit.Failed:
		if !f.debug {
			return "the same command with --debug shows what is inside this error"
		}
	case exit.OK, exit.TasksFail, exit.TimedOut, exit.Refused, exit.Pending, exit.Partly, exit.Interrupt:
	}
	return ""
}

// inside prints an error with all that it wraps, and the ids that AWS gave the requests.
func (f failure) inside(err error, depth int) {
	_, _ = fmt.Fprintf(f.w, "debug: %s%T: %s\n", strings.Repeat("  ", depth), err, strings.ReplaceAll(err.Error(), "\n", "\n       "))
	if depth == 0 {
		if id := awserr.RequestID(err); id != "" {
			_, _ = fmt.Fprintf(f.w, "debug: request id %s\n", id)
		}
	}
	switch e := err.(type) { //nolint:errorlint // this walks the tree itself
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			f.inside(inner, depth+1)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			f.inside(inner, depth+1)
		}
	}
}

// codeFor is the exit code of an error of AWS that nobody has given one.
func codeFor(k awserr.Kind) exit.Code {
	switch k {
	case awserr.NoCredentials, awserr.Expired, awserr.BadKey, awserr.Denied:
		return exit.Permission
	case awserr.Absent, awserr.ImageAbsent:
		return exit.NotFound
	case awserr.QuotaReached:
		return exit.Refused
	case awserr.Unknown, awserr.Unreachable, awserr.WrongArch, awserr.NoRoute, awserr.NoAddress, awserr.NoCapacity, awserr.OutOfMemory:
	}
	return exit.Failed
}

// unknownFlag is how the library's parser says it.
var unknownFlag = regexp.MustCompile(`^flag provided but not defined: -+(\S+)$`)

// badValue is how it speaks of a value that it cannot read, and noValue of one that is not there.
var (
	badValue = regexp.MustCompile(`(?s)^(?:invalid value|invalid boolean value) (".*") for (?:flag )?-+([^\s:]+): (.*)$`)
	noValue  = regexp.MustCompile(`^flag needs an argument: -+(\S+)$`)
)

// usageError is the error of a command's flags, with the flag that was meant.
func usageError(c *cli.Context, err error, _ bool) error {
	flags := c.App.Flags
	name := "starburst"
	if c.Command != nil && c.Command.HelpName != "" {
		name, flags = c.Command.HelpName, append(c.Command.Flags, flags...)
	}
	var names []string
	usage := map[string]string{}
	for _, f := range flagsOf(flags) {
		names = append(names, f.Names...)
		for _, n := range f.Names {
			usage[n] = strings.TrimSuffix(strings.TrimSpace(dashes(n)+" "+f.Value)+": "+f.Usage, ": ")
		}
	}
	if m := noValue.FindStringSubmatch(err.Error()); m != nil {
		return exit.Errorf(exit.Usage, "%s needs a value", dashes(m[1])).WithHint("%s", usage[m[1]])
	}
	if m := badValue.FindStringSubmatch(err.Error()); m != nil {
		return exit.Errorf(exit.Usage, "%s cannot be %s", dashes(m[2]), m[1]).WithHint("%s", usage[m[2]])
	}
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	typed := flagName(m[1])
	e := exit.Errorf(exit.Usage, "%s has no flag %s", name, dashes(typed))
	if near := manual.Nearest(typed, names); near != "" {
		return e.WithHint("did you mean: %s", dashes(near))
	}
	return e
}

func dashes(flag string) string {
	if len(flag) == 1 {
		return "-" + flag
	}
	return "--" + flag
}

// nearFor bounds the look for jobs whose id is near a mistyped one.
const nearFor = 2 * time.Second

// withNearJobs adds to the error of a job that is not there the id that was meant.
func withNearJobs(c *cli.Context, err error) error {
	typed := c.Args().First()
	if exit.CodeOf(err) != exit.NotFound && !errors.Is(err, store.ErrNotFound) || typed == "" || c.String("state") != "" {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context, nearFor)
	defer cancel()
	if near := manual.Nearest(typed, recentJobs(ctx)); near != "" && near != typed {
		return fail(err).WithHint("did you mean: %s %s", c.Command.HelpName, near)
	}
	return err
}

// fail keeps an error's code.
func fail(err error) *exit.Error {
	code := exit.CodeOf(err)
	if code == exit.Failed {
		code = exit.NotFound
	}
	return exit.Errorf(code, "%w", err)
}
