//go:build unix

package ecs

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 0)
	service, nowhere := aws.String("worker"), aws.String("nowhere")
	run := func(change func(*containerDefinition), task func(*sdk.RegisterTaskDefinitionInput)) error {
		c := containerDefinition{Name: aws.String("main"), Command: []string{"true"}}
		if change != nil {
			change(&c)
		}
		in := &sdk.RegisterTaskDefinitionInput{Family: aws.String("refused"), ContainerDefinitions: []types.ContainerDefinition{c}}
		if task != nil {
			task(in)
		}
		_, err := l.RegisterTaskDefinition(t.Context(), in)
		return err
	}
	create := func(change func(*sdk.CreateServiceInput)) error {
		in := &sdk.CreateServiceInput{ServiceName: aws.String("other"), TaskDefinition: service, DesiredCount: aws.Int32(0)}
		change(in)
		_, err := l.CreateService(t.Context(), in)
		return err
	}
	cases := []struct {
		name string
		err  error
		want string // in "code: message"
	}{
		{"a cluster that does not exist", second(l.ListTasks(t.Context(), &sdk.ListTasksInput{Cluster: nowhere})), "ClusterNotFoundException: Cluster not found."},
		{"a service that does not exist", second(l.UpdateService(t.Context(), &sdk.UpdateServiceInput{Service: nowhere})), "ServiceNotFoundException"},
		{"a task that does not exist", second(l.StopTask(t.Context(), &sdk.StopTaskInput{Task: nowhere})), "InvalidParameterException: The referenced task"},
		{"a definition that does not exist", second(l.DescribeTaskDefinition(t.Context(), &sdk.DescribeTaskDefinitionInput{TaskDefinition: nowhere})), "ClientException: Unable to describe"},
		{"a revision that does not exist", second(l.DescribeTaskDefinition(t.Context(), &sdk.DescribeTaskDefinitionInput{TaskDefinition: aws.String("worker:7")})), "ClientException"},
		{"a service of an unknown definition", create(func(in *sdk.CreateServiceInput) { in.TaskDefinition = nowhere }), "ClientException: TaskDefinition not found."},
		{"a second service of the same name", create(func(in *sdk.CreateServiceInput) { in.ServiceName = service }), "InvalidParameterException: Creation of service was not idempotent."},
		{"a negative count", create(func(in *sdk.CreateServiceInput) { in.DesiredCount = aws.Int32(-1) }), "InvalidParameterException: desiredCount"},
		{"more than the quota", create(func(in *sdk.CreateServiceInput) { in.DesiredCount = aws.Int32(5001) }), "desiredCount must be 0 to 5000"},
		{"EC2", create(func(in *sdk.CreateServiceInput) { in.LaunchType = types.LaunchTypeEc2 }), "launchType EC2 is not supported"},
		{"an unknown capacity provider", create(func(in *sdk.CreateServiceInput) {
			in.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: nowhere, Weight: 1}}
		}), "capacity provider nowhere was not found"},
		{"a load balancer", create(func(in *sdk.CreateServiceInput) {
			in.LoadBalancers = []types.LoadBalancer{{ContainerName: aws.String("main")}}
		}), "loadBalancers is not supported"},
		{"a name with a blank", create(func(in *sdk.CreateServiceInput) { in.ServiceName = aws.String("a b") }), "Invalid service name"},
		{"a daemon", create(func(in *sdk.CreateServiceInput) { in.SchedulingStrategy = types.SchedulingStrategyDaemon }), "DAEMON is not supported"},
		{"a container without a command", run(func(c *containerDefinition) { c.Command = nil }, nil), "neither entryPoint nor command"},
		{"secrets", run(func(c *containerDefinition) {
			c.Secrets = []types.Secret{{Name: aws.String("a"), ValueFrom: aws.String("b")}}
		}, nil), "secrets is not supported"},
		{"a stop timeout that Fargate refuses", run(func(c *containerDefinition) { c.StopTimeout = aws.Int32(121) }, nil), "stopTimeout must be 0 to 120"},
		{"no environment variable", run(func(c *containerDefinition) {
			c.Environment = []types.KeyValuePair{{Name: aws.String("a=b"), Value: aws.String("c")}}
		}, nil), `"a=b" is not an environment variable`},
		{"two containers", run(nil, func(in *sdk.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions = append(in.ContainerDefinitions, in.ContainerDefinitions[0])
		}), "exactly one container"},
		{"a size that Fargate does not have", run(nil, func(in *sdk.RegisterTaskDefinitionInput) { in.Cpu, in.Memory = aws.String("256"), aws.String("8192") }), "No Fargate configuration exists"},
		{"volumes", run(nil, func(in *sdk.RegisterTaskDefinitionInput) { in.Volumes = []types.Volume{{Name: aws.String("v")}} }), "volumes is not supported"},
		{"deleting a cluster that is in use", second(l.DeleteCluster(t.Context(), &sdk.DeleteClusterInput{Cluster: aws.String("default")})), "ClusterContainsServicesException"},
		{"too many results", second(l.ListTasks(t.Context(), &sdk.ListTasksInput{MaxResults: aws.Int32(101)})), "maxResults must be between 1 and 100"},
		{"more services than one call may name", second(l.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Services: make([]string, 11)})), "services must name 1 to 10"},
		{"protection for longer than two days", second(l.UpdateTaskProtection(t.Context(), &sdk.UpdateTaskProtectionInput{
			Cluster: aws.String("default"), Tasks: []string{"x"}, ExpiresInMinutes: aws.Int32(2881)})), "expiresInMinutes must be 1 to 2880"},
		{"tags of nothing", second(l.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:ecs:r:a:service/default/none")})), "InvalidParameterException: The specified resource"},
		{"an operation that is not there is named", second(l.ListAccountSettings(t.Context(), &sdk.ListAccountSettingsInput{})), "ListAccountSettings is not supported"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var api smithy.APIError
			if !errors.As(tc.err, &api) {
				t.Fatalf("not an API error: %v", tc.err)
			}
			if got := api.ErrorCode() + ": " + api.ErrorMessage(); !strings.Contains(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	if v := (*types.ClusterNotFoundException)(nil); !errors.As(cases[0].err, &v) {
		t.Errorf("not typed: %v", cases[0].err)
	}
	if v := (*types.ServiceNotFoundException)(nil); !errors.As(cases[1].err, &v) {
		t.Errorf("not typed: %v", cases[1].err)
	}
	if v := (*types.InvalidParameterException)(nil); !errors.As(cases[2].err, &v) {
		t.Errorf("not typed: %v", cases[2].err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestDefinitions(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	in := &sdk.RegisterTaskDefinitionInput{
		Family: aws.String("f"), Cpu: aws.String(".25 vCPU"), Memory: aws.String("0.5GB"), ExecutionRoleArn: aws.String("arn:role"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate}, NetworkMode: types.NetworkModeAwsvpc,
		RuntimePlatform: &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureArm64, OperatingSystemFamily: types.OSFamilyLinux},
		Tags:            []types.Tag{{Key: aws.String("owner"), Value: aws.String("me")}},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("main"), Image: aws.String("repo/image:1"), Command: []string{"work"}, Essential: aws.Bool(true),
			LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "g"}},
		}},
	}
	first := must[*sdk.RegisterTaskDefinitionOutput](t)(l.RegisterTaskDefinition(t.Context(), in))
	want := &types.TaskDefinition{
		TaskDefinitionArn: aws.String("arn:aws:ecs:us-east-1:000000000000:task-definition/f:1"), Family: in.Family, Revision: 1,
		Status: types.TaskDefinitionStatusActive, Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: in.ExecutionRoleArn,
		RequiresCompatibilities: in.RequiresCompatibilities, Compatibilities: []types.Compatibility{types.CompatibilityFargate},
		NetworkMode: in.NetworkMode, RuntimePlatform: in.RuntimePlatform, ContainerDefinitions: in.ContainerDefinitions,
	}
	ignore := cmp.Options{cmpopts.IgnoreFields(types.TaskDefinition{}, "RegisteredAt"), cmpopts.IgnoreUnexported(types.TaskDefinition{},
		types.RuntimePlatform{}, types.ContainerDefinition{}, types.LogConfiguration{}, types.Tag{})}
	if diff := cmp.Diff(want, first.TaskDefinition, ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	must[*sdk.RegisterTaskDefinitionOutput](t)(l.RegisterTaskDefinition(t.Context(), in))
	must[*sdk.DeregisterTaskDefinitionOutput](t)(l.DeregisterTaskDefinition(t.Context(), &sdk.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("f:2")}))
	latest := must[*sdk.DescribeTaskDefinitionOutput](t)(l.DescribeTaskDefinition(t.Context(), &sdk.DescribeTaskDefinitionInput{
		TaskDefinition: aws.String("f"), Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	}))
	if latest.TaskDefinition.Revision != 1 || cmp.Diff(in.Tags, latest.Tags, ignore) != "" {
		t.Errorf("the latest active one: revision %d, tags %v", latest.TaskDefinition.Revision, latest.Tags)
	}
	for status, want := range map[types.TaskDefinitionStatus]string{types.TaskDefinitionStatusActive: "f:1", types.TaskDefinitionStatusInactive: "f:2"} {
		list := must[*sdk.ListTaskDefinitionsOutput](t)(l.ListTaskDefinitions(t.Context(), &sdk.ListTaskDefinitionsInput{FamilyPrefix: in.Family, Status: status}))
		if len(list.TaskDefinitionArns) != 1 || lastSegment(list.TaskDefinitionArns[0]) != want {
			t.Errorf("%s: %v", status, list.TaskDefinitionArns)
		}
	}
}

func TestListsArePagedAndFiltered(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 5)
	l.counts(t, "worker", 5)
	var arns []string
	pages := sdk.NewListTasksPaginator(l, &sdk.ListTasksInput{ServiceName: aws.String("worker"), MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page := must[*sdk.ListTasksOutput](t)(pages.NextPage(t.Context()))
		if len(page.TaskArns) > 2 {
			t.Errorf("a page of %d", len(page.TaskArns))
		}
		arns = append(arns, page.TaskArns...)
	}
	if slices.Sort(arns); len(slices.Compact(arns)) != 5 {
		t.Errorf("%d different tasks on the pages: %v", len(arns), arns)
	}
	for _, in := range []*sdk.ListTasksInput{{Family: aws.String("other")}, {StartedBy: aws.String("me")}, {DesiredStatus: types.DesiredStatusStopped}} {
		if out := must[*sdk.ListTasksOutput](t)(l.ListTasks(t.Context(), in)); len(out.TaskArns) != 0 {
			t.Errorf("%+v finds %v", in, out.TaskArns)
		}
	}
	out := must[*sdk.DescribeTasksOutput](t)(l.DescribeTasks(t.Context(), &sdk.DescribeTasksInput{Tasks: []string{arns[0], "gone"}}))
	if len(out.Tasks) != 1 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("tasks %v, failures %v", len(out.Tasks), out.Failures)
	}
}

func TestStrategySpreadsTasks(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.define(t, "worker", nil)
	must[*sdk.CreateServiceOutput](t)(l.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName: aws.String("worker"), TaskDefinition: aws.String("worker"), DesiredCount: aws.Int32(4),
		CapacityProviderStrategy: []types.CapacityProviderStrategyItem{
			{CapacityProvider: aws.String("FARGATE"), Base: 1, Weight: 1}, {CapacityProvider: aws.String("FARGATE_SPOT"), Weight: 2},
		},
	}))
	l.counts(t, "worker", 4)
	n := map[string]int{}
	for _, task := range l.tasks(t, "RUNNING") {
		n[aws.ToString(task.CapacityProviderName)]++
		if *task.Cpu != "1024" || *task.Memory != "2048" {
			t.Errorf("size %s, %s", *task.Cpu, *task.Memory)
		}
	}
	if diff := cmp.Diff(map[string]int{"FARGATE": 2, "FARGATE_SPOT": 2}, n); diff != "" {
		t.Error(diff)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 0)
	arn := l.describe(t, "worker").ServiceArn
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	must[*sdk.TagResourceOutput](t)(l.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("a", "1"), tag("b", "2")}}))
	must[*sdk.TagResourceOutput](t)(l.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("a", "3")}}))
	must[*sdk.UntagResourceOutput](t)(l.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"b"}}))
	out := must[*sdk.ListTagsForResourceOutput](t)(l.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn}))
	if diff := cmp.Diff([]types.Tag{tag("a", "3")}, out.Tags, cmpopts.IgnoreUnexported(types.Tag{})); diff != "" {
		t.Error(diff)
	}
}

func TestScaleInSparesProtectedTasks(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	l.create(t, "worker", 3)
	l.counts(t, "worker", 3)
	arn := *l.tasks(t, "RUNNING")[0].TaskArn
	protect := func(on bool) {
		t.Helper()
		out := must[*sdk.UpdateTaskProtectionOutput](t)(l.UpdateTaskProtection(t.Context(), &sdk.UpdateTaskProtectionInput{
			Cluster: aws.String("default"), Tasks: []string{arn}, ProtectionEnabled: on,
		}))
		if len(out.Failures) > 0 || out.ProtectedTasks[0].ProtectionEnabled != on {
			t.Fatalf("%v %v", out.ProtectedTasks, out.Failures)
		}
	}
	protect(true)
	l.scale(t, "worker", 0)
	eventually(t, "the others are stopped", func() bool { return len(l.tasks(t, "STOPPED")) == 2 })
	if v := l.describe(t, "worker"); v.RunningCount != 1 || v.DesiredCount != 0 {
		t.Errorf("running %d, desired %d", v.RunningCount, v.DesiredCount)
	}
	get := must[*sdk.GetTaskProtectionOutput](t)(l.GetTaskProtection(t.Context(), &sdk.GetTaskProtectionInput{Cluster: aws.String("default"), Tasks: []string{arn}}))
	if left := time.Until(*get.ProtectedTasks[0].ExpirationDate); left < 119*time.Minute || left > 120*time.Minute {
		t.Errorf("protected for %v, want two hours", left)
	}
	protect(false)
	l.counts(t, "worker", 0)
}

func TestAgentAndEnvironment(t *testing.T) {
	t.Parallel()
	l := setup(t, func(o *Options) {
		o.Environ = append(os.Environ(), "AWS_PROFILE=production", "STARBURST_ROLE=endpoint", "ECS_X=y", "KEPT=yes", "TWICE=inherited")
	})
	l.define(t, "ask", func(c *containerDefinition) {
		c.Environment = append(c.Environment, types.KeyValuePair{Name: aws.String("TWICE"), Value: aws.String("defined")},
			types.KeyValuePair{Name: aws.String("AWS_REGION"), Value: aws.String("eu-north-1")},
			types.KeyValuePair{Name: aws.String(agentVariable), Value: aws.String("http://elsewhere")})
	})
	must[*sdk.CreateServiceOutput](t)(l.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName: aws.String("ask"), TaskDefinition: aws.String("ask"), DesiredCount: aws.Int32(1),
	}))
	var raw []byte
	eventually(t, "the task has asked", func() (ok bool) {
		var err error
		raw, err = os.ReadFile(filepath.Join(l.dir, "answers"))
		return err == nil
	})
	answers := strings.Split(string(raw), "\n---\n")
	var task taskMetadata
	body, ok := strings.CutPrefix(answers[0], "200 ")
	if err := json.Unmarshal([]byte(body), &task); err != nil || !ok {
		t.Fatalf("%v: %s", err, answers[0])
	}
	if task.Family != "ask" || task.Revision != "1" || task.Known != "RUNNING" || task.Limits == nil || *task.Limits != (metadataLimits{1, 2048}) ||
		task.LaunchType != "FARGATE" || task.Zone != "us-east-1a" || task.PullStarted == nil || task.PullStopped == nil || len(task.Containers) != 1 {
		t.Errorf("task metadata %s", body)
	}
	if !strings.Contains(answers[1], task.Containers[0].ID) || !strings.Contains(answers[1], `"com.amazonaws.ecs.task-arn":"`+task.TaskARN) {
		t.Errorf("container metadata %s", answers[1])
	}
	for i, want := range map[int]string{
		2: `"ProtectionEnabled":true,"TaskArn":"` + task.TaskARN, 3: `"ProtectionEnabled":true`,
		4: `400 {"error":{"Arn":"","Code":"InvalidParameterException"`, 5: "404 ",
	} {
		if !strings.Contains(answers[i], want) {
			t.Errorf("answer %d: %s\nwant %s", i, answers[i], want)
		}
	}
	env := strings.Split(answers[6], "\n")
	for name, want := range map[string]string{
		"AWS_ENDPOINT_URL": l.server.URL, "AWS_REGION": "eu-north-1", "AWS_ACCESS_KEY_ID": "local", "AWS_PROFILE": "", "STARBURST_ROLE": "",
		"ECS_X": "", "KEPT": "yes", "TWICE": "defined", agentVariable: l.server.URL + AgentPath + lastSegment(task.TaskARN),
	} {
		if got := lookupEnv(env, name); got != want {
			t.Errorf("%s=%q, want %q", name, got, want)
		}
	}
}

func TestStrangersGetNoAgent(t *testing.T) {
	t.Parallel()
	l := setup(t, nil)
	w := httptest.NewRecorder()
	l.service.ServeHTTP(w, httptest.NewRequest(http.MethodGet, AgentPath+hexID()+"/v4/task", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}
