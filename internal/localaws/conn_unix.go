//go:build unix

package localaws

import (
	"net"

	"golang.org/x/sys/unix"
)

// wasReset reports whether the socket has an error waiting.
func wasReset(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	code := 0
	err = raw.Control(func(fd uintptr) {
		code, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	})
	return err == nil && code != 0
}
