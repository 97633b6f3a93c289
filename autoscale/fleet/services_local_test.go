package fleet_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
)

// Two services and a fallback of real processes: each gets its share, and all end.
func TestSeveralServicesOnTheEmbeddedEndpoint(t *testing.T) {
	t.Parallel()
	l := localStack(t)
	for _, name := range []string{"more", "steady"} {
		_, err := l.ECS.(*ecs.Client).CreateService(t.Context(), &ecs.CreateServiceInput{
			Cluster: aws.String("main"), ServiceName: &name, TaskDefinition: aws.String("sleeper"), DesiredCount: aws.Int32(0),
		})
		check(t, err)
	}
	l.Owner, l.Services, l.Fallback = "leader", []string{"workers", "more"}, []string{"steady"}
	f, err := fleet.New(l.Config)
	check(t, err)
	count := func(running, onDemand int) {
		t.Helper()
		var got autoscale.Standing
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) { // processes start in their own time
			got, err = f.Services.Counts(t.Context())
			check(t, err)
			if got.Running == running && got.OnDemand.Running == onDemand && got.Pending == 0 {
				return
			}
		}
		t.Fatalf("%+v, want %d running, %d of them on demand", got, running, onDemand)
	}
	check(t, func() error {
		if _, err := f.Services.Counts(t.Context()); err != nil {
			return err
		}
		return f.Services.Order(t.Context(), autoscale.Order{Workers: 4, OnDemand: 1})
	}())
	count(4, 1)
	for service, want := range map[string]int32{"workers": 2, "more": 1, "steady": 1} {
		out, err := l.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("main"), Services: []string{service}})
		check(t, err)
		if n := out.Services[0].RunningCount; n != want {
			t.Errorf("%s runs %d, want %d", service, n, want)
		}
	}
	check(t, f.Services.Order(t.Context(), autoscale.Order{}))
	count(0, 0)
}
