//go:build unix

package child

import "golang.org/x/sys/unix"

// readNow reads what is there from a descriptor that does not block.
func readNow(fd uintptr, b []byte) (int, error) { return unix.Read(int(fd), b) }
