package ecs

import (
	"cmp"
	"time"
)

type clusterView struct {
	ARN       string         `json:"clusterArn"`
	Name      string         `json:"clusterName"`
	Status    string         `json:"status"`
	Instances int            `json:"registeredContainerInstancesCount"`
	Running   int            `json:"runningTasksCount"`
	Pending   int            `json:"pendingTasksCount"`
	Services  int            `json:"activeServicesCount"`
	Providers []string       `json:"capacityProviders"`
	Strategy  []strategyItem `json:"defaultCapacityProviderStrategy"`
	Tags      []tag          `json:"tags"`
}

func (st *state) viewCluster(c *cluster) clusterView {
	v := clusterView{
		ARN: st.clusterARN(c.Name), Name: c.Name, Status: statusActive,
		Providers: c.Providers, Strategy: c.Strategy, Tags: c.Tags,
	}
	for _, t := range st.tasks {
		if t.Cluster != c.Name {
			continue
		}
		switch t.Last {
		case statusRunning:
			v.Running++
		case statusPending:
			v.Pending++
		}
	}
	for k, s := range st.services {
		if k.Cluster == c.Name && s.Status == statusActive {
			v.Services++
		}
	}
	return v
}

type createClusterInput struct {
	Name      string         `json:"clusterName"`
	Providers []string       `json:"capacityProviders"`
	Strategy  []strategyItem `json:"defaultCapacityProviderStrategy"`
	Tags      []tag          `json:"tags"`
}

type clusterOutput struct {
	Cluster clusterView `json:"cluster"`
}

// createCluster is idempotent, as on AWS: an existing cluster is returned.
func (st *state) createCluster(in createClusterInput, _ time.Time) (clusterOutput, error) {
	name := cmp.Or(in.Name, "default")
	if !isName(name) {
		return clusterOutput{}, invalid("Invalid cluster name: 1 to 255 letters, digits, hyphens and underscores.")
	}
	for _, p := range in.Providers {
		if err := checkStrategy([]strategyItem{{Provider: p, Weight: 1}}); err != nil {
			return clusterOutput{}, err
		}
	}
	if err := cmp.Or(checkStrategy(in.Strategy), checkTags(in.Tags)); err != nil {
		return clusterOutput{}, err
	}
	c := st.clusters[name]
	if c == nil {
		c = &cluster{Name: name, Providers: in.Providers, Strategy: in.Strategy, Tags: in.Tags}
		st.clusters[name] = c
		st.touch(c.row())
	}
	return clusterOutput{st.viewCluster(c)}, nil
}

type describeClustersInput struct {
	Clusters []string `json:"clusters"`
}

type describeClustersOutput struct {
	Clusters []clusterView `json:"clusters"`
	Failures []failure     `json:"failures"`
}

func (st *state) describeClusters(in describeClustersInput, _ time.Time) (describeClustersOutput, error) {
	out := describeClustersOutput{Clusters: []clusterView{}, Failures: []failure{}}
	if len(in.Clusters) > 100 {
		return out, invalid("At most 100 clusters can be described in one call.")
	}
	if len(in.Clusters) == 0 {
		in.Clusters = []string{"default"}
	}
	for _, ref := range in.Clusters {
		c, err := st.cluster(ref)
		if err != nil {
			out.Failures = append(out.Failures, failure{ARN: st.clusterARN(lastSegment(ref)), Reason: reasonMissing})
			continue
		}
		out.Clusters = append(out.Clusters, st.viewCluster(c))
	}
	return out, nil
}

type listInput struct {
	MaxResults *int   `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

type listClustersOutput struct {
	ARNs      []string `json:"clusterArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

func (st *state) listClusters(in listInput, _ time.Time) (out listClustersOutput, err error) {
	arns := make([]string, 0, len(st.clusters))
	for name := range st.clusters {
		arns = append(arns, st.clusterARN(name))
	}
	out.ARNs, out.NextToken, err = pageOf(arns, in.MaxResults, in.NextToken)
	return out, err
}

type clusterInput struct {
	Cluster string `json:"cluster"`
}

func (st *state) deleteCluster(in clusterInput, _ time.Time) (clusterOutput, error) {
	if in.Cluster == "" {
		return clusterOutput{}, invalid("cluster is required.")
	}
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return clusterOutput{}, err
	}
	v := st.viewCluster(c)
	if v.Services > 0 {
		return clusterOutput{}, apiError("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
	}
	for _, t := range st.tasks {
		if t.Cluster == c.Name && t.Last != statusStopped {
			return clusterOutput{}, apiError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
		}
	}
	for k, s := range st.services {
		if k.Cluster == c.Name { // inactive: its history goes with the cluster
			delete(st.services, k)
			st.touch(s.row())
		}
	}
	delete(st.clusters, c.Name)
	st.touch(c.row())
	v.Status = statusInactive
	return clusterOutput{v}, nil
}
