// Package cost answers "what did this cost, and whom": it prices workers and
// requests from an embedded price book and divides the bill among the jobs that
// caused it, exactly.
//
// Everything here is a pure function of its arguments: no clock, no network, no
// AWS SDK, so that the autoscaler, the simulator and the tests price a worker with
// the very same code. [github.com/starburst-go/starburst/cost/sample] feeds it
// from the workers' ledgers.
//
// # Money
//
// Amounts are whole pico-dollars ([PicoUSD]), because published rates such as
// $0.0000089944 per vCPU-second are not whole nano-dollars, and because sums of
// integers do not depend on their order. Nothing is ever rounded to make a table
// look nice; [PicoUSD.Cents] rounds for the eye only.
//
// # From price book to statement
//
//	book, err := cost.EmbeddedFor("eu-west-1")       // dated lines, each with its source
//	book, err = book.Override(agreement)             // private discounts on top
//	rate, err := book.Fargate(cost.X86, false)       // what a second costs
//	bill := cost.FargateBill(rate, size, pull, stop) // max(60, ceil(stop-pull)) seconds
//	st, err := cost.NewStatement(book, workers, cost.Options{})  // by job and by line
//
// A worker's bill is divided by what its slots did ([Attribute]): time in handlers
// belongs to the job, start-up to the job that caused the launch, idle time to the
// worker's jobs in proportion to their work; what no job caused appears as the job
// [Idle], never hidden. The parts add up to the bill to the last pico-dollar.
//
// A LOCAL worker, a process on the user's own machine, is priced as if it had run
// on Fargate; [Statement.Assumptions] says as what.
package cost
