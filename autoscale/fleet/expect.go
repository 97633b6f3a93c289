package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// Forecasts is the part of the store that knows what jobs were expected to be; *store.Store has it.
type Forecasts interface {
	Forecast(ctx context.Context, job string) ([]byte, error)
}

const (
	// forecastTries is how often a job's forecast is looked for, forecastEvery how long between: a submit keeps it when it has sent.
	forecastTries = 6
	forecastEvery = 10 * time.Second
	// longestTask is beyond any task; a longer one was not meant.
	longestTask = 30 * 24 * time.Hour
)

// expectation is how long a job's tasks are expected to take, by whoever submitted it.
type expectation struct {
	mean  time.Duration // 0 is not known
	tries int
	at    time.Time // of the last try
}

// expectations reads forecasts, one a tick at most.
type expectations struct {
	store Forecasts

	mu   sync.Mutex // protects jobs
	jobs map[string]expectation
}

// refresh looks for the forecast of one of the jobs, if one is due. What cannot be read is not known; nothing depends on it but speed.
func (e *expectations) refresh(ctx context.Context, jobs []store.Job, now time.Time) {
	job := e.due(jobs, now)
	if job == "" {
		return
	}
	raw, err := e.store.Forecast(ctx, job)
	mean, final := time.Duration(0), err == nil
	if err == nil {
		mean = taskTime(raw)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.jobs[job]
	was.mean, was.at = mean, now
	if was.tries++; final || !errors.Is(err, store.ErrNotFound) {
		was.tries = forecastTries
	}
	e.jobs[job] = was
}

// due is a job whose forecast is to be looked for, and forgets those that have ended.
func (e *expectations) due(jobs []store.Job, now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := make(map[string]expectation, len(jobs))
	job := ""
	for _, j := range jobs {
		x := e.jobs[j.ID]
		kept[j.ID] = x
		if job == "" && x.tries < forecastTries && (x.tries == 0 || now.Sub(x.at) >= forecastEvery) {
			job = j.ID
		}
	}
	e.jobs = kept
	return job
}

// of is how long the job's tasks are expected to take, 0 when nobody says.
func (e *expectations) of(job string) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.jobs[job].mean
}

// taskTime reads the only part of a forecast that matters here.
func taskTime(raw []byte) time.Duration {
	var f struct {
		Shape struct {
			TaskTime cost.TimeRange `json:"task_time_ns"`
		} `json:"shape"`
	}
	if json.Unmarshal(raw, &f) != nil || f.Shape.TaskTime.Likely <= 0 || f.Shape.TaskTime.Likely > longestTask {
		return 0
	}
	return f.Shape.TaskTime.Likely
}
