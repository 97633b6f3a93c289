//go:build unix

package httpcall

import (
	"net"
	"syscall"
)

// isOpen looks whether the other side has closed the connection, or sent what nobody asked for, while it was not in
// use. Without the look the next call would find out, and fail.
func isOpen(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, e := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		open = n < 0 && (e == syscall.EAGAIN || e == syscall.EWOULDBLOCK)
	})
	return err == nil && open
}
