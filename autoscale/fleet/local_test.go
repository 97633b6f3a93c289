package fleet_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/ecs"
)

// localECS serves the embedded ECS with a service called workers, whose tasks sleep.
func localECS(t *testing.T) *sdk.Client {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep command")
	}
	dir := t.TempDir()
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	service, err := ecs.New(d, ecs.Options{BaseURL: "http://" + server.Listener.Addr().String(), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = service
	server.Start()
	transport := &http.Transport{}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := service.StopTasks(ctx); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		server.Close()
		if err := service.Close(); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	c := sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	if _, err := c.CreateCluster(t.Context(), &sdk.CreateClusterInput{ClusterName: aws.String("main")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RegisterTaskDefinition(t.Context(), &sdk.RegisterTaskDefinitionInput{
		Family: aws.String("sleeper"), Cpu: aws.String("1 vCPU"), Memory: aws.String("2 GB"),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("main"), EntryPoint: []string{sleep, "60"}}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateService(t.Context(), &sdk.CreateServiceInput{
		Cluster: aws.String("main"), ServiceName: aws.String("workers"), TaskDefinition: aws.String("sleeper"), DesiredCount: aws.Int32(0),
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// The loop over real processes, as on a laptop: two workers in a moment, none at the end.
func TestALoopSizesTheEmbeddedECS(t *testing.T) {
	t.Parallel()
	client := localECS(t)
	c := newCloud()
	c.visible = "100"
	c.jobs["job0"] = job("job0", nil)
	f := open(t, c, func(c *fleet.Config) { c.ECS = client })
	loop, err := autoscale.New(autoscale.LoopConfig{
		Policy:   autoscale.Config{Max: 2, StartUp: 100 * time.Millisecond},
		Interval: 200 * time.Millisecond,
	}, f.Parts())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	begin := time.Now()
	wg.Go(func() {
		if err := loop.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	var got autoscale.Counts
	for got.Running < 2 && time.Since(begin) < 10*time.Second {
		time.Sleep(5 * time.Millisecond) // processes start in their own time; the deadline is the loop's
		if got, err = f.Service.Counts(ctx); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("2 workers after %s", time.Since(begin).Round(time.Millisecond))
	if got != (autoscale.Counts{Desired: 2, Running: 2}) {
		t.Errorf("counts %+v", got)
	}
	begin = time.Now()
	deadline, done := context.WithTimeout(ctx, 10*time.Second)
	defer done()
	if err := loop.Drain(deadline, "job0 is done"); err != nil {
		t.Fatal(err)
	}
	t.Logf("none after %s", time.Since(begin).Round(time.Millisecond))
	cancel()
	wg.Wait()
	last := c.decisions[len(c.decisions)-1]
	if last.Want != 0 || last.Reason != "stop: job0 is done" {
		t.Errorf("last decision: %+v", last)
	}
}
