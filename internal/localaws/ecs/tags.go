package ecs

import (
	"slices"
	"strings"
	"time"
)

type tagResourceInput struct {
	ARN  string   `json:"resourceArn"`
	Tags []tag    `json:"tags"`
	Keys []string `json:"tagKeys"`
}

type noOutput struct{}

func (st *state) tagResource(in tagResourceInput, _ time.Time) (noOutput, error) {
	tags, row, err := st.tagsOf(in.ARN)
	if err != nil {
		return noOutput{}, err
	}
	merged := mergeTags(*tags, in.Tags)
	if err := checkTags(merged); err != nil {
		return noOutput{}, err
	}
	*tags = merged
	st.touch(row)
	return noOutput{}, nil
}

func (st *state) untagResource(in tagResourceInput, _ time.Time) (noOutput, error) {
	tags, row, err := st.tagsOf(in.ARN)
	if err != nil {
		return noOutput{}, err
	}
	*tags = slices.DeleteFunc(slices.Clone(*tags), func(t tag) bool { return slices.Contains(in.Keys, t.Key) })
	st.touch(row)
	return noOutput{}, nil
}

type listTagsOutput struct {
	Tags []tag `json:"tags"`
}

func (st *state) listTags(in tagResourceInput, _ time.Time) (listTagsOutput, error) {
	tags, _, err := st.tagsOf(in.ARN)
	if err != nil {
		return listTagsOutput{}, err
	}
	return listTagsOutput{append([]tag{}, *tags...)}, nil
}

// tagsOf finds the tags of a cluster, service, task or definition by its ARN.
func (st *state) tagsOf(arn string) (*[]tag, rowKey, error) {
	kind, _, _ := strings.Cut(resource(arn), "/")
	parts := strings.Split(resource(arn), "/")
	switch {
	case kind == "cluster" && len(parts) == 2:
		if c := st.clusters[parts[1]]; c != nil {
			return &c.Tags, c.row(), nil
		}
	case kind == "service" && len(parts) == 3:
		if v := st.services[serviceKey{parts[1], parts[2]}]; v != nil {
			return &v.Tags, v.row(), nil
		}
	case kind == "task" && len(parts) == 3:
		if t := st.tasks[parts[2]]; t != nil {
			return &t.Tags, t.row(), nil
		}
	case kind == "task-definition":
		if d, err := st.definition(arn); err == nil {
			return &d.Tags, d.row(), nil
		}
	default:
		return nil, rowKey{}, invalid("Invalid resourceArn %q.", arn)
	}
	return nil, rowKey{}, invalid("The specified resource was not found: %s.", arn)
}
