package fleet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/store"
)

var errBroken = errors.New("broken")

func TestCounts(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.service.DesiredCount, c.service.RunningCount, c.service.PendingCount = 5, 3, 2
	got, err := open(t, c, nil).Services.Counts(t.Context())
	if want := (autoscale.Standing{Counts: autoscale.Counts{Desired: 5, Running: 3, Pending: 2}}); got != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestTheServicesLastWordOnFailuresIsTold(t *testing.T) {
	t.Parallel()
	unable := "(service workers) was unable to place a task.\x1b[31m Reason: You've reached the limit on the number of vCPUs."
	for _, c := range []struct {
		because string
		events  []string // the newest first
		want    string
	}{
		{"nothing has happened", nil, ""},
		{"a failure is quoted without what a terminal would obey", []string{"(service workers) has started 1 tasks: (task 1).", unable}, "ECS says: (service workers) was unable to place a task. [31m Reason: You've reached the limit on the number of vCPUs."},
		{"it is over", []string{"(service workers) has reached a steady state.", unable}, ""},
		{"a long one is cut", []string{"failed " + strings.Repeat("x", 1000)}, "ECS says: failed " + strings.Repeat("x", 233) + "…"},
	} {
		cl := newCloud()
		for _, m := range c.events {
			cl.service.Events = append(cl.service.Events, ecstypes.ServiceEvent{Message: &m})
		}
		got, err := open(t, cl, nil).Services.Counts(t.Context())
		if err != nil || got.Trouble != c.want {
			t.Errorf("%s: %q, %v; want %q", c.because, got.Trouble, err, c.want)
		}
	}
}

func TestAServiceThatIsNotThereIsOneTypedError(t *testing.T) {
	t.Parallel()
	for because, breakIt := range map[string]func(*cloud){
		"it was never created":           func(c *cloud) { c.missing = true },
		"it is being deleted":            func(c *cloud) { c.service.Status = aws.String("DRAINING") },
		"ECS does not know the cluster":  func(c *cloud) { c.ecsErr = &ecstypes.ClusterNotFoundException{} },
		"ECS does not know the service":  func(c *cloud) { c.ecsErr = &ecstypes.ServiceNotFoundException{} },
		"ECS says that it is not active": func(c *cloud) { c.ecsErr = &ecstypes.ServiceNotActiveException{} },
	} {
		c := newCloud()
		breakIt(c)
		_, err := open(t, c, nil).Services.Counts(t.Context())
		var missing *fleet.NoServiceError
		if !errors.As(err, &missing) || missing.Service != "workers" || !strings.Contains(err.Error(), "create the stack") {
			t.Errorf("%s: got %v", because, err)
		}
	}
	c := newCloud()
	c.ecsErr = errBroken
	if _, err := open(t, c, nil).Services.Counts(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("another error must keep its cause: %v", err)
	}
}

func TestAnOrderAsksOnceAndRepeatsAfterAnError(t *testing.T) {
	t.Parallel()
	c := newCloud()
	s := open(t, c, nil).Services
	set := func(n int) error { return s.Order(t.Context(), autoscale.Order{Workers: n}) }
	if err := errors.Join(set(2), set(2), set(2)); err != nil {
		t.Fatal(err)
	}
	c.ecsErr = errBroken
	if err := set(4); !errors.Is(err, errBroken) {
		t.Fatalf("got %v", err)
	}
	c.ecsErr = nil
	// The failed call may have taken effect: going back to 2 must not be skipped.
	if err := set(2); err != nil {
		t.Fatal(err)
	}
	c.service.DesiredCount = 7 // somebody else, on the console
	if _, err := s.Counts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(set(2), set(2)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int32{2, 4, 2, 2}, c.updates); diff != "" {
		t.Errorf("UpdateService calls (-want +got):\n%s", diff)
	}
	if err := set(-1); err == nil {
		t.Error("a negative count was accepted")
	}
}

func TestTheLeaseIsRenewedSparingly(t *testing.T) {
	t.Parallel()
	c := newCloud()
	l := open(t, c, nil).Lease
	hold := func(at time.Duration) (time.Time, bool, error) { return l.Hold(t.Context(), noon.Add(at)) }
	for _, at := range []time.Duration{0, time.Second, 6 * time.Second, 7 * time.Second, 8 * time.Second, 14 * time.Second} {
		if until, held, err := hold(at); !held || err != nil || until.Before(noon.Add(at)) {
			t.Fatalf("at %s: %v %v %v", at, until, held, err)
		}
	}
	if diff := cmp.Diff([]string{"acquire", "renew", "renew"}, c.leaseOps); diff != "" {
		t.Errorf("lease calls (-want +got):\n%s", diff)
	}
	c.leaseErr = errBroken
	if _, held, err := hold(25 * time.Second); held || !errors.Is(err, errBroken) {
		t.Errorf("with the table broken: %v %v", held, err)
	}
	c.leaseErr = nil
	if _, held, err := hold(26 * time.Second); !held || err != nil {
		t.Errorf("with the table back: %v %v", held, err)
	}
	c.lease = store.Lease{Owner: "other", Expires: noon.Add(time.Hour), Generation: 9}
	if _, held, err := hold(40 * time.Second); held || err != nil {
		t.Errorf("with another leader: %v %v", held, err)
	}
	if err := l.Release(t.Context()); err != nil || c.lease.Expires.IsZero() {
		t.Errorf("released another's lease: %v", err)
	}
	c.lease.Expires = noon
	if _, held, err := hold(41 * time.Second); !held || err != nil {
		t.Errorf("after the other leader's end: %v %v", held, err)
	}
	if err := l.Release(t.Context()); err != nil || !c.lease.Expires.IsZero() {
		t.Errorf("not released: %v, %+v", err, c.lease)
	}
}

func TestJournalKeepsDecisionsAndBeatsEvery30Seconds(t *testing.T) {
	t.Parallel()
	c := newCloud()
	c.control.Paused = true // somebody else's
	j := open(t, c, nil).Journal
	d := autoscale.Decision{
		At: noon, Seq: 7, Wave: 3, Backlog: 90, From: 2, Want: 4, Binding: autoscale.BindWave, Reason: "wave 3: 2→4",
		Observation: autoscale.Observation{Now: noon, Visible: 1, InFlight: 2, Delayed: 3, Busy: 2, Spent: 11,
			Jobs:   map[string]int64{"a": 5, "b": 80, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1, "i": 1, "j": 2},
			Counts: autoscale.Counts{Desired: 2, Running: 2, Pending: 1}},
	}
	memory := autoscale.State{At: noon, Seq: 7, Wave: 3, Memory: autoscale.Memory{Probe: 16, Rates: [18]float64{1.5}, Draining: true}}
	for _, at := range []time.Duration{0, 10 * time.Second, 30 * time.Second} {
		d.At = noon.Add(at)
		d.Observation.Now = d.At
		if err := j.Record(t.Context(), d, memory); err != nil {
			t.Fatal(err)
		}
	}
	want := store.Decision{Fleet: "default", At: noon, Seq: 7, Wave: 3, Visible: 1, InFlight: 2, Delayed: 3, Backlog: 90,
		Running: 2, Pending: 1, Desired: 2, Busy: 2, SpentPico: 11, Want: 4, Binding: "wave", Reason: "wave 3: 2→4",
		Jobs: map[string]int64{"b": 80, "a": 5, "j": 2, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, store.OtherJobs: 2}}
	want.Memory = c.decisions[0].Memory
	if diff := cmp.Diff(want, c.decisions[0]); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if len(c.decisions) != 3 || c.beats != 2 {
		t.Errorf("%d decisions, %d beats", len(c.decisions), c.beats)
	}
	if want := (store.Control{Paused: true, LeaderAt: noon.Add(30 * time.Second)}); !cmp.Equal(want, c.control) {
		t.Errorf("control: %+v", c.control)
	}
	d.Observation.Jobs = nil // only the bill needs the causes
	last, after, found, err := open(t, c, nil).Journal.Last(t.Context(), noon.Add(time.Minute))
	if diff := cmp.Diff(d, last); diff != "" || !found || err != nil {
		t.Errorf("last: %v %v (-want +got):\n%s", found, err, diff)
	}
	if diff := cmp.Diff(memory, after); diff != "" {
		t.Errorf("what a successor remembers (-want +got):\n%s", diff)
	}
	if _, _, found, _ := j.Last(t.Context(), noon.Add(time.Hour)); found {
		t.Error("an hour-old decision is no decision to go on from")
	}
}

func TestOnlyARaiseHasCauses(t *testing.T) {
	t.Parallel()
	c := newCloud()
	j := open(t, c, nil).Journal
	for _, d := range []autoscale.Decision{
		{Want: 2, Observation: autoscale.Observation{Counts: autoscale.Counts{Desired: 2}}},
		{Want: 0, Observation: autoscale.Observation{Counts: autoscale.Counts{Desired: 2}}},
		{Want: 3, Hold: true, Observation: autoscale.Observation{Counts: autoscale.Counts{Desired: 2}}},
	} {
		d.At, d.Observation.Jobs = noon, map[string]int64{"a": 5}
		if err := j.Record(t.Context(), d, autoscale.State{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range c.decisions {
		if d.Jobs != nil {
			t.Errorf("%+v names causes", d)
		}
	}
}

func TestNewRefusesAnIncompleteConfig(t *testing.T) {
	t.Parallel()
	c := newCloud()
	whole := fleet.Config{SQS: c, ECS: c, Store: c, QueueURL: "q", Cluster: "c", Service: "s", Fleet: "f", Owner: "o"}
	for wantError, edit := range map[string]func(*fleet.Config){
		"QueueURL is empty": func(c *fleet.Config) { c.QueueURL = "" },
		"Owner is empty":    func(c *fleet.Config) { c.Owner = "" },
		"required":          func(c *fleet.Config) { c.Store = nil },
		"LeaseTTL":          func(c *fleet.Config) { c.LeaseTTL = time.Millisecond },
	} {
		config := whole
		edit(&config)
		if _, err := fleet.New(config); err == nil || !strings.Contains(err.Error(), wantError) {
			t.Errorf("got %v, want an error with %q", err, wantError)
		}
	}
}
