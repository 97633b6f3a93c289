package ecs

import (
	"math"
	"time"
)

// The capacity of Fargate: the account's vCPU quotas, the Spot capacity that there is, and its interruptions.

// Why a task is not placed, as ECS says it in service events and in RunTask's error (service event messages in the
// developer guide).
const (
	reasonQuota    = "You've reached the limit on the number of vCPUs you can run concurrently"
	reasonCapacity = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
)

// noteEvery is how often a service's events repeat that a task is not placed.
const noteEvery = time.Minute

// used sums the CPU units of the tasks that are not stopped, on Spot or not.
func (st *state) used(spot bool) (units int) {
	for _, t := range st.tasks {
		if t.Last != statusStopped && t.onSpot() == spot {
			units += st.cpuUnits(t)
		}
	}
	return units
}

// room is how many more tasks of a size there can be of each kind, and why no more.
type room struct {
	left map[bool]int // by "is on Spot"
	why  map[bool]string
}

func (st *state) room(d *definition) room {
	size := d.cpuUnits()
	r := room{map[bool]int{}, map[bool]string{}}
	for _, spot := range []bool{false, true} {
		r.left[spot], r.why[spot] = fit(st.opt.VCPUQuota, st.used(spot), size), reasonQuota
	}
	if n := fit(st.opt.SpotCapacity, st.used(true), size); n < r.left[true] {
		r.left[true], r.why[true] = n, reasonCapacity
	}
	return r
}

// fit is how many tasks of a size a limit in vCPU has left; 0 is no limit.
func fit(vcpu float64, used, size int) int {
	if vcpu <= 0 {
		return math.MaxInt
	}
	return max(0, (int(vcpu*1024)-used)/size)
}

// take takes the place of one task, or says why there is none.
func (r room) take(spot bool) (why string) {
	if r.left[spot] == 0 {
		return r.why[spot]
	}
	if r.left[spot] != math.MaxInt {
		r.left[spot]--
	}
	return ""
}

// unplaced notes that the service wants tasks that there is no place for. ECS tries again by and by; here it is as soon as a task ends.
func (st *state) unplaced(v *ecsService, why string, now time.Time) {
	if why == v.Unplaced && now.Sub(v.UnplacedAt) < noteEvery {
		return
	}
	v.Unplaced, v.UnplacedAt = why, now
	st.note(v, now, "(service "+v.Name+") was unable to place a task. Reason: "+why+
		". For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")
}

// onSpot reports whether the task counts against the Spot quota.
func (t *task) onSpot() bool { return t.Provider == fargateSpot }

// cpuUnits is what the task counts against the quota, 1,024 a vCPU.
func (st *state) cpuUnits(t *task) int {
	if d, err := st.definition(t.Definition); err == nil {
		return d.cpuUnits()
	}
	return defaultUnits
}

// defaultUnits is the size of a task whose definition has none; Fargate would refuse it.
const defaultUnits = 1024

func (d *definition) cpuUnits() int {
	if d.CPU > 0 {
		return d.CPU
	}
	return defaultUnits
}

// interruptAt draws when Spot takes a task's capacity back: at a constant rate, whatever its age.
func (st *state) interruptAt(t *task, now time.Time) time.Time {
	if st.opt.SpotLife == 0 || !t.onSpot() {
		return time.Time{}
	}
	return now.Add(time.Duration(st.opt.Rand.ExpFloat64() * float64(st.opt.SpotLife)))
}

// interrupt tells a task on Spot that its capacity is taken back: SIGTERM now, SIGKILL after its stopTimeout. On AWS two minutes
// lie between the notice and the end, and stopTimeout has 120 s at most. Protection does not help.
func (st *state) interrupt(t *task, now time.Time) {
	st.stop(t, codeSpot, reasonSpot, now)
}
