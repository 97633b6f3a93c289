// Package localawstest starts the local endpoint inside a test:
//
//	srv := localawstest.Start(t)
//	client := sqs.NewFromConfig(localawstest.AWSConfig(t, srv))
package localawstest

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/starburst-go/starburst/internal/localaws"
)

// closeTimeout bounds the end of a server: its tasks get this long.
const closeTimeout = 10 * time.Second

// Option changes how Start starts the server.
type Option func(*localaws.Config)

// WithDir serves the state in dir, to be opened again by another Start.
// Default: the test's temporary directory.
func WithDir(dir string) Option { return func(c *localaws.Config) { c.Dir = dir } }

// WithConfig gives access to the whole configuration.
func WithConfig(change func(*localaws.Config)) Option { return change }

// Start starts a server in this process, on a free port, and closes it when the
// test ends. Its log goes to the test's.
func Start(t testing.TB, options ...Option) *localaws.Server {
	t.Helper()
	c := localaws.Config{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, o := range options {
		o(&c)
	}
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	srv, err := localaws.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// t.Context() has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close the local endpoint: %v", err)
		}
	})
	return srv
}

// AWSConfig returns an SDK configuration for the server, with credentials that
// say what they are. Idle connections are closed with the test, so that they do
// not look like leaks.
func AWSConfig(t testing.TB, srv *localaws.Server) aws.Config {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region:       localaws.DefaultRegion,
		BaseEndpoint: aws.String(srv.URL()),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   &http.Client{Transport: transport},
	}
}
