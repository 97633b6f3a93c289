package iamcheck

import (
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
)

// Recorder is a proxy that notes the IAM action of each call and hands it on
// unchanged. It is safe for concurrent use.
type Recorder struct {
	proxy *httputil.ReverseProxy

	mu   sync.Mutex
	seen map[string]int // calls by action; guarded by mu
}

var _ http.Handler = (*Recorder)(nil)

// NewRecorder makes a recorder in front of an endpoint.
func NewRecorder(endpoint *url.URL) *Recorder {
	r := &Recorder{seen: map[string]int{}}
	r.proxy = &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(endpoint)
			p.Out.Host = endpoint.Host // emulators make names from it
		},
		// A program that stops cuts its long polls; that is no failure.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return r
}

// ServeHTTP implements http.Handler.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	action, err := Action(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.seen[action]++
	r.mu.Unlock()
	r.proxy.ServeHTTP(w, req)
}

// Actions are the actions seen so far, in order.
func (r *Recorder) Actions() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.seen))
}

// Count is how often an action has been seen.
func (r *Recorder) Count(action string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[action]
}
