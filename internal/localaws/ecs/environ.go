package ecs

import (
	"slices"
	"strings"
)

// Variables that ECS gives to a task.
const (
	metadataVariable = "ECS_CONTAINER_METADATA_URI_V4"
	agentVariable    = "ECS_AGENT_URI"
)

// environment is what a task's process gets; later entries win: what it
// inherits, what the platform provides (on AWS: region, credentials, agent; here
// also where the endpoint is), what the definition says, RunTask's overrides.
func (st *state) environment(t *task, d *definition) []string {
	env := inherited(st.opt.Environ)
	env = append(env,
		"AWS_ENDPOINT_URL="+st.opt.BaseURL,
		"AWS_REGION="+st.opt.Region,
		"AWS_DEFAULT_REGION="+st.opt.Region,
		// Dummies, so that a task can never reach a real account by mistake.
		"AWS_ACCESS_KEY_ID=local",
		"AWS_SECRET_ACCESS_KEY=local",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_EXECUTION_ENV=AWS_ECS_FARGATE",
	)
	for _, v := range slices.Concat(d.Run.Environment, t.Overrides.Environment) {
		env = append(env, v.Name+"="+v.Value)
	}
	// Last: nobody may point a task at another's agent, and findTasks relies on it.
	env = append(env, st.metadataEntry(t), agentVariable+"="+st.agentURI(t))
	return lastWins(env)
}

func (st *state) agentURI(t *task) string { return st.opt.BaseURL + AgentPath + t.ID }

func (st *state) metadataEntry(t *task) string {
	return metadataVariable + "=" + st.agentURI(t) + "/v4"
}

// inherited takes out what configures the endpoint's owner.
func inherited(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		for _, prefix := range []string{"AWS_", "ECS_", "STARBURST_"} {
			if strings.HasPrefix(entry, prefix) {
				return true
			}
		}
		return false
	})
}

// lastWins keeps the last entry of each name. With two, programs disagree which
// one counts.
func lastWins(env []string) []string {
	last := make(map[string]int, len(env))
	for i, e := range env {
		name, _, _ := strings.Cut(e, "=")
		last[name] = i
	}
	out := make([]string, 0, len(last))
	for i, e := range env {
		if name, _, _ := strings.Cut(e, "="); last[name] == i {
			out = append(out, e)
		}
	}
	return out
}

func lookupEnv(env []string, name string) string {
	for _, e := range env {
		if n, value, _ := strings.Cut(e, "="); n == name {
			return value
		}
	}
	return ""
}
