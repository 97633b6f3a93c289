package procgroup

import (
	"fmt"
	"time"
)

// limitEvery is how often Limit looks at the memory.
const limitEvery = 50 * time.Millisecond

// Limit kills the program's group when it has more than limit bytes resident, and then says
// how much. It looks every 50 ms until stop is closed; a limit of zero is none.
func Limit(stop <-chan struct{}, pid int, limit int64) (over string) {
	if limit <= 0 {
		return ""
	}
	tick := time.NewTicker(limitEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return ""
		case <-tick.C:
		}
		if over := Over(pid, limit); over != "" {
			_ = Kill(pid)
			return over
		}
	}
}

// Over says how much more than limit bytes the program's group has resident; "" when it has not.
func Over(pid int, limit int64) string {
	rss := Resident(pid)
	if rss <= limit {
		return ""
	}
	return fmt.Sprintf("%d MiB resident, the limit is %d MiB", rss>>20, limit>>20)
}
