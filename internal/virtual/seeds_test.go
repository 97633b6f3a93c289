package virtual_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// Environment variables of the run of seeds.
const (
	envSeeds = "STARBURST_SEEDS" // how many, from 1
	envSeed  = "STARBURST_SEED"  // only this one
	envTrace = "STARBURST_TRACE" // the file that gets all events of the last failure
)

// defaultSeeds is how many a plain `go test` runs.
const defaultSeeds = 100

// TestSeeds draws a scenario from each seed and demands that nothing is lost and
// nothing is recorded twice.
func TestSeeds(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), number(t, envSeeds, defaultSeeds)
	if one := number(t, envSeed, 0); one > 0 {
		first, last = one, one
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { play(t, seed) })
		})
	}
}

// again says how to repeat a run. Goroutines that are ready at the same moment run
// in any order, so that some failures want a few attempts.
const again = "to run it again: %s=%d %s=/tmp/events go test ./internal/virtual -run TestSeeds -failfast -count=100"

func play(t *testing.T, seed uint64) {
	t.Helper()
	w := newWorld(draw(seed))
	wrong := w.run(t)
	if len(wrong) == 0 {
		return
	}
	t.Errorf("%s\n%v\nlast events:\n%s\n\n"+again, strings.Join(wrong, "\n"), w.scenario, w.tail(40), envSeed, seed, envTrace)
	if path := os.Getenv(envTrace); path != "" {
		if err := os.WriteFile(path, []byte(w.scenario.String()+"\n"+w.tail(maxEvents)+"\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
}

func number(t *testing.T, env string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}
