package bench

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/faults"
)

// Handler is the name of the handler that the tasks are for.
const Handler = "noop"

// Mode is what is measured.
type Mode string

// The modes.
const (
	// Full is from the submit to the last result read.
	Full Mode = "full"
	// Produce is from the submit to the confirmation of the last message. Nobody works.
	Produce Mode = "produce"
	// Consume is from the first to the last recorded task of a queue that was filled before; it begins with the workers' start.
	Consume Mode = "consume"
	// Latency is one task after the other, each from its submit to its result, on workers that wait for it.
	Latency Mode = "latency"
)

// Delay is by how much every call of a service is late: log-normal, see faults.Rates.
type Delay struct {
	Median time.Duration
	Spread float64
}

func (d Delay) plan() faults.Plan {
	return faults.Plan{Seed: 1, Rates: faults.Rates{Latency: d.Median, Spread: d.Spread}}
}

// Config of one run.
type Config struct {
	// Mode. Default: Full.
	Mode Mode
	// Tasks to push, and tasks per message (0: the default).
	Tasks, Chunk int
	// Warmup is how many tasks are pushed, and forgotten, before the measured ones. It needs Fixed.
	Warmup int
	// Workers and Slots of the fleet. Defaults: 1.
	Workers, Slots int
	// Fixed starts the workers before the clock and keeps them. Without it the autoscaler starts them from
	// zero when the tasks are there, so that their start-up is part of the time. Every mode but Full is fixed.
	Fixed bool
	// Servers are used instead of an endpoint of the bench's own: those that the SDK's environment names (AWS_ENDPOINT_URL_SQS
	// and so on, or AWS itself), with a queue and a table of the run's own. It needs Fixed. ServerPIDs are their processes, if they are here.
	Servers    bool
	ServerPIDs []int
	// SQS and DynamoDB are by how much their calls are late. They need Fixed.
	SQS, DynamoDB Delay
	// In and Out are the bytes of an argument and of a result in msgpack. 0: a small number, and nothing.
	In, Out int
	// Noise makes arguments and results that do not compress; without it they are text with figures.
	Noise bool
	// Input is a file of arguments, one in JSON a line, that is read instead of making Tasks of them.
	Input string
	// Work is how long the handler waits. Default: not at all.
	Work time.Duration
	// Self is this program; run with WorkerArgs it calls Worker, with
	// STARBURST_ROLE=endpoint it serves the endpoint.
	Self       string
	WorkerArgs []string
}

// maxPayload is above what one message holds, so that arguments that go by the bucket can be measured, too.
const maxPayload = 16 << 20

func (c Config) withDefaults() Config {
	c.Mode = cmp.Or(c.Mode, Full)
	c.Workers = max(c.Workers, 1)
	c.Slots = max(c.Slots, 1)
	c.Fixed = c.Fixed || c.Mode != Full || c.Servers || c.SQS.Median > 0 || c.DynamoDB.Median > 0 || c.Warmup > 0
	return c
}

// Validate says what of the configuration cannot be.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch c.Mode {
	case Full, Produce, Consume, Latency:
	default:
		return fmt.Errorf("there is no mode %q; known are %s, %s, %s and %s", c.Mode, Full, Produce, Consume, Latency)
	}
	switch {
	case c.Tasks < 1 && c.Input == "":
		return fmt.Errorf("%d tasks cannot be measured", c.Tasks)
	case c.In < 0 || c.In > maxPayload || c.Out < 0 || c.Out > maxPayload:
		return fmt.Errorf("arguments of %d and results of %d bytes; both have to be between 0 and %d", c.In, c.Out, maxPayload)
	case c.Warmup < 0 || c.Work < 0:
		return errors.New("a warm-up or a handler that takes less than nothing")
	case c.Warmup > 0 && (c.Mode == Produce || c.Mode == Consume):
		return fmt.Errorf("mode %s has no workers to warm up before the clock", c.Mode)
	}
	if err := c.SQS.plan().Validate(); err != nil {
		return err
	}
	return c.DynamoDB.plan().Validate()
}
