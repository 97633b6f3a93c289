package manual_test

import (
	"fmt"

	"github.com/starburst-go/starburst/internal/manual"
)

func ExampleTree_Help() {
	t := manual.Tree{Name: "boat", Groups: []manual.Group{{Title: "Sail", Commands: []manual.Command{{
		Name: "row", Usage: "row somewhere", Examples: []string{"boat row home    where it came from"},
		Flags: []manual.Flag{{Names: []string{"speed", "s"}, Value: "KNOTS", Usage: "how fast", Default: "3"}},
	}}}}}
	fmt.Print(t.Help("row"))
	// Output:
	// boat row: row somewhere
	//
	// Usage:
	//   boat row home  where it came from
	//
	// Flags:
	//   -s, --speed KNOTS         how fast (default: 3)
	//
	// Flags of every command:
}
