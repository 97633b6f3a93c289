// Package bill answers "what did it cost" for a stack: it reads ledgers, decisions
// and forecasts from the table, has package cost price and divide them, and sets the outcome
// beside what was estimated, the least it could have cost, and what would have been cheaper.
//
//	b, err := bill.Config{Store: s, Book: book, Fleet: "default"}.Job(ctx, "prices-20261124")
//	err = b.Write(os.Stdout, bill.Table, bill.ByLine)
//
// A bill is seen by job, wave, worker or line; each view adds up to the same total, to
// the pico-dollar.
//
// Before a run there is a [Forecast]: the same formulas on what is known of the job, kept in the
// table until the bill can be compared with it.
package bill
