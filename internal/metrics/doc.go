// Package metrics serves what a worker and an autoscaler do to Prometheus. It is the only one of our packages that imports
// Prometheus's client, and only commands import it: a program that uses the library does not carry it.
//
//	m := metrics.NewWorker(metrics.Build{Version: "1.2"})
//	observe.Worker(&cfg, m.Tell)
//	srv, err := metrics.Serve(ctx, "127.0.0.1:9464", m.Registry(), log)
//	defer srv.Close(ctx)
//
// Each component has a registry of its own, with the Go runtime's and the process's metrics in it. No metric has a label whose
// values grow with the work: not the job, not the task, not what a message says of itself. A task's type is the name of a
// handler that the worker has.
//
// docs/observability.md has the table of all metrics; a test holds it against the code.
package metrics
