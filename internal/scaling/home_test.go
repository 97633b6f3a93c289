package scaling_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// definitions is ECS with one service.
type definitions struct {
	service    *ecstypes.Service
	definition *ecstypes.TaskDefinition
	err        error
}

func (d definitions) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	out := &ecs.DescribeServicesOutput{}
	if d.service != nil {
		out.Services = append(out.Services, *d.service)
	}
	return out, nil
}

func (d definitions) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: d.definition}, d.err
}

func TestAWorkerIsWhatItsTaskDefinitionSays(t *testing.T) {
	t.Parallel()
	d := definitions{
		service: &ecstypes.Service{TaskDefinition: aws.String("w:7"), CapacityProviderStrategy: []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT")}}},
		definition: &ecstypes.TaskDefinition{Cpu: aws.String("512"), Memory: aws.String("1024"), EphemeralStorage: &ecstypes.EphemeralStorage{SizeInGiB: 40},
			RuntimePlatform:      &ecstypes.RuntimePlatform{CpuArchitecture: ecstypes.CPUArchitectureArm64},
			ContainerDefinitions: []ecstypes.ContainerDefinition{{StopTimeout: aws.Int32(90)}, {StopTimeout: aws.Int32(5)}}},
	}
	got, err := scaling.DescribeWorker(t.Context(), d, "main", "workers")
	want := scaling.Worker{Size: cost.Size{VCPUMilli: 500, MemoryMiB: 1024, DiskGiB: 40}, Platform: cost.ARM, Spot: true, StopTimeout: 90 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// What is not said is not assumed, but for ECS's own defaults.
	got, err = scaling.DescribeWorker(t.Context(), definitions{service: &ecstypes.Service{}, definition: &ecstypes.TaskDefinition{Cpu: aws.String("much")}}, "main", "workers")
	if want := (scaling.Worker{Platform: cost.X86, StopTimeout: 30 * time.Second}); got != want || err != nil {
		t.Errorf("of an empty definition: %+v, %v", got, err)
	}
	for says, d := range map[string]definitions{
		"there is no ECS service \"workers\"": {},
		"shows no task definition":            {service: &ecstypes.Service{}},
		"denied":                              {service: &ecstypes.Service{}, err: errors.New("denied")},
	} {
		if _, err := scaling.DescribeWorker(t.Context(), d, "main", "workers"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

// fakeECS serves one service whose task definition has a vCPU, over HTTP, as ECS does.
func fakeECS(t *testing.T, provider string) *stack.Clients {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := `{"taskDefinition":{"cpu":"1024","memory":"2048","containerDefinitions":[{"stopTimeout":60}]}}`
		switch _, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); op {
		case "DescribeServices":
			answer = `{"services":[{"status":"ACTIVE","taskDefinition":"w:1","capacityProviderStrategy":[{"capacityProvider":"` + provider + `"}]}]}`
		case "DescribeTaskDefinition":
		default:
			t.Errorf("asked for %s", op)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	client := s.Client()
	t.Cleanup(client.CloseIdleConnections)
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &s.URL, HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
	return &stack.Clients{AWS: cfg, ECS: ecs.NewFromConfig(cfg), SQS: sqs.NewFromConfig(cfg)}
}

func TestAHomeKnowsWhatItsWorkersCostAndMayUse(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	rate := func(spot bool) cost.PicoUSD {
		r, err := book.Fargate(cost.X86, spot)
		if err != nil {
			t.Fatal(err)
		}
		return r.VCPU + 2*r.GB
	}
	for _, c := range []struct {
		because            string
		provider           string
		services, fallback []string
		budget             cost.PicoUSD
		price              cost.PicoUSD
		spot               bool
		stopLag            time.Duration
	}{
		{because: "on demand", provider: "FARGATE", price: rate(false)},
		{because: "with a budget a stopped worker is paid for as long as it may live", provider: "FARGATE", budget: cost.USD, price: rate(false), stopLag: time.Minute},
		{because: "on Spot alone there is nothing to fall back to", provider: "FARGATE_SPOT", price: rate(true)},
		{because: "beside a fallback, caps are held at the dearer price", provider: "FARGATE_SPOT", services: []string{"a", "b", "c"}, fallback: []string{"od"}, price: rate(false), spot: true},
	} {
		lc, fc, err := scaling.Plan(t.Context(), scaling.Config{
			Stack:    stack.Stack{QueueURL: "q", Table: "t", Fleet: "f", Cluster: "main", Service: "a", Services: c.services, Fallback: c.fallback},
			Settings: scaling.Settings{MaxWorkers: 9, VCPUQuota: 16, Budget: autoscale.Caps{Total: c.budget}}, Clients: fakeECS(t, c.provider), Store: &store.Store{}, Book: book,
		})
		if err != nil {
			t.Fatal(err)
		}
		p := lc.Policy
		if d := p.Price - c.price; d < -1 || d > 1 || (p.Spot.Price > 0) != c.spot || p.StopLag != c.stopLag || p.Services != max(1, len(c.services)) || p.Mode != autoscale.Efficiency {
			t.Errorf("%s: price %d (want %d), Spot at %v, stop lag %s, %d services, mode %q", c.because, p.Price, c.price, p.Spot.Price, p.StopLag, p.Services, p.Mode)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", c.because, err)
		}
		q, err := fc.Quotas.Read(t.Context())
		if err != nil || !q.Known || q.Limit != 16 || q.Source != "set by you" || fc.WorkerVCPU != 1 || !cmp.Equal(fc.Fallback, c.fallback) {
			t.Errorf("%s: quota %+v, %v; a worker has %v vCPU", c.because, q, err, fc.WorkerVCPU)
		}
	}
}

func TestAHomeThatCannotBe(t *testing.T) {
	t.Parallel()
	whole := scaling.Config{Stack: stack.Stack{QueueURL: "q", Table: "t", Fleet: "f", Cluster: "main", Service: "a"}, Settings: scaling.Settings{MaxWorkers: 9}}
	for says, edit := range map[string]func(*scaling.Config){
		"STARBURST_TABLE is not set": func(c *scaling.Config) { c.Stack.Table = "" },
		"names no ECS service":       func(c *scaling.Config) { c.Stack.Service = "" },
		"how many workers":           func(c *scaling.Config) { c.Settings.MaxWorkers = 0 },
		"needs a Deadline":           func(c *scaling.Config) { c.Settings.Mode = "deadline" },
	} {
		c := whole
		c.Clients, c.Store = fakeECS(t, "FARGATE"), &store.Store{}
		edit(&c)
		_, err := scaling.Open(t.Context(), c)
		if exit.CodeOf(err) != exit.Usage || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
	c := whole
	c.Clients, c.Store = fakeECS(t, "FARGATE"), &store.Store{}
	home, err := scaling.Open(t.Context(), c)
	if err != nil || home.Loop == nil || home.Fleet == nil {
		t.Errorf("a whole one: %v", err)
	}
}
