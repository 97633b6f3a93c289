package scaling

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/stack"
)

// The variables of the settings; see All.
const (
	EnvMaxWorkers     = "STARBURST_MAX_WORKERS"
	EnvSlots          = "STARBURST_SLOTS"
	EnvMode           = "STARBURST_MODE"
	EnvEfficiency     = "STARBURST_EFFICIENCY"
	EnvDeadline       = "STARBURST_DEADLINE"
	EnvBudget         = "STARBURST_BUDGET"
	EnvValue          = "STARBURST_VALUE"
	EnvMaxWait        = "STARBURST_MAX_WAIT"
	EnvStartUp        = "STARBURST_START_UP"
	EnvStopLag        = "STARBURST_STOP_LAG"
	EnvLaunchRate     = "STARBURST_LAUNCH_RATE"
	EnvLaunchBurst    = "STARBURST_LAUNCH_BURST"
	EnvWarm           = "STARBURST_WARM"
	EnvWarmFor        = "STARBURST_WARM_FOR"
	EnvExclusive      = "STARBURST_EXCLUSIVE"
	EnvSubnets        = "STARBURST_SUBNETS"
	EnvMaxCostPerDay  = "STARBURST_MAX_COST_PER_DAY"
	EnvMaxCostPerHour = "STARBURST_MAX_COST_PER_HOUR"
)

// Settings are what an operator says about a fleet. The zero value of each field means its default, which All names.
type Settings struct {
	MaxWorkers, Slots int
	// Mode as a person writes it: fast is autoscale.Fast. "" is efficiency, or what Deadline or Value say.
	Mode       string
	Efficiency float64
	Deadline   time.Time
	Value      cost.PicoUSD
	Budget     autoscale.Caps

	MaxWait, StartUp, StopLag time.Duration
	LaunchRate, LaunchBurst   float64
	Exclusive                 bool
	Warm                      autoscale.Warm

	// VCPUQuota is the operator's own limit; 0 asks Service Quotas.
	VCPUQuota float64
	Subnets   []string
}

// Setting is one of them: its variable, the flag of the same meaning, and how it is read.
type Setting struct {
	Env, Flag string
	// Usage says in one line what it is, with units and default.
	Usage string
	read  func(s *Settings, text string, now time.Time) error
}

// Read sets it to the value of a text. A zero now refuses times that are relative to now.
func (g Setting) Read(s *Settings, text string, now time.Time) error {
	if err := g.read(s, text, now); err != nil {
		return exit.Errorf(exit.Usage, "%s is %q: %w", g.name(now), text, err).WithHint("%s: %s", g.name(now), g.Usage)
	}
	return nil
}

func (g Setting) name(now time.Time) string {
	if now.IsZero() || g.Flag == "" {
		return g.Env
	}
	return "--" + g.Flag
}

// All returns the settings, the most important ones first.
func All() []Setting {
	return []Setting{
		{EnvMaxWorkers, "max-workers", "most `WORKERS`; required", whole(func(s *Settings) *int { return &s.MaxWorkers })},
		{EnvSlots, "slots", "`TASKS` at once per worker (default: 1)", whole(func(s *Settings) *int { return &s.Slots })},
		{EnvMode, "mode", "what the size is chosen for, `fast|efficiency|deadline|budget|value` (default: efficiency; deadline or value when that is given)", readMode},
		{EnvEfficiency, "efficiency", "least `SHARE` of a worker's bill that should be work, between 0 and 1 (default: 0.7)", readShare},
		{EnvDeadline, "deadline", "`WHEN` everything should be done: a time (2026-11-24T18:00:00Z) or, as a flag, a duration from now (30m)", readDeadline},
		{EnvBudget, "budget", "most `DOLLARS` that the workers of the unfinished jobs may cost, in any mode (default: no limit)", dollars(func(s *Settings) *cost.PicoUSD { return &s.Budget.Total })},
		{EnvValue, "value", "`DOLLARS` that an hour of waiting is worth, for mode value", dollars(func(s *Settings) *cost.PicoUSD { return &s.Value })},
		{EnvMaxWait, "max-wait", "how long `DURATION` a task may wait while there is too little work to start a worker for (default: 0s)", duration(func(s *Settings) *time.Duration { return &s.MaxWait })},
		{EnvMaxCostPerHour, "max-cost-per-hour", "most `DOLLARS` that the workers may cost in any hour (default: no limit)", dollars(func(s *Settings) *cost.PicoUSD { return &s.Budget.PerHour })},
		{EnvMaxCostPerDay, "max-cost-per-day", "most `DOLLARS` that the workers may cost in any 24 hours (default: no limit)", dollars(func(s *Settings) *cost.PicoUSD { return &s.Budget.PerDay })},
		{quota.EnvVCPU, "vcpu-quota", "`VCPUS` that the fleet may use, instead of what Service Quotas says; 0 asks it (default: 0)", readQuota},
		{EnvSubnets, "subnets", "`IDS` of the workers' subnets, separated by commas, whose free addresses are a limit (default: none)", readSubnets},
		{EnvStartUp, "start-up", "`DURATION` from a worker's launch to its first task, until it is measured (default: 40s)", duration(func(s *Settings) *time.Duration { return &s.StartUp })},
		{EnvStopLag, "stop-lag", "`DURATION` for which a stopped worker is still paid (default: with a budget the container's stop time-out, else 2s)", duration(func(s *Settings) *time.Duration { return &s.StopLag })},
		{EnvLaunchRate, "launch-rate", "`LAUNCHES` a second that the account allows (default: 20)", number(func(s *Settings) *float64 { return &s.LaunchRate })},
		{EnvLaunchBurst, "launch-burst", "`LAUNCHES` at once that the account allows (default: 100)", number(func(s *Settings) *float64 { return &s.LaunchBurst })},
		{EnvWarm, "warm", "`WORKERS` that stay for a while when there is nothing to do (default: 0)", whole(func(s *Settings) *int { return &s.Warm.Workers })},
		{EnvWarmFor, "warm-for", "how long `DURATION` they stay (default: 15m)", duration(func(s *Settings) *time.Duration { return &s.Warm.For })},
		{EnvExclusive, "exclusive", "`true` when nobody but Starburst's clients sends to the queue: its approximate counts are ignored (default: false)", readExclusive},
	}
}

// FromEnv reads the settings from the variables; what is not set has its default.
func FromEnv(getenv func(string) string) (s Settings, err error) {
	for _, g := range All() {
		if text := strings.TrimSpace(getenv(g.Env)); text != "" {
			err = errors.Join(err, g.Read(&s, text, time.Time{}))
		}
	}
	return s, err
}

// Policy is what the settings ask of the autoscaler.
func (s Settings) Policy() autoscale.Config {
	p := autoscale.Policy{
		Efficiency: s.Efficiency, Deadline: s.Deadline, Value: s.Value, MaxWait: s.MaxWait, StopLag: s.StopLag,
		LaunchRate: s.LaunchRate, LaunchBurst: s.LaunchBurst, Exclusive: s.Exclusive, Budget: s.Budget, Warm: s.Warm,
	}
	switch {
	case s.Mode == fast:
		p.Mode = autoscale.Fast
	case s.Mode != "":
		p.Mode = autoscale.Mode(s.Mode)
	case !s.Deadline.IsZero():
		p.Mode = autoscale.Deadline
	case s.Value > 0:
		p.Mode = autoscale.Value
	default:
		p.Mode = autoscale.Efficiency
	}
	return autoscale.Config{Max: s.MaxWorkers, Slots: s.Slots, StartUp: s.StartUp, Policy: p}
}

// fast is how a person writes autoscale.Fast.
const fast = "fast"

// modes are those of the autoscaler as people write them.
func modes() []string {
	return []string{fast, string(autoscale.Efficiency), string(autoscale.Deadline), string(autoscale.Budget), string(autoscale.Value)}
}

func readMode(s *Settings, text string, _ time.Time) error {
	if !slices.Contains(modes(), text) {
		return errors.New("there is no such mode")
	}
	s.Mode = text
	return nil
}

func readShare(s *Settings, text string, _ time.Time) error {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f > 0 && f < 1) {
		return errors.New("must be a number between 0 and 1")
	}
	s.Efficiency = f
	return nil
}

func readDeadline(s *Settings, text string, now time.Time) error {
	if d, err := time.ParseDuration(text); err == nil && d > 0 && !now.IsZero() {
		s.Deadline = now.Add(d)
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if now.IsZero() {
			return errors.New("must be a time such as 2026-11-24T18:00:00Z; a duration would begin anew with every start")
		}
		return errors.New("must be a time such as 2026-11-24T18:00:00Z, or a duration such as 30m")
	}
	s.Deadline = at
	return nil
}

func readQuota(s *Settings, text string, _ time.Time) (err error) {
	s.VCPUQuota, err = quota.ParseVCPU(text)
	return err
}

func readSubnets(s *Settings, text string, _ time.Time) error {
	s.Subnets = stack.List(text)
	return nil
}

func readExclusive(s *Settings, text string, _ time.Time) (err error) {
	s.Exclusive, err = strconv.ParseBool(text)
	return err
}

func whole(of func(*Settings) *int) func(*Settings, string, time.Time) error {
	return func(s *Settings, text string, _ time.Time) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return errors.New("must be a whole number from 1")
		}
		*of(s) = n
		return nil
	}
}

func number(of func(*Settings) *float64) func(*Settings, string, time.Time) error {
	return func(s *Settings, text string, _ time.Time) error {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f > 0 && f < 1e6) {
			return errors.New("must be a number above 0")
		}
		*of(s) = f
		return nil
	}
}

func duration(of func(*Settings) *time.Duration) func(*Settings, string, time.Time) error {
	return func(s *Settings, text string, _ time.Time) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return errors.New("must be a duration such as 90s or 15m")
		}
		*of(s) = d
		return nil
	}
}

func dollars(of func(*Settings) *cost.PicoUSD) func(*Settings, string, time.Time) error {
	return func(s *Settings, text string, _ time.Time) (err error) {
		*of(s), err = ParseDollars(text)
		return err
	}
}

// ParseDollars reads an amount of dollars above zero: "5", "2.50", "$50".
func ParseDollars(text string) (cost.PicoUSD, error) {
	p, err := cost.ParsePicoUSD(text)
	if err == nil && p <= 0 {
		err = fmt.Errorf("%q allows nothing", text)
	}
	return p, err
}
