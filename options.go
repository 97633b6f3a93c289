package starburst

import "time"

// Option changes one job.
type Option func(*jobOptions)

type jobOptions struct {
	id          string
	chunk       int
	workers     int
	maxAttempts int
	timeout     time.Duration
	label       string
	maxCost     float64
	report      string
}

// WithID chooses the job's id: submitting the same id again with the same
// arguments sends only what has no result yet; with other arguments it is refused.
// At most codec.MaxJobLen of letters, digits, '.', '_' and '-'. Default: a new id.
func WithID(id string) Option { return func(o *jobOptions) { o.id = id } }

// WithChunk sets how many tasks travel in one message. Default: by the number of
// tasks and workers, at most 1,000.
func WithChunk(n int) Option { return func(o *jobOptions) { o.chunk = n } }

// WithWorkers sets the most workers the session's fleet grows to from now on. Default: Config.Workers.
func WithWorkers(n int) Option { return func(o *jobOptions) { o.workers = n } }

// WithMaxAttempts sets how often a failing task is run in all. Default: 3.
func WithMaxAttempts(n int) Option { return func(o *jobOptions) { o.maxAttempts = n } }

// WithTimeout bounds one run of one task. Default: none.
func WithTimeout(d time.Duration) Option { return func(o *jobOptions) { o.timeout = d } }

// WithMaxCost caps what the job's workers and requests may cost, in dollars: a job that is
// expected to cost more is refused, one that has cost so much is stopped, with what is recorded kept; the same
// id with a higher cap goes on. On this machine it is what the job would cost on Fargate. Default: no cap.
func WithMaxCost(dollars float64) Option { return func(o *jobOptions) { o.maxCost = dollars } }

// WithReport has the job's report written to a file when all its results have been read, or a cost cap has stopped it: charts,
// failures, workers, the autoscaler's decisions and the bill. The name's ending says the format: .html, .md or .svg. It
// is written beside what the program does next; the session's end waits for it.
func WithReport(file string) Option { return func(o *jobOptions) { o.report = file } }

// WithLabel describes the job for people, in lists and reports.
func WithLabel(s string) Option { return func(o *jobOptions) { o.label = s } }
