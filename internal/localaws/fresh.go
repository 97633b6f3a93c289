package localaws

import (
	"net"
	"net/http"
	"sync"
)

// freshConns knows the connections that were dialled and have not sent anything
// yet. http.Server.Shutdown waits five seconds for each of them, since a request
// may be on its way; clients that dial ahead leave some behind in every session.
// The zero value is ready to use.
type freshConns struct {
	mu    sync.Mutex // protects conns
	conns map[net.Conn]bool
}

// track is an http.Server's ConnState hook.
func (f *freshConns) track(c net.Conn, state http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if state != http.StateNew {
		delete(f.conns, c)
		return
	}
	if f.conns == nil {
		f.conns = map[net.Conn]bool{}
	}
	f.conns[c] = true
}

// close closes them. A request that arrives at this very moment is refused, as
// one that comes a moment later is.
func (f *freshConns) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}
