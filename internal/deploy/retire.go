package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// madeBy marks the revisions that a deploy has made, and not Terraform: only those may be taken away behind its back.
const (
	madeBy     = "starburst:made-by"
	madeByThis = "deploy"
)

// RetireECS is what retiring revisions needs; *ecs.Client has it.
type RetireECS interface {
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
	DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error)
}

var _ RetireECS = (*ecs.Client)(nil)

// Retire deregisters the revisions of the stack's task definition that deploys have made: terraform destroy knows only its
// own, and leaves those active. It is for stacks that are about to go. A service that has a retired revision keeps it, and
// can still be sized (ECS API reference, DeregisterTaskDefinition). What was retired is returned also with an error.
func Retire(ctx context.Context, api RetireECS, s Site) (retired []string, err error) {
	if s.Family == "" {
		return nil, errors.New("the stack's task definition is not known")
	}
	all, err := active(ctx, api, s.Family)
	if err != nil {
		return nil, err
	}
	for _, revision := range all {
		d, err := api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
		if err != nil {
			return retired, fmt.Errorf("read the task definition %s: %w", lastPart(revision), err)
		}
		if !slices.ContainsFunc(d.Tags, isOurs) {
			continue
		}
		if _, err := api.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &revision}); err != nil {
			return retired, fmt.Errorf("deregister the task definition %s: %w", lastPart(revision), err)
		}
		retired = append(retired, revision)
	}
	return retired, nil
}

// active are the active revisions of a family, the oldest first.
func active(ctx context.Context, api RetireECS, family string) ([]string, error) {
	var all []string
	in := &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family, Status: types.TaskDefinitionStatusActive}
	for {
		out, err := api.ListTaskDefinitions(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the revisions of task definition %s: %w", family, err)
		}
		all = append(all, out.TaskDefinitionArns...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all, nil
		}
	}
}

func isOurs(t types.Tag) bool {
	return aws.ToString(t.Key) == madeBy && aws.ToString(t.Value) == madeByThis
}

// marked are a revision's tags for the next one.
func marked(tags []types.Tag) []types.Tag {
	if slices.ContainsFunc(tags, isOurs) {
		return tags
	}
	return append(slices.Clone(tags), types.Tag{Key: aws.String(madeBy), Value: aws.String(madeByThis)})
}
