package metrics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// DefaultAddr is where a component serves its metrics when it is only told to: OpenTelemetry's port for Prometheus, on loopback.
const DefaultAddr = "127.0.0.1:9464"

// Build tells which program is running.
type Build struct {
	// Version of the program. Default: "unknown".
	Version string
}

// newRegistry returns a registry with what every component has.
func newRegistry(b Build, component string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "starburst_build_info", Help: "1, with the component, its version and that of Go as labels.",
	}, []string{"component", "version", "go"})
	info.WithLabelValues(component, cmp.Or(b.Version, "unknown"), runtime.Version()).Set(1)
	r.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Server serves /metrics.
type Server struct {
	listener net.Listener
	http     http.Server
	done     chan error
}

// Serve serves g at http://addr/metrics until Close. With port 0 a free one is taken: see Addr. Whoever can reach the address
// can read the metrics; there is nothing else there.
func Serve(ctx context.Context, addr string, g prometheus.Gatherer, log *slog.Logger) (*Server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	}))
	s := &Server{listener: l, done: make(chan error, 1), http: http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server; a scrape under way may end within ctx.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
