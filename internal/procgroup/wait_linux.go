package procgroup

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitExit waits until the program has ended, and leaves it to be waited for: until
// then neither its id nor its group's is given to another, and Kill hits nobody else. It reports whether it could tell.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
