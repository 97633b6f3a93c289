package ecs

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
)

// overrides are RunTask's changes to the definition's container.
type overrides struct {
	Command     []string   `json:"command,omitempty"`
	Environment []variable `json:"environment,omitempty"`
}

// newTask adds a PENDING task of definition d.
func (st *state) newTask(cluster string, d *definition, now time.Time) *task {
	t := &task{
		ID: hexID(), Cluster: cluster, Definition: d.id(), Container: uuid.NewString(),
		Desired: statusRunning, Last: statusPending, CreatedAt: now, LaunchAt: now.Add(st.opt.StartupDelay),
	}
	st.tasks[t.ID] = t
	st.touch(t.row())
	return t
}

// stop asks for a task's end; plan sees to it. It keeps the first reason.
func (st *state) stop(t *task, code, reason string, now time.Time) {
	if t.Desired == statusStopped {
		return
	}
	t.Desired, t.StopCode, t.StoppedReason, t.StoppingAt = statusStopped, code, reason, now
	if t.Last == statusRunning {
		t.Last = statusStopping
	}
	st.touch(t.row())
	if v := st.serviceOf(t); v != nil {
		v.Steady = false
	}
}

// ended makes a task STOPPED. exit is nil when the exit code is unknown.
func (st *state) ended(t *task, exit *int, now time.Time) {
	t.Desired, t.Last, t.StoppedAt, t.ExitCode = statusStopped, statusStopped, now, exit
	if t.StoppingAt.IsZero() {
		t.StoppingAt = now
	}
	t.proc = nil
	st.touch(t.row())
	if v := st.serviceOf(t); v != nil {
		v.Steady = false
	}
}

func (st *state) serviceOf(t *task) *ecsService {
	if t.Service == "" {
		return nil
	}
	return st.services[serviceKey{t.Cluster, t.Service}]
}

type listTasksInput struct {
	listInput

	Cluster    string `json:"cluster"`
	Service    string `json:"serviceName"`
	Family     string `json:"family"`
	StartedBy  string `json:"startedBy"`
	Desired    string `json:"desiredStatus"`
	LaunchType string `json:"launchType"`
}

type listTasksOutput struct {
	ARNs      []string `json:"taskArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

func (st *state) listTasks(in listTasksInput, _ time.Time) (out listTasksOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	if in.Service != "" {
		if _, err := st.service(in.Cluster, in.Service); err != nil {
			return out, err
		}
		in.Service = lastSegment(in.Service)
	}
	in.Desired = cmp.Or(in.Desired, statusRunning)
	var arns []string
	for _, t := range st.tasks {
		family, _ := cutLast(t.Definition, ":")
		if t.Cluster == c.Name && t.Desired == in.Desired &&
			(in.Service == "" || t.Service == in.Service) &&
			(in.Family == "" || family == in.Family) &&
			(in.StartedBy == "" || t.StartedBy == in.StartedBy) &&
			(in.LaunchType == "" || t.LaunchType == in.LaunchType) {
			arns = append(arns, st.taskARN(t))
		}
	}
	out.ARNs, out.NextToken, err = pageOf(arns, in.MaxResults, in.NextToken)
	return out, err
}

type describeTasksInput struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
	Include []string `json:"include"`
}

type tasksOutput struct {
	Tasks    []taskView `json:"tasks"`
	Failures []failure  `json:"failures"`
}

func (st *state) describeTasks(in describeTasksInput, _ time.Time) (out tasksOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	if n := len(in.Tasks); n == 0 || n > 100 {
		return out, invalid("tasks must name 1 to 100 tasks; it names %d.", n)
	}
	out = tasksOutput{[]taskView{}, []failure{}}
	for _, ref := range in.Tasks {
		t := st.taskIn(c, ref)
		if t == nil {
			out.Failures = append(out.Failures, failure{ARN: st.arn("task/" + c.Name + "/" + lastSegment(ref)), Reason: reasonMissing})
			continue
		}
		out.Tasks = append(out.Tasks, st.viewTask(t, slices.Contains(in.Include, "TAGS")))
	}
	return out, nil
}

type stopTaskInput struct {
	Cluster string `json:"cluster"`
	Task    string `json:"task"`
	Reason  string `json:"reason"`
}

type taskOutput struct {
	Task taskView `json:"task"`
}

// stopTask stops a task, protected or not, as on AWS: protection is against
// scale-in and deployments only.
func (st *state) stopTask(in stopTaskInput, now time.Time) (out taskOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	t := st.taskIn(c, in.Task)
	if t == nil {
		return out, invalid("The referenced task was not found.")
	}
	if len(in.Reason) > 1024 {
		return out, invalid("reason must have at most 1,024 characters.")
	}
	if t.Last != statusStopped {
		st.stop(t, codeUser, cmp.Or(in.Reason, "Task stopped by user"), now)
	}
	return taskOutput{st.viewTask(t, true)}, nil
}

type runTaskInput struct {
	Cluster    string         `json:"cluster"`
	Definition string         `json:"taskDefinition"`
	Count      *int           `json:"count"`
	Group      string         `json:"group"`
	StartedBy  string         `json:"startedBy"`
	Token      string         `json:"clientToken"`
	LaunchType string         `json:"launchType"`
	Strategy   []strategyItem `json:"capacityProviderStrategy"`
	Overrides  struct {
		Containers []struct {
			overrides

			Name string `json:"name"`
		} `json:"containerOverrides"`
	} `json:"overrides"`
	Tags []tag `json:"tags"`
	raw  echo
}

func (in *runTaskInput) keepRaw(e echo) { in.raw = e }

func (st *state) runTask(in runTaskInput, now time.Time) (out tasksOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	count := 1
	if in.Count != nil {
		count = *in.Count
	}
	if count < 1 || count > 10 {
		return out, invalid("count must be 1 to 10.")
	}
	if err := cmp.Or(checkLaunchType(in.LaunchType), checkStrategy(in.Strategy), checkTags(in.Tags),
		in.raw.refuse("placementConstraints", "placementStrategy", "volumeConfigurations")); err != nil {
		return out, err
	}
	d, err := st.usable(in.Definition)
	if err != nil {
		return out, err
	}
	var over overrides
	for _, o := range in.Overrides.Containers {
		if o.Name != d.Run.Name {
			return out, invalid("Override for container named %s is not a container in the TaskDefinition.", o.Name)
		}
		over = o.overrides
	}
	out = tasksOutput{[]taskView{}, []failure{}}
	if same := st.startedWith(c, in.Token); len(same) > 0 {
		for _, t := range same {
			out.Tasks = append(out.Tasks, st.viewTask(t, true))
		}
		return out, nil
	}
	strategy := in.Strategy
	if in.LaunchType == "" && len(in.Strategy) == 0 {
		strategy = c.Strategy
	}
	var started []*task
	left := st.room(d)
	for range count {
		if why := left.take(st.place(strategy, started) == fargateSpot); why != "" && len(started) == 0 {
			return out, clientError(why + ".")
		} else if why != "" {
			out.Failures = append(out.Failures, failure{ARN: st.clusterARN(c.Name), Reason: why + "."})
			continue
		}
		t := st.newTask(c.Name, d, now)
		family, _ := cutLast(t.Definition, ":")
		t.Group, t.StartedBy, t.Token = cmp.Or(in.Group, "family:"+family), in.StartedBy, in.Token
		t.Overrides, t.Tags = over, in.Tags
		t.LaunchType, t.Provider = fargate, st.place(strategy, started)
		t.InterruptAt = st.interruptAt(t, now)
		started = append(started, t)
		out.Tasks = append(out.Tasks, st.viewTask(t, true))
	}
	return out, nil
}

// startedWith finds the tasks that a client token has started: RunTask with the
// same token starts nothing new. Unlike AWS, other parameters under the same
// token are not told apart.
func (st *state) startedWith(c *cluster, token string) (same []*task) {
	if token == "" {
		return nil
	}
	for _, t := range st.tasks {
		if t.Cluster == c.Name && t.Token == token {
			same = append(same, t)
		}
	}
	return same
}

// place chooses a capacity provider for one more task beside the existing ones:
// bases are filled first, then weights are kept ("" without a strategy).
func (st *state) place(strategy []strategyItem, existing []*task) string {
	if len(strategy) == 0 && st.opt.SpotByDefault {
		return fargateSpot
	}
	n := map[string]int{}
	for _, t := range existing {
		n[t.Provider]++
	}
	best, least := "", 0.0
	for _, s := range strategy {
		if n[s.Provider] < s.Base {
			return s.Provider
		}
		if s.Weight == 0 {
			continue
		}
		load := float64(n[s.Provider]-s.Base+1) / float64(s.Weight)
		if best == "" || load < least {
			best, least = s.Provider, load
		}
	}
	return best
}

type taskView struct {
	ARN           string          `json:"taskArn"`
	ClusterARN    string          `json:"clusterArn"`
	Definition    string          `json:"taskDefinitionArn"`
	Group         string          `json:"group"`
	StartedBy     string          `json:"startedBy,omitempty"`
	LaunchType    string          `json:"launchType"`
	Provider      string          `json:"capacityProviderName,omitempty"`
	Zone          string          `json:"availabilityZone"`
	CPU           string          `json:"cpu,omitempty"`
	Memory        string          `json:"memory,omitempty"`
	Platform      string          `json:"platformFamily"`
	Desired       string          `json:"desiredStatus"`
	Last          string          `json:"lastStatus"`
	CreatedAt     *epoch          `json:"createdAt,omitempty"`
	PullStartedAt *epoch          `json:"pullStartedAt,omitempty"`
	PullStoppedAt *epoch          `json:"pullStoppedAt,omitempty"`
	StartedAt     *epoch          `json:"startedAt,omitempty"`
	StoppingAt    *epoch          `json:"stoppingAt,omitempty"`
	EndedAt       *epoch          `json:"executionStoppedAt,omitempty"`
	StoppedAt     *epoch          `json:"stoppedAt,omitempty"`
	StopCode      string          `json:"stopCode,omitempty"`
	StoppedReason string          `json:"stoppedReason,omitempty"`
	Containers    []containerView `json:"containers"`
	Overrides     json.RawMessage `json:"overrides,omitempty"`
	Tags          []tag           `json:"tags,omitempty"`
}

type containerView struct {
	ARN      string `json:"containerArn"`
	TaskARN  string `json:"taskArn"`
	Name     string `json:"name"`
	Image    string `json:"image,omitempty"`
	Last     string `json:"lastStatus"`
	ExitCode *int   `json:"exitCode,omitempty"`
	Runtime  string `json:"runtimeId,omitempty"`
}
