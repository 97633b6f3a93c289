package child

import (
	"runtime"
	"sync"
)

// starter starts children from one thread that lives as long as they do: the kernel
// kills them when that thread ends, and so a child that hangs does not outlive a worker that was killed.
type starter struct {
	calls chan func()
	stop  func()
}

func newStarter() *starter {
	s := &starter{calls: make(chan func())}
	s.stop = sync.OnceFunc(func() { close(s.calls) })
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		for f := range s.calls {
			f()
		}
	}()
	return s
}

// start is start, from the starter's thread.
func (s *starter) start(c Config, slot int) (p *process, err error) {
	done := make(chan struct{})
	s.calls <- func() {
		defer close(done)
		p, err = start(c, slot)
	}
	<-done
	return p, err
}
