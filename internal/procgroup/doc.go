// Package procgroup starts programs in process groups of their own, so that
// ending one ends what it has started, and tells what became of them.
package procgroup
