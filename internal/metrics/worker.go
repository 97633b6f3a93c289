package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/starburst-go/starburst/internal/observe"
)

// Worker counts what a worker does.
type Worker struct {
	registry *prometheus.Registry

	processed  *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	attempts   prometheus.Histogram
	wait       prometheus.Histogram
	inFlight   prometheus.Gauge
	bad        *prometheus.CounterVec
	duplicates prometheus.Counter
	extensions *prometheus.CounterVec
	lost       prometheus.Counter
	requests   *prometheus.CounterVec
	requesting *prometheus.HistogramVec
}

// nativeFactor is the growth of native histograms' buckets: a value in one is off by 5 % at most.
const nativeFactor = 1.1

// taskBuckets go from a function call to half a day, the longest that a message can be held, a factor of four each.
var taskBuckets = prometheus.ExponentialBuckets(0.001, 4, 14)

// callBuckets are those of OpenTelemetry's messaging.client.operation.duration, and the long poll's 20 s.
var callBuckets = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 30}

// NewWorker returns a worker's metrics, in a registry of their own.
func NewWorker(b Build) *Worker {
	w := &Worker{
		registry: newRegistry(b, "worker"),
		processed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starburst_tasks_processed_total",
			Help: "Runs of tasks that have ended here, by handler and outcome: ok, error, timeout, crash, rejected, stopped. A task that is tried again counts with each run.",
		}, []string{"type", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "starburst_task_duration_seconds",
			Help:    "Time in handlers, by handler and outcome.",
			Buckets: taskBuckets, NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: 160,
		}, []string{"type", "outcome"}),
		attempts: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "starburst_task_attempts", Help: "Which attempt of its task a run was: 1 for the first.",
			Buckets: []float64{1, 2, 3, 5, 10},
		}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "starburst_task_queue_wait_seconds",
			Help:    "Time between the sending of a message and its first delivery. A message carries one task or many.",
			Buckets: taskBuckets, NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: 160,
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "starburst_tasks_in_flight", Help: "Tasks that are running now.",
		}),
		bad: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starburst_bad_messages_total", Help: "Messages that cannot be used, by the reason of docs/wire-format.md. They end in the dead-letter queue.",
		}, []string{"reason"}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starburst_duplicates_suppressed_total", Help: "Messages that ran although another delivery had recorded their results first; what ran twice was dropped.",
		}),
		extensions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starburst_visibility_extensions_total", Help: "Leases of messages that a heartbeat extended, by outcome: extended, failed, lost.",
		}, []string{"outcome"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starburst_leases_lost_total", Help: "Messages whose lease ran out while their tasks ran; another worker runs them again.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starburst_sqs_requests_total", Help: "Calls to SQS, by operation and outcome: ok, partly (entries of a batch failed), failed.",
		}, []string{"operation", "outcome"}),
		requesting: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "starburst_sqs_request_duration_seconds", Help: "Time in calls to SQS, with the SDK's own repetitions. A receive waits for messages up to 20 s.",
			Buckets: callBuckets, NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: 160,
		}, []string{"operation"}),
	}
	w.registry.MustRegister(w.processed, w.duration, w.attempts, w.wait, w.inFlight, w.bad, w.duplicates, w.extensions, w.lost, w.requests, w.requesting)
	return w
}

// Registry has the worker's metrics.
func (w *Worker) Registry() *prometheus.Registry { return w.registry }

// Tell takes an event; it is what observe.Worker wants as its witness.
func (w *Worker) Tell(e observe.Event) {
	switch e.Kind {
	case observe.Began:
		w.inFlight.Inc()
	case observe.Ended:
		w.inFlight.Dec()
		w.processed.WithLabelValues(e.Name, e.Outcome).Inc()
		w.duration.WithLabelValues(e.Name, e.Outcome).Observe(e.Took.Seconds())
		w.attempts.Observe(float64(e.Attempt))
	case observe.Unrun:
		w.processed.WithLabelValues(e.Name, e.Outcome).Inc()
	case observe.Waited:
		w.wait.Observe(e.Took.Seconds())
	case observe.Duplicate:
		w.duplicates.Inc()
	case observe.Bad:
		w.bad.WithLabelValues(e.Name).Inc()
	case observe.Lease:
		w.extensions.WithLabelValues(e.Outcome).Add(float64(e.N))
		if e.Outcome == observe.Lost {
			w.lost.Add(float64(e.N))
		}
	case observe.Called:
		w.requests.WithLabelValues(e.Name, e.Outcome).Inc()
		w.requesting.WithLabelValues(e.Name).Observe(e.Took.Seconds())
	}
}
