package ecs

import (
	"time"

	"github.com/google/uuid"
)

// state is everything the service knows, in memory. Its methods are the API's
// operations and the planning; they have no I/O and take the time as a
// parameter. The Service's mutex protects it.
//
// dirty holds the keys of the objects that differ from the database (see
// persist.go): whoever changes an object calls touch.
type state struct {
	opt Options // immutable

	clusters map[string]*cluster      // by name
	families map[string][]*definition // by family; index = revision − 1
	services map[serviceKey]*ecsService
	tasks    map[string]*task // by id

	dirty    map[rowKey]struct{}
	launches bucket
	closing  bool // no task is started any more
}

func newState(opt Options) *state {
	return &state{
		opt:      opt,
		clusters: map[string]*cluster{},
		families: map[string][]*definition{},
		services: map[serviceKey]*ecsService{},
		tasks:    map[string]*task{},
		dirty:    map[rowKey]struct{}{},
		launches: bucket{Rate: opt.LaunchRate, Burst: float64(opt.LaunchBurst)},
	}
}

type cluster struct {
	Name      string
	Providers []string       // capacity providers
	Strategy  []strategyItem // default of services and RunTask
	Tags      []tag
}

type serviceKey struct{ Cluster, Name string }

// ecsService is a service resource: tasks of one definition, Desired in number.
type ecsService struct {
	Cluster, Name string
	Status        string // statusActive, statusDraining, statusInactive
	Desired       int
	Deployments   []deployment // the first is PRIMARY, the others are being replaced
	Events        []event      // newest first
	Steady        bool         // the last event about counts said so
	CreatedAt     time.Time
	DeletedAt     time.Time
	Tags          []tag
	Echo          echo // stored and returned, without effect here

	// Back-off of failed starts.
	Failed      int       // waves in all
	Failures    int       // waves in a row
	LastFailure time.Time // of the wave that Failures counted last
	NotBefore   time.Time // no task is started earlier

	// Why a wanted task has no place, and when an event last said so.
	Unplaced   string
	UnplacedAt time.Time
}

func (v *ecsService) key() serviceKey      { return serviceKey{v.Cluster, v.Name} }
func (v *ecsService) primary() *deployment { return &v.Deployments[0] }

// deployment is one rollout of a service; each of its tasks belongs to one.
type deployment struct {
	ID         string
	Definition string // family:revision
	LaunchType string // "" when Strategy is set
	Strategy   []strategyItem
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Failed     int // tasks
	Completed  bool
}

type event struct {
	ID        string
	CreatedAt time.Time
	Message   string
}

// task is one process, from before its start until StoppedRetention after its end.
type task struct {
	ID         string
	Cluster    string
	Service    string // name; "" for RunTask
	Deployment string // id
	Definition string // family:revision
	Group      string
	StartedBy  string
	// FailedBefore is the service's Failed when the task was created.
	FailedBefore int
	Token        string // RunTask's clientToken
	LaunchType   string
	Provider     string // capacity provider
	Container    string // id of its one container
	Overrides    overrides
	Tags         []tag

	Desired string // statusRunning or statusStopped
	Last    string // statusPending, statusRunning, statusStopping, statusStopped

	CreatedAt     time.Time
	LaunchAt      time.Time // earliest start of the process
	PullStoppedAt time.Time
	StartedAt     time.Time
	StoppingAt    time.Time
	StoppedAt     time.Time
	StopCode      string
	StoppedReason string
	ExitCode      *int // nil: not exited, or unknown
	ProtectedTill time.Time
	InterruptAt   time.Time // Spot takes its capacity back; zero: never

	// The process; PID 0 before its start.
	PID      int
	Identity string // see identityOf

	// Not stored: an endpoint that finds a stopping task starts over with SIGTERM.
	proc     *process
	termAt   time.Time // SIGTERM was sent
	killSent bool
}

// active: the task counts towards its service's desired count.
func (t *task) active() bool { return t.Desired == statusRunning && t.Last != statusStopped }

func (t *task) protected(now time.Time) bool { return now.Before(t.ProtectedTill) }

const (
	statusActive   = "ACTIVE"
	statusDraining = "DRAINING"
	statusInactive = "INACTIVE"

	statusPending  = "PENDING"
	statusRunning  = "RUNNING"
	statusStopping = "STOPPING"
	statusStopped  = "STOPPED"
)

// Stop codes and reasons as ECS words them (developer guide, "stopped task
// error codes").
const (
	codeScheduler = "ServiceSchedulerInitiated"
	codeUser      = "UserInitiated"
	codeExited    = "EssentialContainerExited"
	codeNotBegun  = "TaskFailedToStart"
	codeSpot      = "SpotInterruption"

	reasonExited  = "Essential container in task exited"
	reasonSpot    = "Your Spot Task was interrupted."
	reasonClosing = "The local endpoint is stopping."

	reasonMissing = "MISSING" // of what a call names and is not there

	fargate     = "FARGATE"      // launch type and capacity provider
	fargateSpot = "FARGATE_SPOT" // capacity provider
)

func (st *state) touch(keys ...rowKey) {
	for _, k := range keys {
		st.dirty[k] = struct{}{}
	}
}

func (st *state) note(v *ecsService, now time.Time, message string) {
	// ECS shows the last 100. Here a caller may ask ten times a second, and
	// they would be most of the answer.
	const keep = 25
	v.Events = append([]event{{uuid.NewString(), now, message}}, v.Events...)
	v.Events = v.Events[:min(len(v.Events), keep)]
	st.touch(v.row())
}

// stopping counts the tasks whose process has been told to end and has not.
func (st *state) stopping() (n int) {
	for _, t := range st.tasks {
		if t.Desired == statusStopped && t.Last != statusStopped {
			n++
		}
	}
	return n
}

// live counts the tasks that are not STOPPED.
func (st *state) live() (n int) {
	for _, t := range st.tasks {
		if t.Last != statusStopped {
			n++
		}
	}
	return n
}
