package scaling

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/autoscale/fleet"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/prices"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

// Config names a stack and how it is sized.
type Config struct {
	Stack    stack.Stack
	Settings Settings
	// Clients and Store default to the stack's.
	Clients *stack.Clients
	Store   *store.Store
	// Book prices the workers. Default: the one in force for the clients' region.
	Book *cost.Book
	// Owner names this process among those that may lead. Default: the host, the process and a random number.
	Owner string
	// Interval between two looks. Default: autoscale.DefaultInterval.
	Interval time.Duration
	// Log receives what an operator should know. Default: none.
	Log *slog.Logger
}

// Home is an autoscaler that is ready to run.
type Home struct {
	Loop  *autoscale.Loop
	Fleet *fleet.Fleet
}

// Open makes the autoscaler of a stack on AWS; nothing is changed yet. It asks ECS what a worker is.
func Open(ctx context.Context, c Config) (*Home, error) {
	var err error
	if err := c.Stack.Validate(); err != nil {
		return nil, err
	}
	if c.Clients == nil {
		if c.Clients, err = stack.Open(ctx, c.Stack); err != nil {
			return nil, err
		}
	}
	if c.Store == nil {
		c.Store = c.Stack.Store(c.Clients)
	}
	if c.Book == nil {
		if c.Book, _, err = prices.Open(prices.FromEnv(c.Clients.SQS.Options().Region)); err != nil {
			return nil, exit.Errorf(exit.Usage, "prices: %w", err)
		}
	}
	lc, fc, err := Plan(ctx, c)
	if err != nil {
		return nil, err
	}
	f, err := fleet.New(fc)
	if err != nil {
		return nil, err
	}
	loop, err := autoscale.New(lc, f.Parts())
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "%w", err)
	}
	return &Home{Loop: loop, Fleet: f}, nil
}

// Plan returns how the stack's fleet is sized and what with, for Open or for a home that changes it first. Clients, Store and Book must be set.
func Plan(ctx context.Context, c Config) (lc autoscale.LoopConfig, fc fleet.Config, err error) {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Stack.Cluster == "" || c.Stack.Service == "" {
		return lc, fc, exit.Errorf(exit.Usage, "the stack names no ECS service").WithHint("set %s and %s", stack.EnvCluster, stack.EnvService)
	}
	if c.Settings.MaxWorkers < 1 {
		return lc, fc, exit.Errorf(exit.Usage, "nobody says how many workers there may be").WithHint("set %s", EnvMaxWorkers)
	}
	fc = fleet.Config{
		SQS: c.Clients.SQS, ECS: c.Clients.ECS, Store: c.Store, QueueURL: c.Stack.QueueURL,
		Cluster: c.Stack.Cluster, Service: c.Stack.Service, Services: c.Stack.Services, Fallback: c.Stack.Fallback, Fleet: c.Stack.Fleet,
		Owner: cmp.Or(c.Owner, owner()), Log: c.Log,
	}
	lc = autoscale.LoopConfig{Policy: c.Settings.Policy(), Interval: c.Interval, Log: c.Log}
	lc.Policy.Services = max(1, len(c.Stack.Services))
	w := Worker{Size: cost.LocalSize(c.Settings.Slots), Platform: cost.X86}
	fc.WorkerVCPU = float64(w.Size.VCPUMilli) / 1000
	if c.Stack.Endpoint == "" {
		known, err := DescribeWorker(ctx, c.Clients.ECS, c.Stack.Cluster, c.Stack.Service)
		if err != nil { // the first decision will say what that means
			c.Log.Warn("what a worker is, nobody knows: nothing is launched", "error", err)
			fc.WorkerVCPU = 0
		} else {
			w, fc.WorkerVCPU = known, float64(known.Size.VCPUMilli)/1000
		}
	}
	if err := price(c, w, &lc.Policy, &fc); err != nil {
		return lc, fc, err
	}
	return lc, fc, limit(c, w, &fc)
}

// price tells what workers cost and may cost.
func price(c Config, w Worker, p *autoscale.Config, fc *fleet.Config) error {
	if p.Budget != (autoscale.Caps{}) && p.StopLag == 0 {
		p.StopLag = w.StopTimeout // a worker that was told to stop may be paid for so long
	}
	if c.Book == nil {
		return nil
	}
	fc.Prices, fc.Capped = c.Book, p.Budget.PerHour > 0 || p.Budget.PerDay > 0
	onDemand, err := second(c.Book, w, false)
	if err != nil {
		return err
	}
	p.Price = onDemand
	if !w.Spot {
		return nil
	}
	spot, err := second(c.Book, w, true)
	switch {
	case err != nil:
		return err
	case len(c.Stack.Fallback) == 0:
		p.Price = spot
	case spot < onDemand: // caps are held at the dearer price, which a worker may turn out to cost
		p.Spot.Price = float64(spot) / float64(onDemand)
	}
	return nil
}

// second is the price of a worker-second.
func second(book *cost.Book, w Worker, spot bool) (cost.PicoUSD, error) {
	rate, err := book.Fargate(w.Platform, spot)
	if err != nil {
		return 0, err
	}
	return cost.FargateBill(rate, w.Size, time.Unix(0, 0), time.Unix(3600, 0)).Total() / 3600, nil
}

// limit tells what limits the workers besides money.
func limit(c Config, w Worker, fc *fleet.Config) error {
	if len(c.Settings.Subnets) > 0 {
		fc.Subnets = &subnets{api: awscall.New(c.Clients.AWS), ids: c.Settings.Subnets, now: time.Now}
	}
	qc := quota.Config{VCPU: c.Settings.VCPUQuota, ECS: c.Clients.ECS}
	if qc.VCPU == 0 {
		if c.Stack.Endpoint != "" {
			return nil // a laptop has no quota but the operator's
		}
		qc.Limits, qc.Usage = servicequotas.NewFromConfig(c.Clients.AWS), cloudwatch.NewFromConfig(c.Clients.AWS)
	}
	r, err := quota.New(qc)
	if err != nil {
		return err
	}
	q := quotas{reader: r, kind: quota.OnDemand}
	if w.Spot {
		q.kind = quota.Spot
	}
	fc.Quotas = q
	return nil
}

// quotas reads one kind of quota in the fleet's words.
type quotas struct {
	reader *quota.Reader
	kind   quota.Kind
}

// Read implements fleet.Quotas.
func (q quotas) Read(ctx context.Context) (fleet.Quota, error) {
	got, err := q.reader.Read(ctx, q.kind)
	if err != nil {
		return fleet.Quota{}, err
	}
	if !got.Known() {
		return fleet.Quota{Source: got.Why()}, nil
	}
	told := fleet.Quota{Known: true, Limit: got.Limit.VCPU, Used: got.Used.VCPU, UsedAt: got.Used.At, Lag: countedWithin, Source: got.Limit.Source}
	if got.Used.Source == fromCloudWatch { // the most of the minute that begins there
		told.UsedAt, told.Lag = got.Used.At.Add(30*time.Second), 45*time.Second
	}
	return told, nil
}

// fromCloudWatch is the reader's word for a metric's source, countedWithin how long a count of tasks takes.
const (
	fromCloudWatch = "CloudWatch"
	countedWithin  = 5 * time.Second
)

// owner names this process. Host and process number alone are the same in every Lambda function.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), hex.EncodeToString(b[:]))
}
