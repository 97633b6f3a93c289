//go:build race

package autoscale_test

// raced says that the race detector slows everything down.
const raced = true
