//go:build unix

package usage_test

import (
	"testing"

	"github.com/starburst-go/starburst/internal/usage"
)

func TestUsageGrows(t *testing.T) {
	t.Parallel()
	before := usage.Own()
	held := make([]byte, 64<<20)
	sum := 0
	for i := range held {
		held[i] = byte(i)
		sum += int(held[i] ^ byte(sum))
	}
	after := usage.Own()
	if after.PeakRSS < before.PeakRSS || after.PeakRSS < int64(len(held)) {
		t.Errorf("peak memory %d after touching %d bytes (before: %d; %d)", after.PeakRSS, len(held), before.PeakRSS, sum)
	}
	if after.CPU <= before.CPU {
		t.Errorf("CPU time %v after work, %v before", after.CPU, before.CPU)
	}
}
