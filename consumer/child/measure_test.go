//go:build unix

package child

import "testing"

func TestAChildIsMeasured(t *testing.T) {
	t.Parallel()
	f, err := Measure(t.Context(), config("ok"))
	if err != nil || f.Median <= 0 || f.P99 < f.Median || f.PerSecond <= 0 || f.Lang != "go" {
		t.Errorf("got %v, %v", f, err)
	}
}
