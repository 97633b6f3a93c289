package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/image"
)

func (p *patient) table(ctx context.Context) Check {
	out, err := p.Clients.DB.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &p.Site.Table})
	if err != nil {
		return failed(err)
	}
	keys := map[string]ddb.KeyType{}
	for _, k := range out.Table.KeySchema {
		keys[aws.ToString(k.AttributeName)] = k.KeyType
	}
	switch {
	case out.Table.TableStatus != ddb.TableStatusActive:
		return bad("wait, then look again", "table %s is %s", p.Site.Table, out.Table.TableStatus)
	case len(keys) != 2 || keys["pk"] != ddb.KeyTypeHash || keys["sk"] != ddb.KeyTypeRange:
		return bad("is STARBURST_TABLE right? terraform apply makes one with the keys pk and sk", "table %s has keys that are not Starburst's: %v", p.Site.Table, keys)
	}
	return ok("%s is active", p.Site.Table)
}

// expiresAt is the attribute by which items end (store's schema).
const expiresAt = "exp"

func (p *patient) expiry(ctx context.Context) Check {
	out, err := p.Clients.DB.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &p.Site.Table})
	if err != nil {
		return failed(err)
	}
	d := out.TimeToLiveDescription
	if d != nil && (d.TimeToLiveStatus == ddb.TimeToLiveStatusEnabled || d.TimeToLiveStatus == ddb.TimeToLiveStatusEnabling) && aws.ToString(d.AttributeName) == expiresAt {
		return ok("old items end by themselves")
	}
	was := bad("starburst doctor --fix, or terraform apply", "the table keeps items for ever: time to live is off, or not on the attribute %q", expiresAt)
	if !p.Fix {
		return was
	}
	_, err = p.Clients.DB.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &p.Site.Table, TimeToLiveSpecification: &ddb.TimeToLiveSpecification{AttributeName: aws.String(expiresAt), Enabled: aws.Bool(true)},
	})
	return mended(was, "it is on now", err)
}

func (p *patient) bucket(ctx context.Context) Check {
	if p.Site.Bucket == "" {
		return ok("none: arguments and results that do not fit a message or an item are refused")
	}
	if _, err := p.Clients.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &p.Site.Bucket}); err != nil {
		if awserr.IsNotFound(err) {
			return bad("compare STARBURST_BUCKET with the stack's: starburst init --stack NAME prints it", "there is no bucket %s", p.Site.Bucket)
		}
		return failed(err)
	}
	return ok("%s", p.Site.Bucket)
}

func (p *patient) service(ctx context.Context) Check {
	if p.Site.Cluster == "" || len(p.Site.Services) == 0 {
		return unknown("starburst doctor --stack NAME knows them", "the stack's services are not known")
	}
	var names []string
	for _, s := range p.Site.Services {
		names = append(names, s.Name)
	}
	out, err := p.Clients.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &p.Site.Cluster, Services: names})
	if err != nil {
		return failed(err)
	}
	var saw []string
	for i := range out.Services {
		s := &out.Services[i]
		if aws.ToString(s.Status) != "ACTIVE" {
			continue
		}
		p.services = append(p.services, *s)
		saw = append(saw, fmt.Sprintf("%s wants %d, runs %d", aws.ToString(s.ServiceName), s.DesiredCount, s.RunningCount))
	}
	if len(p.services) < len(names) {
		return bad("terraform apply; are STARBURST_CLUSTER and STARBURST_SERVICE right?", "only %d of %s exist in cluster %s", len(p.services), strings.Join(names, ", "), p.Site.Cluster)
	}
	if text, next := p.hindered(); text != "" {
		return bad(next, "%s; ECS says: %s", strings.Join(saw, "; "), text)
	}
	return ok("%s", strings.Join(saw, "; "))
}

// hindered is the newest event of a service that has fewer tasks than it wants, if it tells what hinders.
func (p *patient) hindered() (text, next string) {
	for i := range p.services {
		s := &p.services[i]
		if s.RunningCount >= s.DesiredCount || len(s.Events) == 0 {
			continue
		}
		text := aws.ToString(s.Events[0].Message)
		if a := awserr.ExplainTask(text); a.Kind != awserr.Unknown {
			return a.What + " (" + text + ")", a.Next
		}
	}
	return "", ""
}

func (p *patient) image(ctx context.Context) Check {
	if len(p.services) == 0 {
		return unknown("first the services", "the services could not be read")
	}
	out, err := p.Clients.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: p.services[0].TaskDefinition})
	if err != nil {
		return failed(err)
	}
	p.task = out.TaskDefinition
	if len(p.task.ContainerDefinitions) == 0 {
		return bad("terraform apply", "the task definition has no container")
	}
	name, want := aws.ToString(p.task.ContainerDefinitions[0].Image), image.AMD64
	if r := p.task.RuntimePlatform; r != nil && string(r.CpuArchitecture) == image.ARM64.ECS() {
		want = image.ARM64
	}
	switch {
	case p.Local:
		return ok("the endpoint on this machine runs programs, not images")
	case strings.HasSuffix(name, ":none-yet"):
		return bad("starburst deploy", "no program has been deployed yet")
	}
	have, err := image.Architectures(ctx, name, p.Registry)
	return judgeImage(name, want, have, err)
}

func judgeImage(name string, want image.Arch, have []image.Arch, err error) Check {
	switch {
	case image.IsNotFound(err):
		return bad("starburst deploy builds it and sends it", "the image %s is not in its repository", name)
	case image.IsDenied(err):
		return unknown("the deployer policy lets one look (terraform output deployer_policy_arn)", "the repository of %s does not let these credentials look", name)
	case err != nil:
		return failed(err)
	}
	if slices.Contains(have, want) {
		return ok("%s, for %s", name, want)
	}
	return bad("starburst deploy builds one for "+string(want), "the image %s is for %v, the workers are %s", name, have, want)
}

func (p *patient) handlers(ctx context.Context) Check {
	all, err := p.Site.Stack().Store(p.Clients).Handlers(ctx, p.Site.Stack().Fleet)
	if err != nil {
		return failed(err)
	}
	if len(all) == 0 {
		return bad("starburst deploy starts a worker that names them", "no worker has named its handlers yet")
	}
	var names []string
	for _, h := range all {
		names = append(names, h.Name)
	}
	return ok("%s", strings.Join(names, ", "))
}

func (p *patient) alarms(ctx context.Context) Check {
	if len(p.Site.Alarms) == 0 {
		return unknown("starburst doctor --stack NAME knows them", "the stack's alarms are not known")
	}
	out, err := p.Alarms.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: p.Site.Alarms})
	if err != nil {
		return failed(err)
	}
	rings := map[string]error{}
	for _, a := range out.MetricAlarms {
		rings[aws.ToString(a.AlarmName)] = nil
		if a.StateValue == cwtypes.StateValueAlarm {
			rings[aws.ToString(a.AlarmName)] = errors.New(aws.ToString(a.StateReason))
		}
	}
	for _, name := range p.Site.Alarms {
		why, there := rings[name]
		switch {
		case !there:
			return bad("terraform apply", "there is no alarm %s", name)
		case why != nil:
			return bad("docs/operations.md has what to do about each alarm", "alarm %s rings: %v", name, why)
		}
	}
	return ok("%d alarms, none rings", len(p.Site.Alarms))
}
