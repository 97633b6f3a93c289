package laptop

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/localaws"
)

// Platform is how the local ECS keeps workers waiting and takes them away. By default it does neither; with the numbers of Fargate
// the autoscaler can be watched at what it is for. Each setting has a variable, which `starburst run` and programs in laptop
// mode heed, and a flag of `starburst dev`.
type Platform struct {
	// StartDelay is how long a worker takes to start: 30 to 100 s on Fargate.
	StartDelay time.Duration
	// LaunchRate is how many workers are launched a second, and LaunchBurst how many at once: 20 and 100 on Fargate.
	LaunchRate  float64
	LaunchBurst int
	// VCPUQuota is the most vCPUs there may be, a worker having one: often 6 in a new account.
	VCPUQuota float64
	// SpotLife is how long a worker lives on average until Spot takes it back, and SpotCapacity how many vCPUs of Spot there are. With
	// one of them the workers are on Spot.
	SpotLife     time.Duration
	SpotCapacity float64
}

// PlatformSetting is one setting of a Platform.
type PlatformSetting struct {
	// Env and Flag name it; Usage says in one line what it is.
	Env, Flag, Usage string
	read             func(p *Platform, text string) error
}

// PlatformSettings lists the settings.
func PlatformSettings() []PlatformSetting {
	return []PlatformSetting{
		{"STARBURST_LOCAL_START_DELAY", "start-delay", "`TIME` that a worker takes to start; 30 s to 100 s on Fargate (default: 0)", seconds(func(p *Platform) *time.Duration { return &p.StartDelay })},
		{"STARBURST_LOCAL_LAUNCH_RATE", "launch-rate", "most `WORKERS` launched a second; 20 on Fargate (default: no limit)", number(func(p *Platform) *float64 { return &p.LaunchRate })},
		{"STARBURST_LOCAL_LAUNCH_BURST", "launch-burst", "`WORKERS` that may be launched at once under a launch rate (default: 100)", count(func(p *Platform) *int { return &p.LaunchBurst })},
		{"STARBURST_LOCAL_VCPU_QUOTA", "vcpu-quota", "most `VCPUS` of the endpoint's account, each worker having one (default: no limit)", number(func(p *Platform) *float64 { return &p.VCPUQuota })},
		{"STARBURST_LOCAL_SPOT_LIFE", "spot-life", "put workers on Spot, which takes each back after a random `TIME` of this mean (default: none is)", seconds(func(p *Platform) *time.Duration { return &p.SpotLife })},
		{"STARBURST_LOCAL_SPOT_CAPACITY", "spot-capacity", "put workers on Spot, of which there are so many `VCPUS` (default: no limit)", number(func(p *Platform) *float64 { return &p.SpotCapacity })},
	}
}

// Read sets the setting to the value of a text, which came from the place.
func (g PlatformSetting) Read(p *Platform, text, place string) error {
	if err := g.read(p, text); err != nil {
		return exit.Errorf(exit.Usage, "%s is %q: %w", place, text, err).WithHint("%s: %s", place, strings.ReplaceAll(g.Usage, "`", ""))
	}
	return nil
}

// PlatformFromEnv reads the settings that the environment has.
func PlatformFromEnv(getenv func(string) string) (p Platform, err error) {
	for _, g := range PlatformSettings() {
		if text := getenv(g.Env); text != "" {
			if err := g.Read(&p, text, g.Env); err != nil {
				return Platform{}, err
			}
		}
	}
	return p, nil
}

// Spot reports whether the workers are on Spot.
func (p Platform) Spot() bool { return p.SpotLife > 0 || p.SpotCapacity > 0 }

// Set tells the endpoint.
func (p Platform) Set(c *localaws.Config) {
	c.VCPUQuota = p.VCPUQuota
	c.ECS.StartupDelay, c.ECS.LaunchRate, c.ECS.LaunchBurst = p.StartDelay, p.LaunchRate, p.LaunchBurst
	c.ECS.SpotLife, c.ECS.SpotCapacity, c.ECS.SpotByDefault = p.SpotLife, p.SpotCapacity, p.Spot()
}

func seconds(of func(*Platform) *time.Duration) func(*Platform, string) error {
	return func(p *Platform, text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return errors.New("want a duration, such as 2s or 10m, of 0 at least")
		}
		*of(p) = d
		return nil
	}
}

func number(of func(*Platform) *float64) func(*Platform, string) error {
	return func(p *Platform, text string) error {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f >= 0) || math.IsInf(f, 0) {
			return errors.New("want a number of 0 at least")
		}
		*of(p) = f
		return nil
	}
}

func count(of func(*Platform) *int) func(*Platform, string) error {
	return func(p *Platform, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return errors.New("want a whole number of 0 at least")
		}
		*of(p) = n
		return nil
	}
}
