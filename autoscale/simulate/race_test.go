//go:build race

package simulate_test

// raced says that the race detector slows everything down.
const raced = true
