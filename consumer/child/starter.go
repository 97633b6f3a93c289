package child

import (
	"errors"
	"runtime"
	"sync"
)

// starter starts children from one thread that lives as long as they do: the kernel
// kills them when that thread ends, and so a child that hangs does not outlive a worker that was killed.
type starter struct {
	calls   chan func()
	stopped chan struct{}
	stop    func()
}

func newStarter() *starter {
	s := &starter{calls: make(chan func()), stopped: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.stopped) })
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		for {
			select {
			case f := <-s.calls:
				f()
			case <-s.stopped:
				return
			}
		}
	}()
	return s
}

var errClosed = errors.New("the pool of children is closed")

// start is start, from the starter's thread.
func (s *starter) start(c Config, slot int) (p *process, err error) {
	done := make(chan struct{})
	select {
	case s.calls <- func() {
		defer close(done)
		p, err = start(c, slot)
	}:
	case <-s.stopped:
		return nil, errClosed
	}
	<-done
	return p, err
}
