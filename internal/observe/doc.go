// Package observe shows what a worker does to those who count: Prometheus (internal/metrics), CloudWatch (the EMF
// writer of this package), a log.
//
// It stands outside the core. A worker works with three things that it is given: a queue, a table, handlers. Worker puts a
// witness around each, so that a worker that nobody observes runs exactly the code it would run without this package.
//
//	cfg := consumer.Config{…}
//	observe.Worker(&cfg, func(e observe.Event) { … })
//	w, err := consumer.New(cfg)
//
// A witness is called in the worker's hot path: it must be quick, must not block and is called concurrently.
package observe
