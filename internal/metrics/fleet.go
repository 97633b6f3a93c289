package metrics

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/starburst-go/starburst/autoscale"
)

// Fleet shows what an autoscaler sees and decides. Of several autoscalers of one fleet the leader decides: the others' metrics
// stand still, which starburst_last_decision_timestamp_seconds tells.
type Fleet struct {
	registry *prometheus.Registry
	// spent is what was spent up to the last decision; see Decided.
	mu    sync.Mutex // protects spent
	spent float64

	decisions *prometheus.CounterVec
	cost      *prometheus.CounterVec
	messages  *prometheus.GaugeVec
	workers   *prometheus.GaugeVec
	backlog   prometheus.Gauge
	wave      prometheus.Gauge
	target    prometheus.Gauge
	decided   prometheus.Gauge
}

// NewFleet returns a fleet's metrics, in a registry of their own.
func NewFleet(b Build) *Fleet {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	f := &Fleet{
		registry: newRegistry(b, "autoscaler"),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starburst_scale_decisions_total", Help: "The autoscaler's decisions, by what they did (out, in, hold) and by the limit that bound them, or none.",
		}, []string{"action", "limited_by"}),
		cost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starburst_cost_usd_total", Help: "What the fleet's workers have cost since this autoscaler started, in dollars; on a laptop, what they would cost on Fargate.",
		}, []string{"resource"}),
		messages: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "starburst_queue_messages", Help: "SQS's approximate counts of messages: visible, in_flight, delayed.",
		}, []string{"state"}),
		workers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "starburst_workers", Help: "Workers: desired by the autoscaler, pending and running by ECS, busy and silent by their ledgers.",
		}, []string{"state"}),
		backlog: gauge("starburst_backlog_tasks", "Tasks that wait or run."),
		wave:    gauge("starburst_wave", "Raises of the fleet since it was last at zero."),
		target:  gauge("starburst_wave_target_workers", "Workers that the last decision wants."),
		decided: gauge("starburst_last_decision_timestamp_seconds", "When the last decision was made here, as seconds since 1970; 0 for never, or another autoscaler leads."),
	}
	f.registry.MustRegister(f.decisions, f.cost, f.messages, f.workers, f.backlog, f.wave, f.target, f.decided)
	f.cost.WithLabelValues(workersCost)
	return f
}

// workersCost is the resource that is known at each decision: bills of SQS, DynamoDB and the rest are `starburst cost`'s.
const workersCost = "workers"

// Registry has the fleet's metrics.
func (f *Fleet) Registry() *prometheus.Registry { return f.registry }

// Decided takes a decision; it is what autoscale.LoopConfig.Decided wants.
func (f *Fleet) Decided(d autoscale.Decision) {
	action, limit := "hold", string(d.Binding)
	switch {
	case d.Hold:
	case d.Want > d.From:
		action = "out"
	case d.Want < d.From:
		action = "in"
	}
	if limit == "" {
		limit = "none"
	}
	f.decisions.WithLabelValues(action, limit).Inc()
	o := &d.Observation
	for state, n := range map[string]int64{"visible": o.Visible, "in_flight": o.InFlight, "delayed": o.Delayed} {
		f.messages.WithLabelValues(state).Set(float64(n))
	}
	for state, n := range map[string]int{"desired": d.Want, "pending": o.Pending, "running": o.Running, "busy": o.Busy, "silent": o.Silent} {
		f.workers.WithLabelValues(state).Set(float64(n))
	}
	f.backlog.Set(float64(d.Backlog))
	f.wave.Set(float64(d.Wave))
	f.target.Set(float64(d.Want))
	f.decided.Set(float64(d.At.UnixMilli()) / 1000)
	f.spend(float64(o.Spent) / 1e12) // pico-dollars
}

// spend counts what was spent since the last decision. The sum that decisions carry may fall, when a worker's price turns out
// lower than it was charged for; a counter does not.
func (f *Fleet) spend(dollars float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if more := dollars - f.spent; more > 0 && !math.IsInf(more, 0) {
		f.cost.WithLabelValues(workersCost).Add(more)
		f.spent = dollars
	}
}

// dlqTimeout bounds the question for the dead-letter queue's length, within a scrape's usual 10 s.
const dlqTimeout = 3 * time.Second

// deadLetters asks for the dead-letter queue's length at each scrape.
type deadLetters struct {
	count func(context.Context) (int64, error)
	desc  *prometheus.Desc
}

// DeadLetters adds the number of messages in the dead-letter queue, which count returns. It is asked at each scrape; while it
// fails, the metric is missing.
func (f *Fleet) DeadLetters(count func(context.Context) (int64, error)) {
	f.registry.MustRegister(&deadLetters{count, prometheus.NewDesc("starburst_dlq_messages", "Messages in the dead-letter queue, by SQS's approximate count.", nil, nil)})
}

// Describe implements prometheus.Collector.
func (d *deadLetters) Describe(to chan<- *prometheus.Desc) { to <- d.desc }

// Collect implements prometheus.Collector.
func (d *deadLetters) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), dlqTimeout)
	defer cancel()
	if n, err := d.count(ctx); err == nil {
		to <- prometheus.MustNewConstMetric(d.desc, prometheus.GaugeValue, float64(n))
	}
}
