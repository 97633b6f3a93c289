package options_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/examples/internal/options"
	"github.com/starburst-go/starburst/internal/exit"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var spec = options.Spec{
	Name:  "montecarlo",
	About: "Simulates years of a portfolio.",
	Size:  "simulated years", N: 10_000, MinN: 2, MaxN: 1_000_000,
}

func ExampleParse() {
	o, err := options.Parse(spec, []string{"-n", "500", "-workers=4"}, io.Discard)
	fmt.Println(o.N, o.Workers, o.Seed, err)
	// Output: 500 4 42 <nil>
}

func TestParse(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		args string
		want options.Options
		fail string // what the error must contain
	}{
		{"no flags: the documented run", "", options.Options{N: 10_000, Seed: 42}, ""},
		{"every flag has its field", "-workers 3 -n 5 -seed 7 -out here", options.Options{Workers: 3, N: 5, Seed: 7, Out: "here"}, ""},
		{"the smallest size is allowed", "-n 2", options.Options{N: 2, Seed: 42}, ""},
		{"the largest too", "-n 1000000", options.Options{N: 1_000_000, Seed: 42}, ""},
		{"below the smallest is refused with the limits", "-n 1", options.Options{}, "simulated years must lie between 2 and 1000000"},
		{"above the largest is refused", "-n 1000001", options.Options{}, "-n is 1000001"},
		{"a negative number of workers is refused with what 0 means", "-workers -1", options.Options{}, "0 to let Starburst choose"},
		{"a word where a number belongs", "-n many", options.Options{}, "invalid value \"many\" for flag -n"},
		{"a negative seed", "-seed -3", options.Options{}, "flag -seed"},
		{"an unknown flag points to the help", "-wrokers 3", options.Options{}, "not defined: -wrokers"},
		{"a forgotten dash is not ignored", "n 5", options.Options{}, "unexpected argument \"n\""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := options.Parse(spec, strings.Fields(c.args), io.Discard)
			if c.fail != "" {
				if err == nil || !strings.Contains(err.Error(), c.fail) {
					t.Fatalf("error = %v, want one with %q", err, c.fail)
				}
				if exit.CodeOf(err) != exit.Usage || !strings.Contains(exit.HintOf(err), "montecarlo -h") {
					t.Errorf("exit code %d, hint %q; want %d and a pointer to -h", exit.CodeOf(err), exit.HintOf(err), exit.Usage)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHelpTeachesAndIsNoFailure(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if _, err := options.Parse(spec, []string{"-h"}, &stdout); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("error = %v, want flag.ErrHelp", err)
	}
	for _, part := range []string{spec.About, "-workers many", "-n number", "(default 10000)", "-seed seed", "-out folder", "EXAMPLE_RESULTS_DIR", "Try:"} {
		if !strings.Contains(stdout.String(), part) {
			t.Errorf("the help text lacks %q:\n%s", part, &stdout)
		}
	}
}
