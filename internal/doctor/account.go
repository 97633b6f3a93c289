package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/awscall"
	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/quota"
)

func (p *patient) credentials(ctx context.Context) Check {
	if p.Local {
		return ok("the endpoint on this machine takes any")
	}
	who, answer, err := p.Ask.WhoAmI(ctx)
	if err != nil {
		return failed(err)
	}
	p.who, p.skew, p.asked = who, answer.Skew, true
	if p.Site.Account != "" && p.Site.Account != who.Account {
		return bad("use the credentials of the stack's account: export AWS_PROFILE=…", "%s is of account %s, the stack is in %s", who.ARN, who.Account, p.Site.Account)
	}
	return ok("%s", who.ARN)
}

const (
	// worstSkew is from where AWS refuses signatures (Signature Version 4: five minutes).
	worstSkew = 5 * time.Minute
	// badSkew leaves a margin: a clock that is a minute wrong will be more wrong.
	badSkew = time.Minute
)

func (p *patient) clock(context.Context) Check {
	switch skew := p.skew.Abs(); {
	case p.Local:
		return ok("the endpoint has this machine's")
	case !p.asked:
		return unknown("first the credentials", "AWS has not been heard")
	case skew >= badSkew:
		return bad("set this machine's clock (timedatectl set-ntp true): AWS refuses signatures that are more than "+worstSkew.String()+" off", "this machine's clock is %v off AWS's", p.skew)
	default:
		return ok("%v off AWS's", p.skew)
	}
}

func (p *patient) region(context.Context) Check {
	have := p.Ask.Region()
	if p.Site.Region != "" && p.Site.Region != have && !p.Local {
		return bad("export AWS_REGION="+p.Site.Region, "the configuration is for %s, the stack is in %s", have, p.Site.Region)
	}
	return ok("%s", have)
}

func (p *patient) quotaOf(kind quota.Kind) func(context.Context) Check {
	return func(ctx context.Context) Check {
		if p.Quota == nil {
			return unknown("", "not asked for")
		}
		q, err := p.Quota.Read(ctx, kind)
		if err != nil {
			return failed(err)
		}
		left, known := q.Available()
		uses := p.uses(kind)
		switch {
		case !known:
			return unknown("starburst quota says more", "%s", q.Why())
		case q.Limit.VCPU == 0 && uses:
			return bad("ask for more: starburst quota --request 100"+spotFlag(kind), "the account's limit is 0 vCPUs: no worker can start")
		case left*1024 < float64(p.Site.CPUUnits) && uses:
			return bad("wait until others have ended, or ask for more: starburst quota --request …"+spotFlag(kind), "%g of %g vCPUs are in use, less than a worker is left", q.Used.VCPU, q.Limit.VCPU)
		}
		return ok("%g of %g vCPUs are free", left, q.Limit.VCPU)
	}
}

func spotFlag(k quota.Kind) string {
	if k == quota.Spot {
		return " --spot"
	}
	return ""
}

// uses reports whether one of the stack's services runs on the kind of capacity.
func (p *patient) uses(kind quota.Kind) bool {
	want := "FARGATE"
	if kind == quota.Spot {
		want = "FARGATE_SPOT"
	}
	for _, s := range p.Site.Services {
		if s.Capacity == want {
			return true
		}
	}
	return false
}

func (p *patient) subnets(ctx context.Context) Check {
	if len(p.Site.Subnets) == 0 {
		return unknown("starburst doctor --stack NAME knows them", "the stack's subnets are not known")
	}
	if p.Local {
		return ok("none are needed on this machine")
	}
	all, err := p.Ask.Subnets(ctx, p.Site.Subnets)
	if err != nil {
		return failed(err)
	}
	free, zones := 0, map[string]bool{}
	for _, s := range all {
		free += s.Free
		zones[s.Zone] = true
	}
	saw := fmt.Sprintf("%d free addresses in %d subnets of %d zones", free, len(all), len(zones))
	switch {
	case len(all) < len(p.Site.Subnets):
		return bad("terraform apply", "only %d of the stack's %d subnets exist", len(all), len(p.Site.Subnets))
	case free < max(1, p.Site.MaxWorkers):
		return bad("larger or more subnets, or a lower max_workers in Terraform", "%s, and up to %d workers want one each", saw, p.Site.MaxWorkers)
	}
	return ok("%s", saw)
}

// right is what somebody with these credentials may want to do, by the actions that it needs.
type right struct {
	what, resource string
	actions        []string
}

// rights are checked by name, and on their resource where the stack tells its ARN.
func (p *patient) rights() []right {
	s := p.Site
	all := []right{
		{"submit jobs", s.QueueARN, []string{"sqs:SendMessage", "sqs:GetQueueAttributes"}},
		{"watch and redrive dead letters", s.DLQARN, []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:StartMessageMoveTask"}},
		{"deploy images", "*", []string{"ecr:GetAuthorizationToken"}},
	}
	for _, sv := range s.Services {
		all = append(all, right{"size service " + sv.Name, sv.ARN, []string{"ecs:DescribeServices", "ecs:UpdateService"}})
	}
	if s.Account != "" && s.Table != "" {
		partition := "aws"
		if parts := strings.Split(s.QueueARN, ":"); len(parts) > 1 {
			partition = parts[1]
		}
		table := fmt.Sprintf("arn:%s:dynamodb:%s:%s:table/%s", partition, s.Region, s.Account, s.Table)
		all = append(all, right{"read and write the table", table, []string{"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"}})
	}
	return all
}

func (p *patient) permissions(ctx context.Context) Check {
	switch {
	case p.Local:
		return ok("the endpoint on this machine allows all")
	case !p.asked:
		return unknown("first the credentials", "AWS does not know who asks")
	}
	principal := awscall.PrincipalOf(p.who.ARN)
	var lacks []string
	n := 0
	for _, r := range p.rights() {
		if r.resource == "" {
			continue
		}
		denied, err := p.Ask.Denied(ctx, principal, r.resource, r.actions)
		if err != nil {
			a := awserr.Explain(err)
			if a.Kind == awserr.Denied {
				return unknown("attach the operator policy (terraform output operator_policy_arn) to be able to look", "IAM does not let these credentials ask what they may do")
			}
			return unknown("", "IAM does not say: %v", err)
		}
		n += len(r.actions)
		if len(denied) > 0 {
			lacks = append(lacks, fmt.Sprintf("%s (%s)", r.what, strings.Join(denied, ", ")))
		}
	}
	if len(lacks) > 0 {
		return bad("attach the stack's policies (terraform output: producer_policy_arn, operator_policy_arn, deployer_policy_arn) for what is to be done", "not allowed: %s", strings.Join(lacks, "; "))
	}
	return ok("%d actions are allowed to %s", n, principal)
}
