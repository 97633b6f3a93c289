package report_test

import (
	"fmt"

	"github.com/starburst-go/starburst/examples/internal/report"
)

func ExampleTable() {
	var table report.Table
	table.Add("", "estimate", "± 1 s.e.")
	table.Add("mean final value", report.Number(107851.88, 2), report.Number(351.08, 2))
	table.Add("chance of a loss", report.Percent(0.4684, 2), report.Percent(0.005, 2))
	fmt.Print(table.String())
	// Output:
	//                     estimate  ± 1 s.e.
	// mean final value  107,851.88    351.08
	// chance of a loss     46.84 %    0.50 %
}

func ExampleBars() {
	fmt.Print(report.Bars([]report.Bar{
		{Label: "control", Value: 11, Text: "50.3"},
		{Label: "treatment", Value: 22, Text: "53.9"},
		{Label: "pooled", Value: 16.5, Text: "52.3", Faint: true},
	}, 0))
	// Output:
	//   control ██████████████████████ 50.3
	// treatment ████████████████████████████████████████████ 53.9
	//    pooled ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 52.3
}
