package role

import "runtime"

// heapFloor is how much a worker's heap may grow between two collections at the least. Its own data are a few MiB, so
// that Go would collect after every 4 MiB: after each 150 calls to AWS, at a tenth of the worker's CPU time.
const heapFloor = 16 << 20

// keepFloor makes the collector count heapFloor more bytes as in use, until the returned function is called. They are never
// touched and so take no memory. A setting of GOGC would do the same for small heaps, but multiply large ones, too.
func keepFloor() (release func()) {
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}
