// Package view makes of what the table knows about a job what people want to see of it: how far it is, how fast it
// goes and when it will be over, what its fleet does, what failed and why, and the money against its estimate and cap.
//
//	look := &view.Looker{Store: s, Bills: bills, Job: id}
//	state, err := look.Look(ctx, time.Now())      // one look; keep the Looker for the next
//
// [Of] is the pure part: an [Input] in, a [State] out. The live view, the report and the page print states; none of
// them computes a figure of its own.
//
// Ledgers lag by up to 30 s and are exact in the end, see package store: the rate and the time that is left are said
// with their uncertainty.
package view
