package ecs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// isName reports whether s has 1 to 255 letters, digits, hyphens and underscores (API reference, clusterName, serviceName, family).
// Not a regular expression: one that counts to 255 takes each process of a program 0.6 ms of its start.
func isName(s string) bool {
	other := strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
	})
	return s != "" && len(s) <= 255 && other < 0
}

func (st *state) arn(resource string) string {
	return "arn:aws:ecs:" + st.opt.Region + ":" + st.opt.Account + ":" + resource
}

func (st *state) clusterARN(name string) string { return st.arn("cluster/" + name) }
func (st *state) serviceARN(k serviceKey) string {
	return st.arn("service/" + k.Cluster + "/" + k.Name)
}
func (st *state) taskARN(t *task) string { return st.arn("task/" + t.Cluster + "/" + t.ID) }
func (st *state) definitionARN(familyRevision string) string {
	return st.arn("task-definition/" + familyRevision)
}
func (st *state) containerARN(t *task) string {
	return st.arn("container/" + t.Cluster + "/" + t.ID + "/" + t.Container)
}

// resource returns the part of an ARN after the account, or ref itself when it
// is not an ARN: every reference may be given either way.
func resource(ref string) string {
	if !strings.HasPrefix(ref, "arn:") {
		return ref
	}
	parts := strings.SplitN(ref, ":", 6)
	return parts[len(parts)-1]
}

// lastSegment is the name in "name", "kind/name" and "kind/cluster/name".
func lastSegment(ref string) string {
	r := resource(ref)
	return r[strings.LastIndexByte(r, '/')+1:]
}

// cluster finds a cluster by name or ARN; "" is the cluster named default.
func (st *state) cluster(ref string) (*cluster, error) {
	name := lastSegment(ref)
	if ref == "" {
		name = "default"
	}
	if c := st.clusters[name]; c != nil {
		return c, nil
	}
	return nil, errClusterNotFound
}

// taskIn finds a task of a cluster by id or ARN.
func (st *state) taskIn(c *cluster, ref string) *task {
	if t := st.tasks[lastSegment(ref)]; t != nil && t.Cluster == c.Name {
		return t
	}
	return nil
}

// definition finds a definition by "family" (its latest active revision),
// "family:revision" or ARN.
func (st *state) definition(ref string) (*definition, error) {
	family, revision, has := strings.Cut(strings.TrimPrefix(resource(ref), "task-definition/"), ":")
	all := st.families[family]
	if !has {
		for _, d := range slices.Backward(all) {
			if d.Status == statusActive {
				return d, nil
			}
		}
		return nil, clientError("Unable to describe task definition.")
	}
	n, err := strconv.Atoi(revision)
	if err != nil || n < 1 || n > len(all) {
		return nil, clientError("Unable to describe task definition.")
	}
	return all[n-1], nil
}

func (d *definition) id() string { return fmt.Sprintf("%s:%d", d.Family, d.Revision) }
