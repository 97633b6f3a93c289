package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/internal/image"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/stack"
)

// State of what was looked at.
type State string

// The states. Unknown is what could not be looked at.
const (
	OK      State = "ok"
	Bad     State = "bad"
	Unknown State = "unknown"
	Fixed   State = "fixed" // was Bad until now
)

// Check is one line of the diagnosis.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Saw says what was seen.
	Saw string `json:"saw"`
	// Next is what to do; empty when it is right.
	Next string `json:"next,omitempty"`
}

func ok(format string, args ...any) Check { return Check{State: OK, Saw: fmt.Sprintf(format, args...)} }

func bad(next, format string, args ...any) Check {
	return Check{State: Bad, Saw: fmt.Sprintf(format, args...), Next: next}
}

func unknown(next, format string, args ...any) Check {
	return Check{State: Unknown, Saw: fmt.Sprintf(format, args...), Next: next}
}

// failed is what a call that failed tells: a thing that is not there, or refused, is Bad with the advice for it; another failure leaves it Unknown.
func failed(err error) Check {
	if a := awserr.Explain(err); a.Kind != awserr.Unknown {
		state := Bad
		if a.Kind == awserr.Denied {
			state = Unknown // one may not look; it may be right
		}
		return Check{State: state, Saw: fmt.Sprintf("%s: %v", a.What, err), Next: a.Next}
	}
	return unknown("try again; if it stays, AWS's health dashboard may say more", "%v", err)
}

// CloudWatch is what looking at alarms needs; *cloudwatch.Client has it.
type CloudWatch interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
}

var _ CloudWatch = (*cloudwatch.Client)(nil)

// Config of a diagnosis.
type Config struct {
	Site    deploy.Site
	Clients *stack.Clients
	Ask     *awscall.Caller
	// Alarms is asked for the stack's alarms. Default: a client of Clients' configuration.
	Alarms CloudWatch
	// Quota reads the account's quotas; without one they are unknown.
	Quota *quota.Reader
	// Registry says how to ask for the image.
	Registry image.PushOptions
	// TaskTime is how long one task takes, 0 when it is not known.
	TaskTime time.Duration
	// Fix mends what is safe to mend.
	Fix bool
	// Local is true for an endpoint on this machine, which has neither accounts nor clocks nor quotas of its own.
	Local bool
}

// patient is one diagnosis under way: what one check has seen is of use to later ones.
type patient struct {
	Config
	who      awscall.Identity
	skew     time.Duration
	asked    bool // whether STS has answered
	queue    map[string]string
	dead     map[string]string
	services []types.Service
	task     *types.TaskDefinition
}

// Run looks at everything, in the order in which things depend on each other. It goes on after what is bad.
func Run(ctx context.Context, c Config) []Check {
	p := &patient{Config: c}
	if p.Alarms == nil {
		p.Alarms = cloudwatch.NewFromConfig(c.Clients.AWS)
	}
	var all []Check
	for _, look := range []struct {
		name string
		at   func(context.Context) Check
	}{
		{"credentials", p.credentials}, {"clock", p.clock}, {"region", p.region},
		{"queue", p.queueThere}, {"visibility", p.visibility}, {"dead-letter queue", p.deadLetters}, {"retention", p.retention},
		{"table", p.table}, {"expiry", p.expiry}, {"bucket", p.bucket},
		{"services", p.service}, {"image", p.image}, {"handlers", p.handlers},
		{"quota on-demand", p.quotaOf(quota.OnDemand)}, {"quota spot", p.quotaOf(quota.Spot)},
		{"subnets", p.subnets}, {"permissions", p.permissions}, {"alarms", p.alarms},
	} {
		check := look.at(ctx)
		check.Name = look.name
		all = append(all, check)
		if ctx.Err() != nil {
			break
		}
	}
	return all
}
