package quota

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
)

// ServiceCode is what Service Quotas calls Fargate.
const ServiceCode = "fargate"

// EnvVCPU names the operator's own limit, in vCPU; 0 or nothing asks Service Quotas.
const EnvVCPU = "STARBURST_VCPU_QUOTA"

// SetByYou is the source of an operator's own limit.
const SetByYou = "set by you"

// maxVCPU is the largest value that Service Quotas takes.
const maxVCPU = 1e10

// Kind is one of Fargate's two quotas.
type Kind string

// The kinds.
const (
	OnDemand Kind = "on-demand"
	Spot     Kind = "spot"
)

// Code is the quota's code in Service Quotas.
func (k Kind) Code() string {
	if k == Spot {
		return "L-36FBB829"
	}
	return "L-3032A538"
}

// Class is the value of CloudWatch's dimension Class.
func (k Kind) Class() string {
	if k == Spot {
		return "Standard/Spot"
	}
	return "Standard/OnDemand"
}

// Figure is a number of vCPUs that may be unknown.
type Figure struct {
	// VCPU is meaningless unless Known.
	VCPU  float64 `json:"vcpu"`
	Known bool    `json:"known"`
	// At is the time that it tells of; zero for a limit that an operator set.
	At time.Time `json:"at,omitzero"`
	// Source says who told it; Why, why nobody did.
	Source string `json:"source,omitempty"`
	Why    string `json:"why,omitempty"`
}

// Quota is a limit on vCPUs and what is used of it.
type Quota struct {
	Kind  Kind   `json:"kind"`
	Limit Figure `json:"limit"`
	// Used is by anybody in the account and Region; under a limit that an operator set, by nobody.
	Used Figure `json:"used"`
}

// Known reports whether both figures are.
func (q Quota) Known() bool { return q.Limit.Known && q.Used.Known }

// Available is what is left, at least 0; not known when one of the figures is not.
func (q Quota) Available() (vcpu float64, known bool) {
	return max(0, q.Limit.VCPU-q.Used.VCPU), q.Known()
}

// Why says what is not known and why; "" when all is.
func (q Quota) Why() string {
	switch {
	case !q.Limit.Known:
		return "the limit is not known: " + q.Limit.Why
	case !q.Used.Known:
		return "what is used is not known: " + q.Used.Why
	}
	return ""
}

// ServiceQuotas is the part of the SDK's client that is used; *servicequotas.Client has it.
type ServiceQuotas interface {
	GetServiceQuota(ctx context.Context, in *servicequotas.GetServiceQuotaInput, opts ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error)
	ListRequestedServiceQuotaChangeHistoryByQuota(ctx context.Context, in *servicequotas.ListRequestedServiceQuotaChangeHistoryByQuotaInput, opts ...func(*servicequotas.Options)) (*servicequotas.ListRequestedServiceQuotaChangeHistoryByQuotaOutput, error)
	RequestServiceQuotaIncrease(ctx context.Context, in *servicequotas.RequestServiceQuotaIncreaseInput, opts ...func(*servicequotas.Options)) (*servicequotas.RequestServiceQuotaIncreaseOutput, error)
}

// CloudWatch is the part of the SDK's client that is used; *cloudwatch.Client has it.
type CloudWatch interface {
	GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

var (
	_ ServiceQuotas = (*servicequotas.Client)(nil)
	_ CloudWatch    = (*cloudwatch.Client)(nil)
)

const (
	// DefaultLimitEvery is how often the limit is asked for: raises take hours.
	DefaultLimitEvery = 5 * time.Minute
	// DefaultUsageEvery is how often the usage is: CloudWatch has a point a minute, and bills a hundred-thousandth of a dollar for each look.
	DefaultUsageEvery = time.Minute
	// askFor bounds the asking for a figure, for which the sizing of the fleet waits: both together must end well within an autoscaler's lease.
	askFor = 5 * time.Second
	// DefaultKeep is for how long a figure is good that cannot be read again.
	DefaultKeep = 15 * time.Minute
)

// Config of a Reader.
type Config struct {
	// Limits and Usage are required unless VCPU is set.
	Limits ServiceQuotas
	Usage  CloudWatch
	// ECS, if not nil, is where tasks are counted while CloudWatch has no data points.
	ECS ECS
	// VCPU is an operator's own limit, of both kinds. Default: 0, Service Quotas is asked.
	VCPU float64
	// LimitEvery, UsageEvery and Keep have the defaults above.
	LimitEvery, UsageEvery, Keep time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	for d, def := range map[*time.Duration]time.Duration{
		&c.LimitEvery: DefaultLimitEvery, &c.UsageEvery: DefaultUsageEvery, &c.Keep: DefaultKeep,
	} {
		if *d == 0 {
			*d = def
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) validate() error {
	if !(c.VCPU >= 0 && c.VCPU <= maxVCPU) {
		return fmt.Errorf("quota: VCPU is %v, must be 0 to %g", c.VCPU, maxVCPU)
	}
	if c.VCPU == 0 && (c.Limits == nil || c.Usage == nil) {
		return errors.New("quota: without an operator's own limit the clients of Service Quotas and CloudWatch are required")
	}
	if c.LimitEvery < 0 || c.UsageEvery < 0 || c.Keep < 0 {
		return errors.New("quota: LimitEvery, UsageEvery and Keep must not be negative")
	}
	return nil
}

// ParseVCPU reads an operator's own limit; "" and "0" are none.
func ParseVCPU(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && !(v >= 0 && v <= maxVCPU) || math.IsInf(v, 0) {
		err = errors.New("out of range")
	}
	if err != nil {
		return 0, fmt.Errorf("%s is %q, want a number of vCPUs, or 0 to ask Service Quotas: %w", EnvVCPU, text, err)
	}
	return v, nil
}

// Reader reads quotas and keeps what it read for as long as it is good, so that it can be asked at every tick. It is
// safe for concurrent use.
type Reader struct {
	cfg Config

	mu   sync.Mutex // held while asking: who comes meanwhile wants the same answer
	kept map[Kind]*kept
}

// kept is what was read of a kind.
type kept struct {
	limit, used           Figure
	limitTried, usedTried time.Time
}

// New makes a Reader; it asks nobody yet.
func New(c Config) (*Reader, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Reader{cfg: c, kept: map[Kind]*kept{}}, nil
}

// Read returns the quota of a kind. What cannot be read is unknown in the answer, with the reason; the error is only that of ctx.
func (r *Reader) Read(ctx context.Context, k Kind) (Quota, error) {
	if r.cfg.VCPU > 0 {
		own := Figure{VCPU: r.cfg.VCPU, Known: true, Source: SetByYou}
		return Quota{Kind: k, Limit: own, Used: Figure{Known: true, Source: SetByYou}}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	have := r.kept[k]
	if have == nil {
		have = &kept{}
		r.kept[k] = have
	}
	r.refresh(&have.limit, &have.limitTried, r.cfg.LimitEvery, func() Figure { return within(ctx, k, r.limit) })
	r.refresh(&have.used, &have.usedTried, r.cfg.UsageEvery, func() Figure { return within(ctx, k, r.usage) })
	if err := context.Cause(ctx); err != nil {
		delete(r.kept, k) // what failed because of the caller says nothing to the next one
		return Quota{}, fmt.Errorf("read the %s vCPU quota: %w", k, err)
	}
	return Quota{Kind: k, Limit: have.limit, Used: have.used}, nil
}

// within asks for askFor at most.
func within(ctx context.Context, k Kind, ask func(context.Context, Kind) Figure) Figure {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return ask(ctx, k)
}

// refresh asks again when it is time. An unknown limit is tried as often as the usage is. A known figure survives failures until it is too old.
func (r *Reader) refresh(f *Figure, tried *time.Time, every time.Duration, ask func() Figure) {
	now := r.cfg.Now()
	if !f.Known {
		every = min(every, r.cfg.UsageEvery)
	}
	if !tried.IsZero() && now.Sub(*tried) < every {
		return
	}
	*tried = now
	got := ask()
	if !got.Known && f.Known && now.Sub(f.At) <= r.cfg.Keep {
		return
	}
	*f = got
}
