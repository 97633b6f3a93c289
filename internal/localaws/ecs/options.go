package ecs

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

const (
	// DefaultQuickDeath is how young a task must die to count as a failed start.
	DefaultQuickDeath = 10 * time.Second
	// DefaultBackoffBase is the delay after the second failed start in a row;
	// the first is repaired at once.
	DefaultBackoffBase = 250 * time.Millisecond
	// DefaultBackoffMax bounds the delay. ECS goes up to 15 minutes (developer
	// guide, "service throttle logic"); on a laptop somebody is waiting.
	DefaultBackoffMax = time.Minute
	// DefaultLaunchBurst is the bucket size of Fargate's launch rate (Fargate
	// throttling quotas: burst 100, sustained 20 a second).
	DefaultLaunchBurst = 100
	// DefaultLogLimit bounds a task's log file.
	DefaultLogLimit = 16 << 20
	// DefaultStoppedRetention is how long a stopped task can be described; ECS
	// keeps them for about an hour.
	DefaultStoppedRetention = time.Hour
)

// Options configures New.
type Options struct {
	// Region of the ARNs. Default: us-east-1.
	Region string
	// Account of the ARNs. Default: 000000000000.
	Account string
	// BaseURL is where tasks reach the endpoint, such as
	// "http://127.0.0.1:4566". Required.
	BaseURL string
	// Dir holds the tasks' logs, as Dir/tasks/<task id>.log. Required.
	Dir string

	// Environ is what tasks inherit, as "key=value". AWS_*, ECS_* and
	// STARBURST_* are taken out: they configure the endpoint's owner (with real
	// credentials, possibly), not the tasks. Default: os.Environ().
	Environ []string
	// OnStopping is told when the number of stopping tasks leaves 0 (true) and
	// when it is back at 0 (false). Called from the service's own goroutine.
	// Default: nobody.
	OnStopping func(stopping bool)
	// Log receives what no caller can be told. Default: discarded.
	Log *slog.Logger

	// StartupDelay is how long a task stays PENDING, as on Fargate, where 30 s
	// are usual. Default: 0.
	StartupDelay time.Duration
	// LaunchRate bounds the launches of all services together, in tasks per
	// second; Fargate's is 20. Default: 0, unlimited.
	LaunchRate float64
	// LaunchBurst is how many launches may come at once under a LaunchRate.
	// Default: 100.
	LaunchBurst int
	// VCPUQuota is the most vCPUs that tasks may have, On-Demand and on Spot each; those beyond it are not placed, and the
	// service's events say so. Default: 0, no limit.
	VCPUQuota float64
	// SpotCapacity is how many vCPUs of Spot capacity there are. Default: 0, no limit.
	SpotCapacity float64
	// SpotLife is how long a task on FARGATE_SPOT lives on average before its capacity is taken back: SIGTERM, and
	// SIGKILL after its stopTimeout. Default: 0, for ever.
	SpotLife time.Duration
	// SpotByDefault puts tasks on FARGATE_SPOT that name neither a launch type nor a capacity provider, and whose cluster does not.
	// Default: false, they are on Fargate.
	SpotByDefault bool
	// Rand draws the interruptions. Default: seeded by the runtime.
	Rand *rand.Rand
	// QuickDeath: a task that exits by itself sooner is a failed start. Default: 10 s.
	QuickDeath time.Duration
	// BackoffBase is the delay after the second failed start; it doubles with
	// each further one. Default: 250 ms.
	BackoffBase time.Duration
	// BackoffMax bounds the delay. Default: 1 min.
	BackoffMax time.Duration
	// LogLimit is the size in bytes at which a task's log is cut; the last half
	// is kept in a second file. Checked every 5 s. Default: 16 MiB.
	LogLimit int64
	// StoppedRetention is how long stopped tasks, deleted services and their logs are
	// kept. Default: 1 h.
	StoppedRetention time.Duration
}

func (o Options) withDefaults() Options {
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.Account = cmp.Or(o.Account, "000000000000")
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.OnStopping == nil {
		o.OnStopping = func(bool) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	o.LaunchBurst = cmp.Or(o.LaunchBurst, DefaultLaunchBurst)
	o.QuickDeath = cmp.Or(o.QuickDeath, DefaultQuickDeath)
	o.BackoffBase = cmp.Or(o.BackoffBase, DefaultBackoffBase)
	o.BackoffMax = cmp.Or(o.BackoffMax, DefaultBackoffMax)
	o.LogLimit = cmp.Or(o.LogLimit, DefaultLogLimit)
	o.StoppedRetention = cmp.Or(o.StoppedRetention, DefaultStoppedRetention)
	return o
}

func (o Options) validate() error {
	if o.BaseURL == "" {
		return errors.New("ecs options: BaseURL is empty; tasks need it to reach the endpoint")
	}
	if o.Dir == "" {
		return errors.New("ecs options: Dir is empty; the tasks' logs go there")
	}
	for _, v := range []struct {
		name  string
		value float64
	}{
		{"StartupDelay", float64(o.StartupDelay)}, {"LaunchRate", o.LaunchRate}, {"LaunchBurst", float64(o.LaunchBurst)},
		{"VCPUQuota", o.VCPUQuota}, {"SpotCapacity", o.SpotCapacity}, {"SpotLife", float64(o.SpotLife)},
		{"QuickDeath", float64(o.QuickDeath)}, {"BackoffBase", float64(o.BackoffBase)}, {"BackoffMax", float64(o.BackoffMax)},
		{"LogLimit", float64(o.LogLimit)}, {"StoppedRetention", float64(o.StoppedRetention)},
	} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return fmt.Errorf("ecs options: %s is %v, must not be negative", v.name, v.value)
		}
	}
	return nil
}
