package main

import (
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/listing"
)

// formatFlag is the -o of every command: the formats it offers, the default first. Another one ends the command
// before it does anything.
func formatFlag(formats ...listing.Format) cli.Flag {
	return &cli.StringFlag{
		Name: "output", Aliases: []string{"o"}, Value: string(formats[0]), Usage: "`" + join(formats, "|") + "`",
		Action: func(_ *cli.Context, format string) error {
			if !slices.Contains(formats, listing.Format(format)) {
				return exit.Errorf(exit.Usage, "-o %q is not a format", format).WithHint("-o %s", join(formats, ", -o "))
			}
			return nil
		},
	}
}

// listFlags are the flags of a command that prints a list.
func listFlags() []cli.Flag {
	return []cli.Flag{
		formatFlag(listing.Formats...),
		&cli.BoolFlag{Name: "no-headers", Usage: "leave out the header of table, wide and csv"},
		&cli.StringFlag{Name: "columns", Usage: "print these columns only, in this order, as table, wide or csv: `A,B`"},
	}
}

// listOptions reads listFlags and checks them for the list, so that a mistake is found before anything is asked.
func listOptions[T any](c *cli.Context, l listing.List[T]) (listing.Options, error) {
	o := listing.Options{Format: listing.Format(c.String("output")), NoHeaders: c.Bool("no-headers")}
	if names := c.String("columns"); names != "" {
		if o.Format == listing.JSON || o.Format == listing.JSONL {
			return o, exit.Errorf(exit.Usage, "--columns does not go with -o %s", o.Format).WithHint("-o csv --columns %s, or pick the fields with jq", names)
		}
		for name := range strings.SplitSeq(names, ",") {
			o.Columns = append(o.Columns, strings.TrimSpace(name))
		}
	}
	err := l.Check(o)
	if wrong, ok := errors.AsType[*listing.FormatError](err); ok {
		return o, exit.Errorf(exit.Usage, "there is no %s %q", wrong.What, wrong.Asked).WithHint("there are %s", strings.Join(wrong.Offered, ", "))
	}
	return o, err
}

// printDocument prints an object as a JSON document: starburst.<name>/v1.
func printDocument(c *cli.Context, name string, object any) error {
	return listing.Document(c.App.Writer, "starburst."+name+"/v1", object)
}

// documentFlags are of commands that print one object, for people or for programs.
func documentFlags() []cli.Flag {
	return []cli.Flag{formatFlag(listing.Table, listing.JSON), &cli.BoolFlag{Name: "json", Usage: "the same as -o json"}}
}

// isJSON reports whether one JSON document is asked for.
func isJSON(c *cli.Context) bool {
	return c.Bool("json") || listing.Format(c.String("output")) == listing.JSON
}

// all yields the elements of a list, without an error.
func all[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}
