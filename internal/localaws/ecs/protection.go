package ecs

import "time"

// Protection lasts 1 to 2,880 minutes, 120 when not given (API reference,
// UpdateTaskProtection).
const (
	defaultProtectionMinutes = 120
	maxProtectionMinutes     = 2880
)

type protectedTask struct {
	ARN     string `json:"taskArn"`
	Enabled bool   `json:"protectionEnabled"`
	Until   *epoch `json:"expirationDate,omitempty"`
}

type protectionOutput struct {
	Tasks    []protectedTask `json:"protectedTasks"`
	Failures []failure       `json:"failures"`
}

type updateProtectionInput struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
	Enabled *bool    `json:"protectionEnabled"`
	Minutes *int     `json:"expiresInMinutes"`
}

func (st *state) updateProtection(in updateProtectionInput, now time.Time) (out protectionOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	if n := len(in.Tasks); n == 0 || n > 10 {
		return out, invalid("tasks must name 1 to 10 tasks; it names %d.", n)
	}
	if in.Enabled == nil {
		return out, invalid("protectionEnabled is required.")
	}
	minutes := defaultProtectionMinutes
	if in.Minutes != nil {
		minutes = *in.Minutes
	}
	if minutes < 1 || minutes > maxProtectionMinutes {
		return out, invalid("expiresInMinutes must be 1 to %d.", maxProtectionMinutes)
	}
	out = protectionOutput{[]protectedTask{}, []failure{}}
	for _, ref := range in.Tasks {
		t, f := st.protectable(c, ref)
		if f != nil {
			out.Failures = append(out.Failures, *f)
			continue
		}
		t.ProtectedTill = time.Time{}
		if *in.Enabled {
			t.ProtectedTill = now.Add(time.Duration(minutes) * time.Minute)
		}
		st.touch(t.row())
		out.Tasks = append(out.Tasks, st.viewProtection(t, now))
	}
	return out, nil
}

type getProtectionInput struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
}

func (st *state) getProtection(in getProtectionInput, now time.Time) (out protectionOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	if len(in.Tasks) > 100 {
		return out, invalid("tasks must name at most 100 tasks; it names %d.", len(in.Tasks))
	}
	out = protectionOutput{[]protectedTask{}, []failure{}}
	for _, ref := range in.Tasks {
		t, f := st.protectable(c, ref)
		if f != nil {
			out.Failures = append(out.Failures, *f)
			continue
		}
		out.Tasks = append(out.Tasks, st.viewProtection(t, now))
	}
	return out, nil
}

// protectable finds a task that can be protected: a running one of a service.
func (st *state) protectable(c *cluster, ref string) (*task, *failure) {
	t := st.taskIn(c, ref)
	if t == nil {
		return nil, &failure{ARN: st.arn("task/" + c.Name + "/" + lastSegment(ref)), Reason: reasonMissing}
	}
	switch {
	case t.Service == "":
		return nil, &failure{st.taskARN(t), "TASK_NOT_VALID", "The task does not belong to a service."}
	case t.Desired == statusStopped:
		// It may be too late to protect it: the SIGTERM is on its way.
		return nil, &failure{st.taskARN(t), "TASK_NOT_VALID", "The task is stopping."}
	}
	return t, nil
}

func (st *state) viewProtection(t *task, now time.Time) protectedTask {
	v := protectedTask{ARN: st.taskARN(t)}
	if t.protected(now) {
		v.Enabled, v.Until = true, &epoch{t.ProtectedTill}
	}
	return v
}
