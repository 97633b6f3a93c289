package ecs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// definition is one revision of a task definition.
type definition struct {
	Family   string
	Revision int
	Status   string // statusActive or statusInactive
	Created  time.Time
	Ended    time.Time
	CPU      int // units, 1,024 a vCPU; 0 = not given
	Memory   int // MiB; 0 = not given
	Platform runtimePlatform
	Run      container // its one container
	Tags     []tag
	Echo     echo
}

// container is what is acted on of a container definition.
type container struct {
	Name        string     `json:"name"`
	Image       string     `json:"image"`
	EntryPoint  []string   `json:"entryPoint"`
	Command     []string   `json:"command"`
	Environment []variable `json:"environment"`
	WorkingDir  string     `json:"workingDirectory"`
	StopTimeout *int       `json:"stopTimeout"` // seconds
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type runtimePlatform struct {
	CPUArchitecture string `json:"cpuArchitecture,omitempty"`
	OSFamily        string `json:"operatingSystemFamily,omitempty"`
}

// grace is the time between SIGTERM and SIGKILL: default 30 s, on Fargate at
// most 120 s (task definition parameters, stopTimeout).
func (c *container) grace() time.Duration {
	if c.StopTimeout == nil {
		return 30 * time.Second
	}
	return time.Duration(*c.StopTimeout) * time.Second
}

type registerInput struct {
	Family     string            `json:"family"`
	Containers []json.RawMessage `json:"containerDefinitions"`
	CPU        string            `json:"cpu"`
	Memory     string            `json:"memory"`
	Platform   runtimePlatform   `json:"runtimePlatform"`
	Tags       []tag             `json:"tags"`
	raw        echo
}

func (in *registerInput) keepRaw(e echo) { in.raw = e }

type definitionView struct {
	ARN        string           `json:"taskDefinitionArn"`
	Family     string           `json:"family"`
	Revision   int              `json:"revision"`
	Status     string           `json:"status"`
	CPU        string           `json:"cpu,omitempty"`
	Memory     string           `json:"memory,omitempty"`
	Platform   *runtimePlatform `json:"runtimePlatform,omitempty"`
	Compatible []string         `json:"compatibilities"`
	Registered epoch            `json:"registeredAt"`
	Ended      *epoch           `json:"deregisteredAt,omitempty"`
}

func (st *state) viewDefinition(d *definition) (json.RawMessage, error) {
	v := definitionView{
		ARN: st.definitionARN(d.id()), Family: d.Family, Revision: d.Revision, Status: d.Status,
		CPU: decimal(d.CPU), Memory: decimal(d.Memory),
		Compatible: []string{fargate}, Registered: epoch{d.Created},
	}
	if d.Platform != (runtimePlatform{}) {
		v.Platform = &d.Platform
	}
	if !d.Ended.IsZero() {
		v.Ended = &epoch{d.Ended}
	}
	return d.Echo.with(v)
}

func decimal(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

type definitionOutput struct {
	Definition json.RawMessage `json:"taskDefinition"`
	Tags       []tag           `json:"tags"`
}

func (st *state) registerDefinition(in registerInput, now time.Time) (out definitionOutput, err error) {
	if !isName(in.Family) {
		return out, clientError("Invalid family: 1 to 255 letters, digits, hyphens and underscores.")
	}
	if err := in.raw.refuse("volumes", "proxyConfiguration", "inferenceAccelerators", "placementConstraints"); err != nil {
		return out, err
	}
	if err := checkTags(in.Tags); err != nil {
		return out, err
	}
	d := &definition{
		Family: in.Family, Revision: len(st.families[in.Family]) + 1, Status: statusActive,
		Created: now, Platform: in.Platform, Tags: in.Tags,
		Echo: in.raw.only("containerDefinitions", "taskRoleArn", "executionRoleArn", "networkMode", "requiresCompatibilities",
			"ephemeralStorage", "pidMode", "ipcMode", "enableFaultInjection"),
	}
	if d.Run, err = containerOf(in.Containers); err != nil {
		return out, err
	}
	if d.CPU, d.Memory, err = fargateSize(in.CPU, in.Memory); err != nil {
		return out, err
	}
	st.families[in.Family] = append(st.families[in.Family], d)
	st.touch(d.row())
	out.Tags = d.Tags
	out.Definition, err = st.viewDefinition(d)
	return out, err
}

func containerOf(raw []json.RawMessage) (c container, err error) {
	if len(raw) != 1 {
		return c, clientError(fmt.Sprintf("The local endpoint runs exactly one container a task; containerDefinitions has %d.", len(raw)))
	}
	var members echo
	if err := json.Unmarshal(raw[0], &members); err != nil {
		return c, invalid("containerDefinitions[0]: %v", err)
	}
	if err := json.Unmarshal(raw[0], &c); err != nil {
		return c, invalid("containerDefinitions[0]: %v", err)
	}
	if err := members.refuse("secrets", "environmentFiles", "mountPoints", "volumesFrom", "dependsOn", "links"); err != nil {
		return c, err
	}
	switch {
	case !isName(c.Name):
		return c, clientError("Invalid container name: 1 to 255 letters, digits, hyphens and underscores.")
	case len(c.EntryPoint)+len(c.Command) == 0:
		return c, clientError("Container " + c.Name + " has neither entryPoint nor command. The local endpoint starts a process and no image, so it cannot take them from one.")
	case c.StopTimeout != nil && (*c.StopTimeout < 0 || *c.StopTimeout > 120):
		return c, clientError("Invalid setting for container " + c.Name + ": stopTimeout must be 0 to 120 seconds on Fargate.")
	}
	for _, v := range c.Environment {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00") {
			return c, clientError(fmt.Sprintf("Container %s: %q is not an environment variable.", c.Name, v.Name))
		}
	}
	return c, nil
}

// fargateSize checks the task's size as Fargate does, so that a definition
// accepted here is one that AWS accepts. Both may be missing.
func fargateSize(cpu, memory string) (units, mib int, err error) {
	if cpu == "" && memory == "" {
		return 0, 0, nil
	}
	units, okCPU := quantity(cpu, "vcpu", 1024)
	mib, okMemory := quantity(memory, "gb", 1024)
	// Task CPU and memory (developer guide, task definition parameters for
	// Fargate): per size the least, the most and the step, in MiB.
	memories := map[int][3]int{
		256: {512, 2048, 512}, 512: {1024, 4096, 1024}, 1024: {2048, 8192, 1024}, 2048: {4096, 16384, 1024},
		4096: {8192, 30720, 1024}, 8192: {16384, 61440, 4096}, 16384: {32768, 122880, 8192},
	}
	m, known := memories[units]
	if !okCPU || !okMemory || !known || mib < m[0] || mib > m[1] || mib%m[2] != 0 || (units == 256 && mib == 1536) {
		return 0, 0, clientError("No Fargate configuration exists for given values: " + cpu + " CPU, " + memory + " memory. See the Amazon ECS documentation for the valid values.")
	}
	return units, mib, nil
}

// quantity reads "256", "1 vCPU", ".25vcpu", "0.5GB": a bare number is in the
// small unit.
func quantity(s, unit string, perUnit float64) (int, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	scale := 1.0
	if number, has := strings.CutSuffix(s, unit); has {
		s, scale = strings.TrimSpace(number), perUnit
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f <= 0 || f > 1e6 {
		return 0, false
	}
	return int(f * scale), true
}

type definitionInput struct {
	Definition string   `json:"taskDefinition"`
	Include    []string `json:"include"`
}

func (st *state) describeDefinition(in definitionInput, _ time.Time) (out definitionOutput, err error) {
	d, err := st.definition(in.Definition)
	if err != nil {
		return out, err
	}
	if slices.Contains(in.Include, "TAGS") {
		out.Tags = d.Tags
	}
	out.Definition, err = st.viewDefinition(d)
	return out, err
}

// deregisterDefinition makes a revision INACTIVE: running services keep it, new
// ones cannot use it.
func (st *state) deregisterDefinition(in definitionInput, now time.Time) (out definitionOutput, err error) {
	if !strings.Contains(strings.TrimPrefix(in.Definition, "arn:"), ":") {
		return out, clientError("Task definition must be given as family:revision or ARN.")
	}
	d, err := st.definition(in.Definition)
	if err != nil {
		return out, err
	}
	if d.Status == statusActive {
		d.Status, d.Ended = statusInactive, now
		st.touch(d.row())
	}
	out.Definition, err = st.viewDefinition(d)
	return out, err
}

type listDefinitionsInput struct {
	listInput

	Family string `json:"familyPrefix"`
	Status string `json:"status"`
	Sort   string `json:"sort"`
}

type listDefinitionsOutput struct {
	ARNs      []string `json:"taskDefinitionArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

func (st *state) listDefinitions(in listDefinitionsInput, _ time.Time) (out listDefinitionsOutput, err error) {
	if in.Sort == "DESC" {
		return out, invalid("sort DESC is not supported by the local endpoint.")
	}
	if in.Status == "" {
		in.Status = statusActive
	}
	var arns []string
	for family, all := range st.families {
		if in.Family != "" && family != in.Family {
			continue
		}
		for _, d := range all {
			if d.Status == in.Status {
				arns = append(arns, st.definitionARN(d.id()))
			}
		}
	}
	out.ARNs, out.NextToken, err = pageOf(arns, in.MaxResults, in.NextToken)
	return out, err
}
