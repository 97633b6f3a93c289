package ecs

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"
)

func (st *state) viewTask(t *task, tags bool) taskView {
	d, err := st.definition(t.Definition)
	if err != nil {
		d = &definition{} // cannot be: definitions are never removed
	}
	v := taskView{
		ARN: st.taskARN(t), ClusterARN: st.clusterARN(t.Cluster), Definition: st.definitionARN(t.Definition),
		Group: t.Group, StartedBy: t.StartedBy, LaunchType: t.LaunchType, Provider: t.Provider, Zone: st.zone(),
		CPU: decimal(d.CPU), Memory: decimal(d.Memory), Platform: "Linux",
		Desired: t.Desired, Last: t.Last, StopCode: t.StopCode, StoppedReason: t.StoppedReason,
		CreatedAt: moment(t.CreatedAt), PullStoppedAt: moment(t.PullStoppedAt), StartedAt: moment(t.StartedAt),
		StoppingAt: moment(t.StoppingAt), StoppedAt: moment(t.StoppedAt),
		Containers: []containerView{{
			ARN: st.containerARN(t), TaskARN: st.taskARN(t), Name: d.Run.Name, Image: d.Run.Image,
			Last: t.Last, ExitCode: t.ExitCode, Runtime: t.runtimeID(),
		}},
	}
	// Fargate bills from the start of the pull; here the wait before the launch
	// stands for the pull.
	v.PullStartedAt = moment(t.CreatedAt)
	if !t.StartedAt.IsZero() {
		v.EndedAt = moment(t.StoppedAt)
	}
	if tags {
		v.Tags = t.Tags
	}
	return v
}

func (st *state) zone() string { return st.opt.Region + "a" }

// runtimeID stands for the Docker id: on Fargate the task id and ten digits.
func (t *task) runtimeID() string {
	return t.ID + "-" + strings.TrimLeft(t.Container[:8], "0")
}

func moment(t time.Time) *epoch {
	if t.IsZero() {
		return nil
	}
	return &epoch{t}
}

// hexID makes a task id: 32 hexadecimal digits. It doubles as the secret in the
// task's metadata URI.
func hexID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func digits(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	b[0] = max(b[0], '1')
	return string(b)
}

// cutLast cuts s around its last sep, which it has.
func cutLast(s, sep string) (before, after string) {
	i := max(0, strings.LastIndex(s, sep))
	return s[:i], s[min(i+len(sep), len(s)):]
}
