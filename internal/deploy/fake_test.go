package deploy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/starburst-go/starburst/internal/awserr"
	"github.com/starburst-go/starburst/internal/deploy"
	"github.com/starburst-go/starburst/store"
)

// fakeECS has two services on one task definition, and shows what a test says of tasks and events.
type fakeECS struct {
	deploy.ECS
	definition types.TaskDefinition
	registered *ecs.RegisterTaskDefinitionInput
	updates    []string
	events     []types.ServiceEvent
	stopped    []types.Task
	refuse     string // the service whose update fails
}

func (f *fakeECS) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	out := &ecs.DescribeServicesOutput{}
	for _, n := range in.Services {
		out.Services = append(out.Services, types.Service{ServiceName: &n, Status: aws.String("ACTIVE"), TaskDefinition: f.definition.TaskDefinitionArn, Events: f.events})
	}
	return out, nil
}

func (f *fakeECS) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	d := f.definition
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &d, Tags: []types.Tag{{Key: aws.String("starburst:stack"), Value: aws.String("x")}}}, nil
}

func (f *fakeECS) RegisterTaskDefinition(_ context.Context, in *ecs.RegisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	f.registered = in
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{TaskDefinitionArn: aws.String("arn/x-worker:2")}}, nil
}

func (f *fakeECS) UpdateService(_ context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	text := *in.Service + "=" + aws.ToString(in.TaskDefinition)
	if in.DesiredCount != nil {
		text += " " + string('0'+*in.DesiredCount)
	}
	f.updates = append(f.updates, text)
	if *in.Service == f.refuse {
		f.refuse = ""
		return nil, errors.New("refused")
	}
	return &ecs.UpdateServiceOutput{}, nil
}

func (f *fakeECS) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	out := &ecs.ListTasksOutput{}
	if in.DesiredStatus == types.DesiredStatusStopped && *in.ServiceName == "x" {
		for _, t := range f.stopped {
			out.TaskArns = append(out.TaskArns, *t.TaskArn)
		}
	}
	return out, nil
}

func (f *fakeECS) DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	return &ecs.DescribeTasksOutput{Tasks: f.stopped}, nil
}

type fakeLedgers struct {
	mu  sync.Mutex
	all []store.Ledger // guarded by mu
}

func (f *fakeLedgers) Ledgers(context.Context, string) ([]store.Ledger, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all), nil
}

func (f *fakeLedgers) hello() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, store.Ledger{Worker: "w", Started: time.Now(), Updated: time.Now()})
}

// full is a task definition with everything that Terraform's has.
func full() types.TaskDefinition {
	return types.TaskDefinition{
		TaskDefinitionArn: aws.String("arn/x-worker:1"), Family: aws.String("x-worker"), Revision: 1, Status: types.TaskDefinitionStatusActive,
		Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: aws.String("e"), TaskRoleArn: aws.String("t"), NetworkMode: types.NetworkModeAwsvpc,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate}, Compatibilities: []types.Compatibility{types.CompatibilityFargate},
		RuntimePlatform: &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureArm64, OperatingSystemFamily: types.OSFamilyLinux},
		Volumes:         []types.Volume{{Name: aws.String("tmp")}}, EphemeralStorage: &types.EphemeralStorage{SizeInGiB: 30},
		ContainerDefinitions: []types.ContainerDefinition{
			{Name: aws.String("worker"), Image: aws.String("old"), Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: aws.String("1")}}, ReadonlyRootFilesystem: aws.Bool(true)},
			{Name: aws.String("beside"), Image: aws.String("beside")},
		},
	}
}

func faked(f *fakeECS, l *fakeLedgers) deploy.Config {
	f.definition = full()
	site := deploy.Site{Cluster: "c", Container: "worker", Services: []deploy.Service{{Name: "x", Capacity: "FARGATE_SPOT"}, {Name: "x-on-demand", Capacity: "FARGATE"}}}
	return deploy.Config{Site: site, ECS: f, Workers: l, Image: "new"}
}

func TestTheRevisionIsTheOldOneWithTheImage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, l := &fakeECS{}, &fakeLedgers{}
		go func() {
			time.Sleep(30 * time.Second)
			l.hello()
		}()
		done, err := deploy.Deploy(t.Context(), faked(f, l))
		if err != nil || done.Worker != "w" || done.Took < 30*time.Second || done.Took > 40*time.Second {
			t.Errorf("%+v, %v", done, err)
		}
		want := full()
		in := f.registered
		got := types.TaskDefinition{
			TaskDefinitionArn: want.TaskDefinitionArn, Revision: 1, Status: want.Status, Compatibilities: want.Compatibilities,
			Family: in.Family, Cpu: in.Cpu, Memory: in.Memory, ExecutionRoleArn: in.ExecutionRoleArn, TaskRoleArn: in.TaskRoleArn, NetworkMode: in.NetworkMode,
			RequiresCompatibilities: in.RequiresCompatibilities, RuntimePlatform: in.RuntimePlatform, Volumes: in.Volumes, EphemeralStorage: in.EphemeralStorage,
			ContainerDefinitions: in.ContainerDefinitions,
		}
		want.ContainerDefinitions[0].Image = aws.String("new")
		if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(types.TaskDefinition{}, types.ContainerDefinition{}, types.KeyValuePair{}, types.RuntimePlatform{}, types.Volume{}, types.EphemeralStorage{})); d != "" {
			t.Errorf("the revision (-want +got):\n%s", d)
		}
		if len(in.Tags) != 2 {
			t.Errorf("tags %v", in.Tags)
		}
		if d := cmp.Diff([]string{"x=arn/x-worker:2 1", "x-on-demand=arn/x-worker:2"}, f.updates); d != "" {
			t.Errorf("updates (-want +got):\n%s", d)
		}
	})
}

// What ECS says of tasks and in events decides how long is waited, and what the user is told.
func TestWhyNoWorkerSaidHello(t *testing.T) {
	t.Parallel()
	stopped := func(reason string) types.Task {
		return types.Task{TaskArn: aws.String("t/1"), TaskDefinitionArn: aws.String("arn/x-worker:2"), LastStatus: aws.String("STOPPED"), StoppedReason: &reason}
	}
	for _, tc := range []struct {
		name    string
		stopped []types.Task
		event   string
		kind    awserr.Kind
		atOnce  bool
	}{
		{name: "the image is for another architecture", stopped: []types.Task{stopped("CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'")}, kind: awserr.WrongArch, atOnce: true},
		{name: "the image is not there", stopped: []types.Task{stopped("CannotPullContainerError: not found")}, kind: awserr.ImageAbsent, atOnce: true},
		{name: "the program ends again and again", stopped: []types.Task{stopped("Essential container in task exited"), stopped("x"), stopped("x")}, atOnce: true},
		{name: "the quota is 0", event: "(service x) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.", kind: awserr.QuotaReached},
		{name: "no capacity", event: "(service x) was unable to place a task. Reason: Capacity is unavailable at this time.", kind: awserr.NoCapacity},
		{name: "nothing is known"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeECS{stopped: tc.stopped}
			if tc.event != "" {
				f.events = []types.ServiceEvent{{CreatedAt: aws.Time(time.Now().Add(time.Second)), Message: &tc.event}, {CreatedAt: aws.Time(time.Now().Add(-time.Hour)), Message: aws.String("OutOfMemory of yesterday")}}
			}
			began := time.Now()
			_, err := deploy.Deploy(t.Context(), faked(f, &fakeLedgers{}))
			hello, ok := errors.AsType[*deploy.NoHelloError](err)
			if !ok || hello.Advice.Kind != tc.kind || deploy.AdviceOf(err).Kind != tc.kind {
				t.Errorf("%s: %v, want %q", tc.name, err, tc.kind)
			}
			if took := time.Since(began); (took < time.Second) != tc.atOnce || took > deploy.DefaultWait+deploy.DefaultEvery {
				t.Errorf("%s: told after %v", tc.name, took)
			}
			want := []string{"x=arn/x-worker:2 1", "x-on-demand=arn/x-worker:2", "x=arn/x-worker:1 0", "x-on-demand=arn/x-worker:1"}
			if d := cmp.Diff(want, f.updates); d != "" {
				t.Errorf("%s: updates (-want +got):\n%s", tc.name, d)
			}
		})
	}
}

func TestAServiceThatCannotBeUpdatedRollsAllBack(t *testing.T) {
	t.Parallel()
	f := &fakeECS{refuse: "x-on-demand"}
	_, err := deploy.Deploy(t.Context(), faked(f, &fakeLedgers{}))
	if rolled, ok := errors.AsType[*deploy.RolledBackError](err); !ok || rolled.Failed != nil || !strings.Contains(err.Error(), "rolled back to x-worker:1") {
		t.Errorf("%v, want a rollback", err)
	}
}

// fakeScale is a fleet's control item. It asks for every change twice, as a store does whose answer was lost.
type fakeScale struct {
	mu   sync.Mutex
	item store.Control // guarded by mu
}

func (f *fakeScale) get() store.Scale {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.item.Scale
}

func (f *fakeScale) set(change func(*store.Scale)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.item.Scale)
}

func (f *fakeScale) UpdateControl(_ context.Context, _ string, change func(*store.Control)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.item)
	change(&f.item)
	return nil
}

// The autoscaler takes away a worker that has nothing to do: it is told to keep one, and no longer than that.
func TestTheAutoscalerKeepsAWorkerMeanwhile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		before store.Scale
		hello  bool
		during func(*store.Scale)
		after  store.Scale
		update bool // whether the services are touched
	}{
		{name: "a worker says hello", hello: true, update: true},
		{name: "none does", update: true},
		{name: "what people have set comes back", before: store.Scale{SetMax: true, Max: 7, By: "me", Why: "lunch"}, hello: true, after: store.Scale{SetMax: true, Max: 7, By: "me", Why: "lunch"}, update: true},
		{name: "what people set meanwhile stays", hello: true, during: func(s *store.Scale) { *s = store.Scale{Hold: true, By: "me"} }, after: store.Scale{Hold: true, By: "me"}, update: true},
		{name: "no worker is wanted", before: store.Scale{SetMax: true}, after: store.Scale{SetMax: true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, l, scale := &fakeECS{}, &fakeLedgers{}, &fakeScale{item: store.Control{Scale: tc.before}}
			go func() {
				time.Sleep(30 * time.Second)
				if s := scale.get(); tc.update && s.Min != 1 {
					t.Errorf("%s: the autoscaler keeps %d workers meanwhile, want 1", tc.name, s.Min)
				}
				if tc.during != nil {
					scale.set(tc.during)
				}
				if tc.hello {
					l.hello()
				}
			}()
			c := faked(f, l)
			c.Scale = scale
			_, err := deploy.Deploy(t.Context(), c)
			if (err == nil) != tc.hello {
				t.Errorf("%s: %v", tc.name, err)
			}
			if d := cmp.Diff(tc.after, scale.get()); d != "" {
				t.Errorf("%s: set afterwards (-want +got):\n%s", tc.name, d)
			}
			if tc.update != (len(f.updates) > 0) {
				t.Errorf("%s: updates %v", tc.name, f.updates)
			}
			time.Sleep(time.Minute)
		})
	}
}
