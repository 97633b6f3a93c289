package producer

import (
	"cmp"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Defaults of Spec.
const (
	DefaultFleet       = "default"
	DefaultMaxWorkers  = 100
	DefaultSlots       = 1
	DefaultMaxAttempts = 3
	DefaultKeep        = 30 * 24 * time.Hour
)

// MaxTimeout is the longest time limit of a task. A message's visibility ends
// twelve hours after it was received (SQS), and what runs longer would run twice.
const MaxTimeout = 11*time.Hour + 45*time.Minute

// Spec says what job to make.
type Spec struct {
	// Job is the job's id: letters, digits, ".", "_" and "-" (codec.ValidJob). The
	// same id with the same input resumes a job. Default: a new one.
	Job string
	// Handler names what runs the tasks. Required.
	Handler string
	// Source has the arguments. Required.
	Source Source
	// Fleet whose workers run the job. Default: "default".
	Fleet string
	// Chunk is the number of tasks in a message, 1..codec.MaxTasks; messages hold
	// fewer where the tasks are large. Default: 0, as ChunkSize says.
	Chunk int
	// MaxWorkers, Slots and TaskTime are what ChunkSize needs to know of the run: the
	// most workers, how many tasks each runs at once, and an estimate of one task's
	// duration (0 = unknown). Default: 100, 1 and unknown.
	MaxWorkers, Slots int
	TaskTime          time.Duration
	// MaxAttempts is how often a failing task is run in all. Default: 3.
	MaxAttempts int
	// Timeout bounds one run of a task, at most MaxTimeout. Default: 0, none.
	Timeout time.Duration
	// Deadline is when running the tasks stops making sense. Default: zero, never.
	Deadline time.Time
	// MaxCostPico caps the job's cost in pico-dollars. Default: 0, no cap.
	MaxCostPico int64
	// Keep is how long the job and its results are kept. Default: 30 days.
	Keep time.Duration
	// Label is free text for people.
	Label string
	// Trace is a W3C traceparent that handlers are given.
	Trace string
	// FairShare makes the job an SQS tenant of its own (MessageGroupId), so that a
	// queue it floods still serves other jobs. Default: false.
	FairShare bool

	// Created, if set, is called when the job exists, before anything is sent:
	// from then on it can be attached to.
	Created func(store.Job)
	// Progress, if set, is called after each batch with the number of tasks that
	// are confirmed (or skipped) of the total. Calls do not overlap; it should return quickly.
	Progress func(confirmed, total int)
}

func (s Spec) withDefaults(c Config) Spec {
	if s.Job == "" {
		s.Job = c.NewID(c.Now())
	}
	s.Fleet = cmp.Or(s.Fleet, DefaultFleet)
	s.MaxWorkers = cmp.Or(s.MaxWorkers, DefaultMaxWorkers)
	s.Slots = cmp.Or(s.Slots, DefaultSlots)
	s.MaxAttempts = cmp.Or(s.MaxAttempts, DefaultMaxAttempts)
	s.Keep = cmp.Or(s.Keep, DefaultKeep)
	if s.Created == nil {
		s.Created = func(store.Job) {}
	}
	if s.Progress == nil {
		s.Progress = func(int, int) {}
	}
	return s
}

func (s Spec) validate() error {
	broken := func(field, format string, args ...any) error {
		return &SpecError{Field: field, Rule: fmt.Sprintf(format, args...)}
	}
	switch {
	case s.Handler == "":
		return broken("Handler", "is missing")
	case s.Source == nil:
		return broken("Source", "is missing")
	case !codec.ValidJob(s.Job):
		return broken("Job", `is %q; a job id has 1 to %d letters, digits, ".", "_" or "-" and begins with a letter or digit`, s.Job, codec.MaxJobLen)
	case s.Chunk < 0 || s.Chunk > codec.MaxTasks:
		return broken("Chunk", "is %d; a message holds 1 to %d tasks", s.Chunk, codec.MaxTasks)
	case s.MaxWorkers < 1 || s.Slots < 1:
		return broken("MaxWorkers and Slots", "must be at least 1")
	case s.MaxAttempts < 1:
		return broken("MaxAttempts", "is %d; a task is run at least once", s.MaxAttempts)
	case s.Timeout < 0 || s.Timeout > MaxTimeout:
		return broken("Timeout", "is %v; at most %v is possible, since SQS gives a received message back after 12 hours", s.Timeout, MaxTimeout)
	case s.TaskTime < 0 || s.Keep < 0 || s.MaxCostPico < 0:
		return broken("TaskTime, Keep and MaxCostPico", "cannot be negative")
	}
	return nil
}

// envelope is the message that every message of the job is filled from.
func (s Spec) envelope() codec.Message {
	return codec.Message{Handler: s.Handler, Job: s.Job, Deadline: s.Deadline, Trace: s.Trace}
}
