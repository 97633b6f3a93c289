package memo_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/starburst-go/starburst/examples/internal/memo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleLast() {
	var squares memo.Last[int, int]
	square := func(x int) int {
		fmt.Println("computing", x)
		return x * x
	}
	fmt.Println(squares.Get(3, square), squares.Get(3, square), squares.Get(4, square))
	// Output:
	// computing 3
	// computing 4
	// 9 9 16
}

func TestTheZeroKeyIsComputedToo(t *testing.T) {
	t.Parallel()
	var last memo.Last[int, string]
	if got := last.Get(0, func(int) string { return "made" }); got != "made" {
		t.Errorf("Get(0) = %q, want the computed value, not the zero value", got)
	}
}

func TestManyTasksAtOnceComputeOnce(t *testing.T) {
	t.Parallel()
	var last memo.Last[uint64, []int]
	var computed atomic.Int32
	var tasks sync.WaitGroup
	for range 50 {
		tasks.Go(func() {
			if got := last.Get(7, func(uint64) []int { computed.Add(1); return []int{7} }); len(got) != 1 || got[0] != 7 {
				t.Errorf("Get = %v", got)
			}
		})
	}
	tasks.Wait()
	if computed.Load() != 1 {
		t.Errorf("computed %d times, want once", computed.Load())
	}
}
