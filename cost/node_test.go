package cost_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

// The example of AWS's page on split cost allocation data: an m5.xlarge (4 vCPU,
// 16 GB) at $1 an hour with four pods. The page prints
// cents, after dividing what is not rounded.
func TestPublishedSplitExample(t *testing.T) {
	t.Parallel()
	node := cost.Node{VCPUMilli: 4000, MemoryMiB: 16 << 10}
	pods := []cost.NodeTask{
		{VCPUMilli: 1000, UsedVCPUMilli: 100, MemoryMiB: 4 << 10, UsedMemoryMiB: 3 << 10},
		{VCPUMilli: 1000, UsedVCPUMilli: 1900, MemoryMiB: 4 << 10, UsedMemoryMiB: 6 << 10},
		{VCPUMilli: 1000, UsedVCPUMilli: 500, MemoryMiB: 2 << 10, UsedMemoryMiB: 2 << 10},
		{VCPUMilli: 1000, UsedVCPUMilli: 500, MemoryMiB: 2 << 10, UsedMemoryMiB: 2 << 10},
	}
	var got []string
	var sum cost.PicoUSD
	for _, s := range cost.SplitNode(cost.USD, node, pods) {
		got = append(got, fmt.Sprint(s.Used.Cents(), " + ", s.Unused.Cents(), " = ", s.Total().Cents()))
		sum += s.Total()
	}
	want := []string{"$0.22 + $0.01 = $0.23", "$0.38 + $0.02 = $0.40", "$0.18 + $0.01 = $0.19", "$0.18 + $0.01 = $0.19"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("split as on the page (-want +got):\n%s", diff)
	}
	if sum != cost.USD {
		t.Errorf("the shares add up to %s of $1", sum)
	}
	// A vCPU-hour is $0.1731 and a GB-hour $0.0192: one task with one of them, alone.
	for _, c := range []struct {
		because string
		task    cost.NodeTask
		want    cost.PicoUSD
	}{
		{"a vCPU-hour is 9/52 of the dollar", cost.NodeTask{VCPUMilli: 1000}, 9 * cost.USD / 52},
		{"a GB-hour is 1/52 of it", cost.NodeTask{MemoryMiB: 1024}, cost.USD / 52},
	} {
		s := cost.SplitNode(cost.USD, node, []cost.NodeTask{c.task})
		if got := s[0].Used; got < c.want-1 || got > c.want+1 {
			t.Errorf("%s: %s", c.because, got)
		}
	}
}

func TestSplitNodeEdges(t *testing.T) {
	t.Parallel()
	if s := cost.SplitNode(100, cost.Node{VCPUMilli: 1000, MemoryMiB: 1024}, nil); s != nil {
		t.Errorf("no tasks: %v", s)
	}
	if s := cost.SplitNode(100, cost.Node{}, []cost.NodeTask{{VCPUMilli: 1}}); s != nil {
		t.Errorf("a node without anything to divide by: %v", s)
	}
}

func TestSplitNodeConservesTheBill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := func(label string) int64 { return rapid.Int64Range(-1, 1<<31).Draw(t, label) }
		bill := cost.PicoUSD(rapid.Int64Range(0, 1<<61).Draw(t, "bill"))
		node := cost.Node{VCPUMilli: 1 + max(0, amount("vcpu")), MemoryMiB: 1 + max(0, amount("memory"))}
		tasks := make([]cost.NodeTask, rapid.IntRange(1, 8).Draw(t, "tasks"))
		for i := range tasks {
			tasks[i] = cost.NodeTask{VCPUMilli: amount("v"), MemoryMiB: amount("m"), UsedVCPUMilli: amount("uv"), UsedMemoryMiB: amount("um")}
		}
		var sum cost.PicoUSD
		for _, s := range cost.SplitNode(bill, node, tasks) {
			if s.Used < 0 || s.Unused < 0 {
				t.Fatalf("negative share %+v", s)
			}
			sum += s.Total()
		}
		if sum != bill {
			t.Fatalf("shares add up to %d, bill is %d", sum, bill)
		}
	})
}
