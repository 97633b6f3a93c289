package dynamodb

import (
	"context"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// The operations about a table's surroundings: tags, backups, limits, endpoints.

const maxTags = 50

type tagResourceInput struct {
	ResourceArn string
	Tags        []tag
}

type nothing struct{}

// resource finds the table of an ARN.
func (s *Service) resource(arn string) (*table, *definition, error) {
	name := nameOfARN(arn)
	if name == arn || arn != s.arn(name) {
		return nil, nil, invalid("Invalid TableArn: Invalid ResourceArn provided as input %s", arn)
	}
	t, d, err := s.table(name)
	if err != nil {
		err = awsjson.Errorf("ResourceNotFoundException", "Requested resource not found: ResourcArn: %s not found", arn)
	}
	return t, d, err
}

func (s *Service) tagResource(ctx context.Context, in *tagResourceInput) (*nothing, error) {
	t, _, err := s.resource(in.ResourceArn)
	if err != nil {
		return nil, translate(err)
	}
	_, err = s.change(ctx, t, func(d *definition) error {
		for _, g := range in.Tags {
			if strings.HasPrefix(strings.ToLower(g.Key), "aws:") || g.Key == "" {
				return invalid("One or more parameter values were invalid: Tag key %q is not allowed", g.Key)
			}
			d.Tags = slices.DeleteFunc(d.Tags, func(o tag) bool { return o.Key == g.Key })
			d.Tags = append(d.Tags, g)
		}
		if len(d.Tags) > maxTags {
			return invalid("One or more parameter values were invalid: The number of tags exceeds the limit of %d", maxTags)
		}
		return nil
	})
	return nil, translate(err)
}

type untagResourceInput struct {
	ResourceArn string
	TagKeys     []string
}

func (s *Service) untagResource(ctx context.Context, in *untagResourceInput) (*nothing, error) {
	t, _, err := s.resource(in.ResourceArn)
	if err != nil {
		return nil, translate(err)
	}
	_, err = s.change(ctx, t, func(d *definition) error {
		d.Tags = slices.DeleteFunc(d.Tags, func(o tag) bool { return slices.Contains(in.TagKeys, o.Key) })
		return nil
	})
	return nil, translate(err)
}

type listTagsInput struct{ ResourceArn string }

type listTagsOutput struct{ Tags []tag }

func (s *Service) listTagsOfResource(_ context.Context, in *listTagsInput) (*listTagsOutput, error) {
	_, d, err := s.resource(in.ResourceArn)
	if err != nil {
		return nil, translate(err)
	}
	return &listTagsOutput{append([]tag{}, d.Tags...)}, nil
}

type recoverySpecification struct {
	PointInTimeRecoveryEnabled bool
}

type updateBackupsInput struct {
	TableName                        string
	PointInTimeRecoverySpecification *recoverySpecification
}

type backupsOutput struct {
	ContinuousBackupsDescription backups
}

type backups struct {
	ContinuousBackupsStatus        string
	PointInTimeRecoveryDescription recovery
}

type recovery struct {
	PointInTimeRecoveryStatus  string
	RecoveryPeriodInDays       int     `json:",omitempty"`
	EarliestRestorableDateTime float64 `json:",omitempty"`
	LatestRestorableDateTime   float64 `json:",omitempty"`
}

// updateContinuousBackups stores and shows the setting; there is nothing here to restore from.
func (s *Service) updateContinuousBackups(ctx context.Context, in *updateBackupsInput) (*backupsOutput, error) {
	t, _, err := s.table(nameOfARN(in.TableName))
	if err != nil {
		return nil, translate(err)
	}
	spec := in.PointInTimeRecoverySpecification
	if spec == nil {
		return nil, translate(invalid("PointInTimeRecoverySpecification is required"))
	}
	d, err := s.change(ctx, t, func(d *definition) error {
		switch {
		case !spec.PointInTimeRecoveryEnabled:
			d.Recovery = 0
		case d.Recovery == 0:
			d.Recovery = s.now()
		}
		return nil
	})
	if err != nil {
		return nil, translate(err)
	}
	return s.backups(d), nil
}

func (s *Service) describeContinuousBackups(_ context.Context, in *nameInput) (*backupsOutput, error) {
	_, d, err := s.table(nameOfARN(in.TableName))
	if err != nil {
		return nil, translate(err)
	}
	return s.backups(d), nil
}

func (s *Service) backups(d *definition) *backupsOutput {
	out := &backupsOutput{backups{"ENABLED", recovery{PointInTimeRecoveryStatus: "DISABLED"}}}
	if d.Recovery > 0 {
		out.ContinuousBackupsDescription.PointInTimeRecoveryDescription = recovery{"ENABLED", 35, d.Recovery, s.now()}
	}
	return out
}

type limitsOutput struct {
	AccountMaxReadCapacityUnits, AccountMaxWriteCapacityUnits int64
	TableMaxReadCapacityUnits, TableMaxWriteCapacityUnits     int64
}

// describeLimits gives AWS's default quotas; nothing here throttles.
func (s *Service) describeLimits(context.Context, *nothing) (*limitsOutput, error) {
	return &limitsOutput{80_000, 80_000, 40_000, 40_000}, nil
}

// describeEndpoints names the address the request came to, so that endpoint discovery stays here.
func (s *Service) describeEndpoints(_ context.Context, r *awsjson.Request) (any, error) {
	type address struct {
		Address              string
		CachePeriodInMinutes int64
	}
	return struct{ Endpoints []address }{[]address{{r.HTTP.Host, 1440}}}, nil
}
