// Package codec compares the speed of Starburst's codec with encoding/json and
// tinylib/msgp on the same chunks of tasks. It is in a module of its own, so that
// the peers stay out of the product's dependencies. `make bench-codec` prints the
// table; docs/benchmarks.md holds it.
package codec
