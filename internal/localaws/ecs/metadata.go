package ecs

import "time"

// The task metadata endpoint version 4 and the agent's task protection, as the
// developer guide describes them for Fargate. A task reaches them under
// /ecs-agent/<task id>; the id is random, so it is the key as well.

type metadataLimits struct {
	CPU    float64 `json:"CPU,omitempty"`    // vCPU
	Memory int     `json:"Memory,omitempty"` // MiB
}

type taskMetadata struct {
	Cluster     string              `json:"Cluster"`
	ServiceName string              `json:"ServiceName,omitempty"`
	TaskARN     string              `json:"TaskARN"`
	Family      string              `json:"Family"`
	Revision    string              `json:"Revision"`
	Desired     string              `json:"DesiredStatus"`
	Known       string              `json:"KnownStatus"`
	Limits      *metadataLimits     `json:"Limits,omitempty"`
	PullStarted *time.Time          `json:"PullStartedAt,omitempty"`
	PullStopped *time.Time          `json:"PullStoppedAt,omitempty"`
	Zone        string              `json:"AvailabilityZone"`
	LaunchType  string              `json:"LaunchType"`
	Containers  []containerMetadata `json:"Containers"`
}

type containerMetadata struct {
	ID         string            `json:"DockerId"`
	Name       string            `json:"Name"`
	DockerName string            `json:"DockerName"`
	Image      string            `json:"Image,omitempty"`
	Labels     map[string]string `json:"Labels"`
	Desired    string            `json:"DesiredStatus"`
	Known      string            `json:"KnownStatus"`
	Limits     metadataLimits    `json:"Limits"`
	CreatedAt  *time.Time        `json:"CreatedAt,omitempty"`
	StartedAt  *time.Time        `json:"StartedAt,omitempty"`
	Type       string            `json:"Type"`
	ARN        string            `json:"ContainerARN"`
}

func (st *state) taskMetadata(t *task) taskMetadata {
	family, revision := cutLast(t.Definition, ":")
	m := taskMetadata{
		Cluster: st.clusterARN(t.Cluster), ServiceName: t.Service, TaskARN: st.taskARN(t), Family: family, Revision: revision,
		Desired: t.Desired, Known: t.Last, PullStarted: utc(t.CreatedAt), PullStopped: utc(t.PullStoppedAt),
		Zone: st.zone(), LaunchType: t.LaunchType, Containers: []containerMetadata{st.containerMetadata(t)},
	}
	if d, err := st.definition(t.Definition); err == nil && d.CPU > 0 {
		m.Limits = &metadataLimits{CPU: float64(d.CPU) / 1024, Memory: d.Memory}
	}
	return m
}

func (st *state) containerMetadata(t *task) containerMetadata {
	family, revision := cutLast(t.Definition, ":")
	c := containerMetadata{
		ID: t.runtimeID(), Desired: t.Desired, Known: t.Last, Type: "NORMAL", ARN: st.containerARN(t),
		CreatedAt: utc(t.PullStoppedAt), StartedAt: utc(t.StartedAt),
	}
	if d, err := st.definition(t.Definition); err == nil {
		c.Name, c.DockerName, c.Image = d.Run.Name, d.Run.Name, d.Run.Image
	}
	c.Labels = map[string]string{
		"com.amazonaws.ecs.cluster":                 st.clusterARN(t.Cluster),
		"com.amazonaws.ecs.container-name":          c.Name,
		"com.amazonaws.ecs.task-arn":                st.taskARN(t),
		"com.amazonaws.ecs.task-definition-family":  family,
		"com.amazonaws.ecs.task-definition-version": revision,
	}
	return c
}

func utc(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type agentProtectionInput struct {
	Enabled *bool `json:"ProtectionEnabled"`
	Minutes *int  `json:"ExpiresInMinutes"`
}

// agentProtection is the agent's answer: one of its members is set.
type agentProtection struct {
	Protection *agentProtected `json:"protection,omitempty"`
	Failure    *agentFailure   `json:"failure,omitempty"`
	RequestID  string          `json:"requestID,omitempty"`
	Error      *agentError     `json:"error,omitempty"`
}

type agentProtected struct {
	Until   *time.Time `json:"ExpirationDate"` // null when not protected
	Enabled bool       `json:"ProtectionEnabled"`
	ARN     string     `json:"TaskArn"`
}

type agentFailure struct {
	ARN    string  `json:"Arn"`
	Detail *string `json:"Detail"`
	Reason string  `json:"Reason"`
}

type agentError struct {
	ARN     string `json:"Arn"`
	Code    string `json:"Code"`
	Message string `json:"Message"`
}

// agentAnswer turns the API's answer for one task into the agent's.
func agentAnswer(out protectionOutput) agentProtection {
	if len(out.Failures) > 0 {
		f := out.Failures[0]
		a := &agentFailure{ARN: f.ARN, Reason: f.Reason}
		if f.Detail != "" {
			a.Detail = &f.Detail
		}
		return agentProtection{Failure: a}
	}
	var p agentProtected
	for _, t := range out.Tasks {
		p = agentProtected{Enabled: t.Enabled, ARN: t.ARN}
		if t.Until != nil {
			p.Until = utc(t.Until.Truncate(time.Second))
		}
	}
	return agentProtection{Protection: &p}
}
