// Package report turns the numbers of an example into something to read: text
// tables, bars for the terminal, and the files of a run, results.json
// (every number, for programs) and report.txt (what was printed, for people).
//
// Layout is a pure function of values, so that a whole report can be compared
// with a golden file; only Publish touches the disk.
//
//	var table report.Table
//	table.Add("", "estimate", "± 1 s.e.")
//	table.Add("mean final value", report.Number(107851.88, 2), report.Number(351.08, 2))
//	fmt.Print(table.String())
package report
