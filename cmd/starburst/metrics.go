package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/urfave/cli/v2"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/metrics"
	"github.com/starburst-go/starburst/internal/observe"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
)

// envMetrics is where a component serves its metrics.
const envMetrics = "STARBURST_METRICS"

func metricsFlag() cli.Flag {
	return &cli.StringFlag{Name: "metrics", EnvVars: []string{envMetrics}, Usage: "serve Prometheus metrics at http://`ADDR`/metrics, such as " + metrics.DefaultAddr, DefaultText: "not served"}
}

// instruments are what observes a worker, as the flags and the environment say.
func instruments(c *cli.Context) []role.Instrument {
	var all []role.Instrument
	if addr := c.String("metrics"); addr != "" {
		all = append(all, workerMetrics(addr, addr == os.Getenv(envMetrics)))
	}
	return append(all, traceWorker)
}

// workerMetrics serves a worker's metrics. When the address comes from the environment, which the workers of one machine may
// share, a worker that does not get it works all the same.
func workerMetrics(addr string, fromEnv bool) role.Instrument {
	return func(ctx context.Context, cfg *consumer.Config, _ stack.Stack) (func(context.Context) error, error) {
		m := metrics.NewWorker(metrics.Build{Version: role.Build()})
		srv, err := metrics.Serve(ctx, addr, m.Registry(), cfg.Log)
		switch {
		case err != nil && fromEnv:
			cfg.Log.WarnContext(ctx, "this worker serves no metrics", "err", err)
			return nil, nil
		case err != nil:
			return nil, metricsError(err)
		}
		observe.Worker(cfg, m.Tell)
		cfg.Log.InfoContext(ctx, "serving metrics", "url", "http://"+srv.Addr()+"/metrics")
		return srv.Close, nil
	}
}

func metricsError(err error) error {
	return exit.Errorf(exit.Usage, "%w", err).WithHint("another address: --metrics 127.0.0.1:0 takes a free port and logs it")
}

// fleetMetrics serves an autoscaler's metrics, if a flag says so; decided, nil without it, is what its decisions go to.
func fleetMetrics(c *cli.Context, s stack.Stack, clients *stack.Clients) (decided func(autoscale.Decision), closeMetrics func(), err error) {
	addr := c.String("metrics")
	if addr == "" {
		return nil, func() {}, nil
	}
	m := metrics.NewFleet(metrics.Build{Version: role.Build()})
	if s.DLQURL != "" {
		m.DeadLetters(func(ctx context.Context) (int64, error) { return queueLength(ctx, clients.SQS, s.DLQURL) })
	}
	log := logger(c.App.ErrWriter)
	srv, err := metrics.Serve(c.Context, addr, m.Registry(), log)
	if err != nil {
		return nil, nil, metricsError(err)
	}
	_, _ = fmt.Fprintf(c.App.ErrWriter, "serving metrics at http://%s/metrics\n", srv.Addr())
	return m.Decided, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), closeTimeout)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			log.WarnContext(ctx, "end of the metrics' server", "err", err)
		}
	}, nil
}

// queueLength is SQS's approximate count of a queue's messages.
func queueLength(ctx context.Context, api *sqs.Client, url string) (int64, error) {
	const length = types.QueueAttributeNameApproximateNumberOfMessages
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{length}})
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(out.Attributes[string(length)], 10, 64)
}
