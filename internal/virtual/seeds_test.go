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
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(draw(seed))
				if wrong := w.run(t); len(wrong) > 0 {
					t.Errorf("%s\n%v\nlast events:\n%s\n\nto run it again: %s=%d go test ./internal/virtual -run TestSeeds",
						strings.Join(wrong, "\n"), w.scenario, w.tail(40), envSeed, seed)
				}
				if path := os.Getenv("STARBURST_TRACE"); path != "" {
					if err := os.WriteFile(path, []byte(w.scenario.String()+"\n"+w.tail(maxEvents)+"\n"), 0o600); err != nil {
						t.Error(err)
					}
				}
			})
		})
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
