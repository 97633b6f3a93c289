package laptop

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/localaws"
)

func TestThePlatformIsWhatTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"STARBURST_LOCAL_START_DELAY": "2s", "STARBURST_LOCAL_LAUNCH_RATE": "2.5", "STARBURST_LOCAL_LAUNCH_BURST": "3",
		"STARBURST_LOCAL_VCPU_QUOTA": "6", "STARBURST_LOCAL_SPOT_LIFE": "1h", "STARBURST_LOCAL_SPOT_CAPACITY": "4",
	}
	getenv := func(name string) string { return env[name] }
	p, err := PlatformFromEnv(getenv)
	want := Platform{StartDelay: 2 * time.Second, LaunchRate: 2.5, LaunchBurst: 3, VCPUQuota: 6, SpotLife: time.Hour, SpotCapacity: 4}
	if diff := cmp.Diff(want, p); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var c localaws.Config
	p.Set(&c)
	if c.VCPUQuota != 6 || c.ECS.StartupDelay != 2*time.Second || c.ECS.LaunchRate != 2.5 || c.ECS.LaunchBurst != 3 ||
		c.ECS.SpotLife != time.Hour || c.ECS.SpotCapacity != 4 || !c.ECS.SpotByDefault {
		t.Errorf("the endpoint is told %+v", c.ECS)
	}
	for name, text := range map[string]string{
		"STARBURST_LOCAL_START_DELAY": "2", "STARBURST_LOCAL_LAUNCH_RATE": "-1", "STARBURST_LOCAL_LAUNCH_BURST": "1.5", "STARBURST_LOCAL_VCPU_QUOTA": "NaN",
	} {
		env = map[string]string{name: text}
		if _, err := PlatformFromEnv(getenv); exit.CodeOf(err) != exit.Usage {
			t.Errorf("%s=%s: %v; want it refused", name, text, err)
		}
	}
	env = nil
	if p, err := PlatformFromEnv(getenv); err != nil || p != (Platform{}) || p.Spot() {
		t.Errorf("%+v, %v without a setting", p, err)
	}
}
