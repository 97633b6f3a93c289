// Package layout holds the house rules of this repository as tests, so that
// breaking one fails `make test` and needs no reviewer's memory:
//
//   - Imports go one way: cmd → starburst → {producer, consumer, autoscale, cost}
//     → {codec, store}. A new package has to be given its place in the table.
//   - codec, cost and autoscale are pure: they link no SDK and no store.
//   - A source file has fewer than 400 lines, tests excepted.
//   - A package says in a doc comment what it is, and is not called util, helper or common.
//   - A package that starts goroutines looks in its TestMain for those left behind.
//
// It has no code besides its tests.
package layout
