// Package report writes what became of a job as one file that needs nothing beside itself: HTML with charts in it,
// Markdown for a message or a wiki, or the charts alone as an SVG.
//
//	r := report.New(look.Input(), state)
//	err := r.Write(f, report.HTML)
//
// The figures are those of package view. The same input makes the same bytes. HTML and SVG hold no script and load
// nothing; light and dark are the reader's setting.
package report
