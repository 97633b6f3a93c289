package ecsagent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"
)

// metadataVariable is set by ECS in every container of a task (ECS developer guide,
// task metadata endpoint version 4).
const metadataVariable = "ECS_CONTAINER_METADATA_URI_V4"

const (
	// timeout bounds one call for metadata, and the way to the agent: it is on the same host.
	timeout = 2 * time.Second
	// tries is how often the agent is asked: it may still be starting.
	tries = 3
	// maxAnswer bounds an answer; the one about a task of ten containers is about 20 KiB.
	maxAnswer = 256 << 10
)

// Agent is the agent of the task that this process is part of.
type Agent struct {
	metadata, agent string // addresses; the second is empty where there is no task protection
	client          *http.Client
	pause           time.Duration // between two tries
}

// FromEnv returns the agent that the environment names; in is false outside of
// ECS. client may be nil, for one that asks no proxy.
func FromEnv(getenv func(string) string, client *http.Client) (a *Agent, in bool) {
	metadata := agentURL(getenv(metadataVariable))
	if metadata == "" {
		return nil, false
	}
	if client == nil {
		// A proxy of the user's could not reach the agent.
		client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: timeout}).DialContext}}
	}
	return &Agent{metadata: metadata, agent: agentURL(getenv(agentVariable)), client: client, pause: time.Second}, true
}

// Task is what the agent tells of this process's task. What it did not tell is zero.
type Task struct {
	// ID is the last part of the task's ARN, which is unique in its cluster for ever.
	ID string
	// LaunchType is FARGATE, EC2 or EXTERNAL. Whether a task is on Fargate Spot, the
	// agent does not know.
	LaunchType string
	// VCPUMilli, MemoryMiB and DiskGiB are what the task is billed for.
	VCPUMilli, MemoryMiB, DiskGiB int64
	// PullStarted is when billing began: the start of the image's download.
	PullStarted time.Time
}

// answer is the part of the agent's answer that is used.
type answer struct {
	TaskARN    string
	LaunchType string
	Limits     struct {
		CPU    float64 // vCPU
		Memory float64 // MiB
	}
	Disk struct {
		Reserved float64 // MiB
	} `json:"EphemeralStorageMetrics"`
	PullStartedAt time.Time
}

// Task asks the agent, up to three times within about eight seconds. The error says
// what the agent answered instead.
func (a *Agent) Task(ctx context.Context) (t Task, err error) {
	for try := range tries {
		if t, err = a.task(ctx); err == nil || try == tries-1 {
			break
		}
		select {
		case <-ctx.Done():
			return Task{}, err
		case <-time.After(a.pause):
		}
	}
	return t, err
}

func (a *Agent) task(ctx context.Context) (Task, error) {
	var in answer
	if err := a.get(ctx, a.metadata+"/task", &in); err != nil {
		return Task{}, fmt.Errorf("read the metadata of this ECS task: %w", err)
	}
	t := Task{
		ID: in.TaskARN[strings.LastIndexByte(in.TaskARN, '/')+1:], LaunchType: in.LaunchType,
		VCPUMilli: whole(in.Limits.CPU * 1000), MemoryMiB: whole(in.Limits.Memory), DiskGiB: whole(in.Disk.Reserved / 1024),
		PullStarted: in.PullStartedAt,
	}
	if t.ID == "" || len(t.ID) > 128 {
		return Task{}, errors.New("read the metadata of this ECS task: it names no task")
	}
	return t, nil
}

// whole rounds to a whole number; what no task can have is zero, as if it had not been told.
func whole(f float64) int64 {
	const most = 1 << 20 // thousandths of a vCPU, MiB: a thousand times the largest task
	if !(f > 0 && f < 1000*most) {
		return 0
	}
	return int64(math.Round(f))
}

func (a *Agent) get(ctx context.Context, u string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, http.NoBody)
	if err != nil {
		return err
	}
	status, body, err := a.do(req)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return unexpected(status, body)
	}
	return json.Unmarshal(body, into)
}

// do returns the status and the body of the answer.
func (a *Agent) do(req *http.Request) (status int, body []byte, err error) {
	res, err := a.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the agent's answer exceeds %d bytes", maxAnswer)
	}
	return res.StatusCode, body, err
}

func unexpected(status int, body []byte) error {
	return fmt.Errorf("the agent answered %d %s: %.200q", status, http.StatusText(status), cmp.Or(string(body), "nothing"))
}
