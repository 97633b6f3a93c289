//go:build unix

package usage_test

import (
	"os"
	"runtime"
	"testing"
	"time"

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

func TestAnotherProcessIsMeasuredAsThisOne(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		if u, err := usage.Of(os.Getpid()); u != (usage.Usage{}) || err != nil {
			t.Errorf("%+v, %v; only Linux tells", u, err)
		}
		return
	}
	before := usage.Own()
	got, err := usage.Of(os.Getpid())
	if err != nil || got.PeakRSS < before.PeakRSS || got.CPU > usage.Own().CPU+2*time.Millisecond*10 {
		t.Errorf("%+v, %v; this process tells %+v", got, err, before)
	}
	if now := usage.Resident(os.Getpid()); now <= 0 || now > usage.Own().PeakRSS+1<<20 {
		t.Errorf("%d bytes resident of at most %d", now, usage.Own().PeakRSS)
	}
	if usage.Resident(-1) != 0 {
		t.Error("a process that does not exist has memory")
	}
	if _, err := usage.Of(-1); err == nil {
		t.Error("no error for a process that does not exist")
	}
}
