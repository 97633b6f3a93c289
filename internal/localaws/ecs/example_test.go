package ecs_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/ecs"
)

// A service of two tasks, sized through the vendor's SDK.
func Example() {
	if err := example(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2 running
}

func example(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "ecs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	database, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	defer database.Close()
	server := httptest.NewUnstartedServer(nil)
	defer server.Close()
	service, err := ecs.New(database, ecs.Options{BaseURL: "http://" + server.Listener.Addr().String(), Dir: dir})
	if err != nil {
		return err
	}
	defer service.Close()
	server.Config.Handler = service
	server.Start()

	client := sdk.NewFromConfig(aws.Config{
		BaseEndpoint: &server.URL, Region: "us-east-1", HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	if _, err := client.CreateCluster(ctx, &sdk.CreateClusterInput{}); err != nil {
		return err
	}
	if _, err := client.RegisterTaskDefinition(ctx, &sdk.RegisterTaskDefinitionInput{
		Family: aws.String("worker"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("main"), Command: []string{"sleep", "60"}, StopTimeout: aws.Int32(1),
		}},
	}); err != nil {
		return err
	}
	if _, err := client.CreateService(ctx, &sdk.CreateServiceInput{
		ServiceName: aws.String("fleet"), TaskDefinition: aws.String("worker"), DesiredCount: aws.Int32(2),
	}); err != nil {
		return err
	}
	for range time.Tick(5 * time.Millisecond) {
		out, err := client.DescribeServices(ctx, &sdk.DescribeServicesInput{Services: []string{"fleet"}})
		if err != nil {
			return err
		}
		if out.Services[0].RunningCount == 2 {
			fmt.Println(out.Services[0].RunningCount, "running")
			break
		}
	}
	return service.StopTasks(ctx)
}
