package autoscale_test

import (
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

func TestNoModePassesAQuotaAndNoneAssumesOne(t *testing.T) {
	t.Parallel()
	for _, mode := range []autoscale.Mode{autoscale.Fast, autoscale.Efficiency} {
		for _, c := range []struct {
			because  string
			quota    autoscale.Room
			desired  int
			want     int
			binding  autoscale.Binding
			contains string
		}{
			{"room for two", autoscale.Room{Limited: true, Known: true, Left: 2, Note: "6 vCPU, 4 used by others, set by you"}, 0, 2, autoscale.BindQuota, "set by you"},
			{"room for two more", autoscale.RoomFor(2), 3, 5, autoscale.BindQuota, ""},
			{"no room: what is there stays", autoscale.RoomFor(0), 3, 3, autoscale.BindQuota, ""},
			{"nobody knows", autoscale.Room{Limited: true, Note: "access denied"}, 3, 3, autoscale.BindQuota, "never assumed (access denied)"},
			{"no quota, but no more than can arrive", autoscale.Room{}, 26, 46, autoscale.BindRate, ""},
		} {
			o := autoscale.Observation{Now: noon, Taken: noon, KnownTasks: 10_000, KnownMessages: 10_000, Visible: 10_000,
				Counts: autoscale.Counts{Desired: c.desired, Running: c.desired}}
			o.Quota, o.Prior.Mean = c.quota, 3600e9
			_, d := autoscale.Decide(autoscale.Config{Max: 100, FirstWave: 8, StartUp: 30 * time.Second,
				Policy: autoscale.Policy{Mode: mode, LaunchBurst: 12, LaunchRate: .2}}, autoscale.State{}, o)
			if d.Want != c.want || !strings.Contains(d.Reason, c.contains) {
				t.Errorf("mode %q, %s: %d, bound by %q: %s", mode, c.because, d.Want, d.Binding, d.Reason)
			}
			if d.Binding != c.binding && d.Binding != autoscale.BindWave {
				t.Errorf("mode %q, %s: bound by %q", mode, c.because, d.Binding)
			}
		}
	}
}

// A least number of workers is held as far as the limits allow, in every mode.
func TestALeastNumberPassesNoLimit(t *testing.T) {
	t.Parallel()
	for _, mode := range []autoscale.Mode{autoscale.Fast, autoscale.Efficiency} {
		for _, c := range []struct {
			because string
			quota   autoscale.Room
			spent   cost.PicoUSD
			desired int
			want    int
		}{
			{"room for two", autoscale.RoomFor(2), 0, 3, 5},
			{"no room", autoscale.RoomFor(0), 0, 3, 3},
			{"nobody knows", autoscale.UnknownRoom(), 0, 3, 3},
			{"no quota: what can arrive", autoscale.Room{}, 0, 0, 300},
			{"money for no more", autoscale.Room{}, 9000, 3, 3},
		} {
			o := autoscale.Observation{Now: noon, Taken: noon, Counts: counts(c.desired, c.desired, 0), Spent: c.spent}
			o.Quota, o.Asked.Min = c.quota, 5000
			p := autoscale.Policy{Mode: mode, LaunchBurst: 100, LaunchRate: 4, Price: 1, Budget: autoscale.Caps{Total: 10_000_000}}
			if c.spent > 0 {
				p.Budget.Total = 9100
			}
			if _, d := autoscale.Decide(autoscale.Config{Max: 1_000_000, Policy: p}, autoscale.State{}, o); d.Want != c.want {
				t.Errorf("mode %q, %s: %d, want %d: %s", mode, c.because, d.Want, c.want, d.Reason)
			}
		}
	}
}

func TestLaunchesThatDoNotArriveAreExplainedInThePlatformsWords(t *testing.T) {
	t.Parallel()
	for _, mode := range []autoscale.Mode{autoscale.Fast, autoscale.Efficiency} {
		o := autoscale.Observation{Now: noon, Taken: noon, KnownTasks: 10_000, KnownMessages: 10_000, Visible: 10_000, Counts: counts(3, 0, 3)}
		c := autoscale.Config{Max: 100, Policy: autoscale.Policy{Mode: mode}}
		s, _ := autoscale.Decide(c, autoscale.State{}, o)
		o.Now, o.Trouble = noon.Add(5*time.Minute), "ECS says: no capacity"
		o.Taken = o.Now
		if _, d := autoscale.Decide(c, s, o); d.Binding != autoscale.BindStuck || !strings.Contains(d.Reason, "ECS says: no capacity") {
			t.Errorf("mode %q: bound by %q: %s", mode, d.Binding, d.Reason)
		}
	}
}
