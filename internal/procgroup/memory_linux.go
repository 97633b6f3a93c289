package procgroup

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/starburst-go/starburst/internal/usage"
)

// maxMembers bounds how many processes Resident looks at.
const maxMembers = 1000

// Resident returns the resident memory of the program and of all processes it has started and
// that are still its descendants, in bytes; pages they share count more than once. Zero where the
// system does not tell, and when the program has ended.
func Resident(pid int) int64 {
	var total int64
	pids := []int{pid}
	for i := 0; i < len(pids) && i < maxMembers; i++ {
		total += usage.Resident(pids[i])
		// Children of threads other than the first are missed; programs that start some there are rare.
		b, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pids[i]))
		if err != nil {
			continue
		}
		for f := range bytes.FieldsSeq(b) {
			if child, err := strconv.Atoi(string(f)); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return total
}

// killFirst is how much sooner the kernel's out-of-memory killer should take a
// child than this process (proc(5): −1000 to 1000; raising needs no privilege).
const killFirst = "500"

// SacrificeFirst makes the kernel prefer the program when memory runs out. It is a wish: errors are ignored.
func SacrificeFirst(pid int) {
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(killFirst), 0)
}
