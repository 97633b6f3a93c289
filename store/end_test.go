package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/store"
)

func TestTheFirstNotedEndOfAWorkerStays(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	end := store.WorkerEnd{
		PullStarted: created.Add(-2 * time.Minute), Stopped: created.Add(time.Hour), Provider: "FARGATE_SPOT", Arch: "ARM64",
		VCPUMilli: 1024, MemoryMiB: 2048, DiskGiB: 21, Code: "SpotInterruption",
	}
	note := func(worker string, e store.WorkerEnd, want bool) {
		t.Helper()
		if noted, err := s.EndWorker(t.Context(), "default", worker, e); err != nil || noted != want {
			t.Errorf("EndWorker(%s) = %v, %v; want %v", worker, noted, err, want)
		}
	}
	if err := s.PutLedger(t.Context(), ledgerOf("heard", 3)); err != nil {
		t.Fatal(err)
	}
	note("heard", end, true)
	note("heard", store.WorkerEnd{Stopped: created.Add(2 * time.Hour)}, false)
	note("silent", end, true)
	note("unpulled", store.WorkerEnd{Stopped: created, Code: "TaskFailedToStart"}, true)
	for _, zombie := range []string{"heard", "silent"} {
		if err := s.PutLedger(t.Context(), ledgerOf(zombie, 9)); err != nil {
			t.Error(err)
		}
	}
	heard := ledgerOf("heard", 3)
	heard.End = end
	want := []store.Ledger{
		heard,
		{
			Fleet: "default", Worker: "silent", Started: end.PullStarted, Updated: end.Stopped, Final: true, Slots: 1, End: end,
			Cost: store.CostSample{
				Provider: "FARGATE_SPOT", Arch: "ARM64", VCPUMilli: 1024, MemoryMiB: 2048, DiskGiB: 21,
				Launched: end.PullStarted, Ready: end.Stopped,
			},
		},
		{
			Fleet: "default", Worker: "unpulled", Updated: created, Final: true, Slots: 1,
			End: store.WorkerEnd{Stopped: created, Code: "TaskFailedToStart"}, Cost: store.CostSample{Ready: created},
		},
	}
	got, err := s.Ledgers(t.Context(), "default")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := s.EndWorker(t.Context(), "default", "x", store.WorkerEnd{}); err == nil {
		t.Error("an end without a time was noted")
	}
}
