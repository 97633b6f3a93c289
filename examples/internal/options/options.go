// Package options reads the four flags that every example understands, and
// prints a help text that teaches: what the example shows, what each flag
// does, and commands to try.
package options

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/starburst-go/starburst"
)

// DefaultSeed is the seed of a run without -seed: a fixed one, so that the
// first run of two people prints the same numbers.
const DefaultSeed = 42

// Spec describes one example.
type Spec struct {
	// Name is the command's name, "montecarlo".
	Name string
	// About is the help text's first paragraph: what the example computes and shows.
	About string
	// Size says what -n counts ("simulated years"); N is its default, MinN and MaxN its limits.
	Size          string
	N, MinN, MaxN int
}

// Options are the values of the flags.
type Options struct {
	// Workers is the largest number of worker processes; 0 leaves the choice to Starburst.
	Workers int
	// N is the size of the run in the unit of Spec.Size.
	N int
	// Seed fixes every random number of the run.
	Seed uint64
	// Out is the folder for the results; empty means report.Folder's choice.
	Out string
}

// Parse reads args, the command line without the program's name. For -h it
// writes the help text to stdout and returns flag.ErrHelp, which is a success.
// Any other error says what is wrong with the command line and what is allowed,
// and makes starburst.Main exit with the code for wrong usage.
func Parse(spec Spec, args []string, stdout io.Writer) (Options, error) {
	var o Options
	flags := flag.NewFlagSet(spec.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller reports the error, once
	flags.IntVar(&o.Workers, "workers", 0, "at most this `many` worker processes; 0 lets Starburst choose")
	flags.IntVar(&o.N, "n", spec.N, "`number` of "+spec.Size)
	flags.Uint64Var(&o.Seed, "seed", DefaultSeed, "`seed` of all randomness: the same seed gives the same answer,\nwhatever the number of workers")
	flags.StringVar(&o.Out, "out", "", "`folder` for results.json, report.txt and job.html\n(default $EXAMPLE_RESULTS_DIR/"+spec.Name+",\nor example-results-<UTC time>/"+spec.Name+" when that is not set)")

	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		if _, werr := io.WriteString(stdout, help(spec, flags)); werr != nil {
			return o, fmt.Errorf("print the help text: %w", werr)
		}
		return o, flag.ErrHelp
	} else if err != nil {
		return o, starburst.WrongUsage(err, spec.hint())
	}
	return o, o.validate(spec, flags.Args())
}

func (o Options) validate(spec Spec, rest []string) error {
	var wrong error
	switch {
	case len(rest) > 0:
		wrong = fmt.Errorf("unexpected argument %q: %s takes only flags", rest[0], spec.Name)
	case o.Workers < 0:
		wrong = fmt.Errorf("-workers is %d: give 1 or more, or 0 to let Starburst choose", o.Workers)
	case o.N < spec.MinN || o.N > spec.MaxN:
		wrong = fmt.Errorf("-n is %d: the number of %s must lie between %d and %d", o.N, spec.Size, spec.MinN, spec.MaxN)
	default:
		return nil
	}
	return starburst.WrongUsage(wrong, spec.hint())
}

func help(spec Spec, flags *flag.FlagSet) string {
	var list bytes.Buffer
	flags.SetOutput(&list)
	flags.PrintDefaults()
	flags.SetOutput(io.Discard)
	var try strings.Builder
	for _, command := range [][2]string{
		{"", "the run that the documentation shows"},
		{" -seed 7", "other random numbers"},
		{" -workers 1", "one worker: the same answer"},
		{fmt.Sprintf(" -n %d -out small", max(spec.N/10, spec.MinN)), "another size, its results in ./small"},
	} {
		fmt.Fprintf(&try, "  %-36s %s\n", spec.Name+command[0], command[1])
	}
	return fmt.Sprintf(`%s

Usage: %[2]s [flags]     (in the repository: go run ./examples/%[2]s [flags])

%[3]s
The report goes to standard output, progress to standard error.

Try:
%[4]s`, strings.TrimSpace(spec.About), spec.Name, list.String(), try.String())
}

func (s Spec) hint() string { return s.Name + " -h, which explains the flags" }
