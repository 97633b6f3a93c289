// Package memo keeps what a worker would otherwise rebuild for every task.
//
// A worker process runs thousands of tasks of the same job. What they share, a
// data set or a model, need not travel in each argument: the argument carries a
// key (here the data's seed; it could be a file name or an S3 key), and the
// handler keeps the last value made for a key:
//
//	var data memo.Last[uint64, []Row]
//	rows := data.Get(task.DataSeed, generate)
package memo

import "sync"

// Last remembers one value, that of the last key asked for. One, not all: a
// worker may serve many jobs in its life, and must not grow with each. The zero
// Last is ready to use, from any number of goroutines.
type Last[K comparable, V any] struct {
	mu    sync.Mutex // protects all below, and makes others wait while one makes the value
	known bool
	key   K
	value V
}

// Get returns the value of key, calling compute only when the last call was for
// another key. The value is shared between callers: treat it as read-only.
func (l *Last[K, V]) Get(key K, compute func(K) V) V {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.known || l.key != key {
		l.value, l.key, l.known = compute(key), key, true
	}
	return l.value
}
