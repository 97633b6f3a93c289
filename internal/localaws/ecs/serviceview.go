package ecs

import (
	"encoding/json"
	"time"
)

type serviceView struct {
	ARN         string           `json:"serviceArn"`
	Name        string           `json:"serviceName"`
	ClusterARN  string           `json:"clusterArn"`
	Status      string           `json:"status"`
	Desired     int              `json:"desiredCount"`
	Running     int              `json:"runningCount"`
	Pending     int              `json:"pendingCount"`
	LaunchType  string           `json:"launchType,omitempty"`
	Strategy    []strategyItem   `json:"capacityProviderStrategy,omitempty"`
	Platform    string           `json:"platformFamily"`
	Definition  string           `json:"taskDefinition"`
	Scheduling  string           `json:"schedulingStrategy"`
	Deployments []deploymentView `json:"deployments"`
	Events      []eventView      `json:"events"`
	CreatedAt   epoch            `json:"createdAt"`
	Tags        []tag            `json:"tags,omitempty"`
}

type deploymentView struct {
	ID          string         `json:"id"`
	Status      string         `json:"status"`
	Definition  string         `json:"taskDefinition"`
	Desired     int            `json:"desiredCount"`
	Running     int            `json:"runningCount"`
	Pending     int            `json:"pendingCount"`
	Failed      int            `json:"failedTasks"`
	LaunchType  string         `json:"launchType,omitempty"`
	Strategy    []strategyItem `json:"capacityProviderStrategy,omitempty"`
	CreatedAt   epoch          `json:"createdAt"`
	UpdatedAt   epoch          `json:"updatedAt"`
	RolloutName string         `json:"rolloutState"`
	RolloutWhy  string         `json:"rolloutStateReason"`
}

type eventView struct {
	ID        string `json:"id"`
	CreatedAt epoch  `json:"createdAt"`
	Message   string `json:"message"`
}

func (st *state) viewService(v *ecsService, tags bool) (json.RawMessage, error) {
	p := v.primary()
	view := serviceView{
		ARN: st.serviceARN(v.key()), Name: v.Name, ClusterARN: st.clusterARN(v.Cluster), Status: v.Status,
		Desired: v.Desired, LaunchType: p.LaunchType, Strategy: p.Strategy, Platform: "Linux",
		Definition: st.definitionARN(p.Definition), Scheduling: "REPLICA", CreatedAt: epoch{v.CreatedAt},
		Deployments: []deploymentView{}, Events: []eventView{},
	}
	if tags {
		view.Tags = v.Tags
	}
	for i, d := range v.Deployments {
		view.Deployments = append(view.Deployments, st.viewDeployment(v, d, i == 0))
	}
	for _, t := range st.tasks {
		if t.Cluster != v.Cluster || t.Service != v.Name {
			continue
		}
		running, pending := t.counts()
		view.Running += running
		view.Pending += pending
		for i := range v.Deployments {
			if v.Deployments[i].ID == t.Deployment {
				view.Deployments[i].Running += running
				view.Deployments[i].Pending += pending
			}
		}
	}
	for _, e := range v.Events {
		view.Events = append(view.Events, eventView{e.ID, epoch{e.CreatedAt}, e.Message})
	}
	return v.Echo.with(view)
}

func (st *state) viewDeployment(v *ecsService, d deployment, primary bool) deploymentView {
	view := deploymentView{
		ID: d.ID, Status: statusActive, Definition: st.definitionARN(d.Definition), Failed: d.Failed,
		LaunchType: d.LaunchType, Strategy: d.Strategy, CreatedAt: epoch{d.CreatedAt}, UpdatedAt: epoch{d.UpdatedAt},
		RolloutName: "IN_PROGRESS", RolloutWhy: "ECS deployment " + d.ID + " in progress.",
	}
	if primary {
		view.Status, view.Desired = "PRIMARY", v.Desired
	}
	if d.Completed {
		view.RolloutName, view.RolloutWhy = "COMPLETED", "ECS deployment "+d.ID+" completed."
	}
	return view
}

// counts says how a task counts as running or pending. One that is being
// stopped counts as neither.
func (t *task) counts() (running, pending int) {
	switch {
	case !t.active():
		return 0, 0
	case t.Last == statusRunning:
		return 1, 0
	default:
		return 0, 1
	}
}

// settled reports whether the service has what it wants and nothing is under way.
func (st *state) settled(v *ecsService) bool {
	running := 0
	for _, t := range st.tasks {
		if t.Cluster != v.Cluster || t.Service != v.Name || t.Last == statusStopped {
			continue
		}
		if t.Last != statusRunning || t.Deployment != v.primary().ID {
			return false
		}
		running++
	}
	return running == v.Desired
}

// settle notes what has come to rest: a finished deployment, the steady state,
// the end of a deleted service.
func (st *state) settle(v *ecsService, now time.Time) {
	if v.Steady || v.Status == statusInactive || !st.settled(v) {
		return
	}
	v.Steady = true
	st.touch(v.row())
	if v.Status == statusDraining {
		v.Status = statusInactive
		return
	}
	if v.Deployments = v.Deployments[:1]; !v.primary().Completed {
		v.primary().Completed = true
		st.note(v, now, "(service "+v.Name+") (deployment "+v.primary().ID+") deployment completed.")
	}
	st.note(v, now, "(service "+v.Name+") has reached a steady state.")
}
