package ecs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

type createServiceInput struct {
	Cluster    string         `json:"cluster"`
	Name       string         `json:"serviceName"`
	Definition string         `json:"taskDefinition"`
	Desired    *int           `json:"desiredCount"`
	LaunchType string         `json:"launchType"`
	Strategy   []strategyItem `json:"capacityProviderStrategy"`
	Scheduling string         `json:"schedulingStrategy"`
	Tags       []tag          `json:"tags"`
	raw        echo
}

func (in *createServiceInput) keepRaw(e echo) { in.raw = e }

type serviceOutput struct {
	Service json.RawMessage `json:"service"`
}

// echoedMembers of CreateService and UpdateService are stored and returned only.
var echoedMembers = []string{
	"networkConfiguration", "deploymentConfiguration", "platformVersion", "enableECSManagedTags", "enableExecuteCommand",
	"propagateTags", "availabilityZoneRebalancing", "roleArn", "deploymentController", "healthCheckGracePeriodSeconds",
}

func refuseServiceMembers(e echo) error {
	return e.refuse("loadBalancers", "serviceRegistries", "serviceConnectConfiguration", "volumeConfigurations",
		"placementConstraints", "placementStrategy", "vpcLatticeConfigurations")
}

// maxDesired is the quota of tasks per service (service quotas).
const maxDesired = 5000

func checkDesired(n int) error {
	if n < 0 || n > maxDesired {
		return invalid("desiredCount must be 0 to %d.", maxDesired)
	}
	return nil
}

// usable finds a definition that new tasks may use.
func (st *state) usable(ref string) (*definition, error) {
	if ref == "" {
		return nil, invalid("TaskDefinition can not be blank.")
	}
	d, err := st.definition(ref)
	if err != nil {
		return nil, clientError("TaskDefinition not found.")
	}
	if d.Status != statusActive {
		return nil, clientError("TaskDefinition is inactive")
	}
	return d, nil
}

func (st *state) createService(in createServiceInput, now time.Time) (out serviceOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	if !isName(in.Name) {
		return out, invalid("Invalid service name: 1 to 255 letters, digits, hyphens and underscores.")
	}
	if in.Desired == nil {
		return out, invalid("desiredCount is required for the REPLICA scheduling strategy.")
	}
	if in.Scheduling != "" && in.Scheduling != "REPLICA" {
		return out, invalid("schedulingStrategy %s is not supported by the local endpoint.", in.Scheduling)
	}
	if in.LaunchType != "" && len(in.Strategy) > 0 {
		return out, invalid("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	}
	if err := cmp.Or(refuseServiceMembers(in.raw), checkDesired(*in.Desired), checkLaunchType(in.LaunchType),
		checkStrategy(in.Strategy), checkTags(in.Tags)); err != nil {
		return out, err
	}
	d, err := st.usable(in.Definition)
	if err != nil {
		return out, err
	}
	key := serviceKey{c.Name, in.Name}
	if old := st.services[key]; old != nil && old.Status == statusDraining {
		return out, invalid("Unable to Start a service that is still Draining.")
	} else if old != nil && old.Status == statusActive {
		return out, invalid("Creation of service was not idempotent.")
	}
	strategy := in.Strategy
	if in.LaunchType == "" && len(strategy) == 0 {
		strategy = c.Strategy
	}
	v := &ecsService{
		Cluster: c.Name, Name: in.Name, Status: statusActive, Desired: *in.Desired, CreatedAt: now, Tags: in.Tags,
		Deployments: []deployment{newDeployment(d, strategy, now)}, Echo: in.raw.only(echoedMembers...),
	}
	st.services[key] = v
	st.touch(v.row())
	out.Service, err = st.viewService(v, true)
	return out, err
}

func newDeployment(d *definition, strategy []strategyItem, now time.Time) deployment {
	launchType := ""
	if len(strategy) == 0 {
		launchType = fargate
	}
	return deployment{
		ID: "ecs-svc/" + digits(19), Definition: d.id(), LaunchType: launchType, Strategy: strategy, CreatedAt: now, UpdatedAt: now,
	}
}

type updateServiceInput struct {
	Cluster    string         `json:"cluster"`
	Service    string         `json:"service"`
	Definition string         `json:"taskDefinition"`
	Desired    *int           `json:"desiredCount"`
	Strategy   []strategyItem `json:"capacityProviderStrategy"`
	Force      bool           `json:"forceNewDeployment"`
	raw        echo
}

func (in *updateServiceInput) keepRaw(e echo) { in.raw = e }

func (st *state) updateService(in updateServiceInput, now time.Time) (out serviceOutput, err error) {
	v, err := st.service(in.Cluster, in.Service)
	if err != nil {
		return out, err
	}
	if v.Status != statusActive {
		return out, apiError("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	if err := cmp.Or(refuseServiceMembers(in.raw), checkStrategy(in.Strategy)); err != nil {
		return out, err
	}
	current := v.primary()
	definition, err := st.definition(current.Definition)
	if err != nil {
		return out, err
	}
	if in.Definition != "" {
		if definition, err = st.usable(in.Definition); err != nil {
			return out, err
		}
	}
	if in.Desired != nil {
		if err := checkDesired(*in.Desired); err != nil {
			return out, err
		}
		v.Desired = *in.Desired
	}
	strategy := current.Strategy
	if len(in.Strategy) > 0 {
		strategy = in.Strategy
	}
	if in.Force || definition.id() != current.Definition || !slices.Equal(strategy, current.Strategy) {
		v.Deployments = append([]deployment{newDeployment(definition, strategy, now)}, v.Deployments...)
		v.Failures, v.NotBefore = 0, time.Time{} // "your service returns to a normal, non-throttled state immediately"
	}
	v.primary().UpdatedAt = now
	v.primary().Completed = false
	v.Steady = false
	maps.Copy(v.Echo, in.raw.only(echoedMembers...))
	st.touch(v.row())
	out.Service, err = st.viewService(v, true)
	return out, err
}

// service finds a service of a cluster; both by name or ARN.
func (st *state) service(clusterRef, ref string) (*ecsService, error) {
	c, err := st.cluster(clusterRef)
	if err != nil {
		return nil, err
	}
	if ref == "" {
		return nil, invalid("service is required.")
	}
	v := st.services[serviceKey{c.Name, lastSegment(ref)}]
	if v == nil {
		return nil, apiError("ServiceNotFoundException", "Service not found.")
	}
	return v, nil
}

type deleteServiceInput struct {
	Cluster string `json:"cluster"`
	Service string `json:"service"`
	Force   bool   `json:"force"`
}

// deleteService drains a service: its tasks, protected ones too, are stopped,
// then it becomes INACTIVE.
func (st *state) deleteService(in deleteServiceInput, now time.Time) (out serviceOutput, err error) {
	v, err := st.service(in.Cluster, in.Service)
	if err != nil {
		return out, err
	}
	if v.Status == statusActive {
		if v.Desired > 0 && !in.Force {
			return out, invalid("The service cannot be stopped while it is scaled above 0.")
		}
		v.Status, v.Desired, v.DeletedAt = statusDraining, 0, now
		st.touch(v.row())
	}
	out.Service, err = st.viewService(v, true)
	return out, err
}

type describeServicesInput struct {
	Cluster  string   `json:"cluster"`
	Services []string `json:"services"`
	Include  []string `json:"include"`
}

type describeServicesOutput struct {
	Services []json.RawMessage `json:"services"`
	Failures []failure         `json:"failures"`
}

func (st *state) describeServices(in describeServicesInput, _ time.Time) (out describeServicesOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	if n := len(in.Services); n == 0 || n > 10 {
		return out, invalid("services must name 1 to 10 services; it names %d.", n)
	}
	out = describeServicesOutput{[]json.RawMessage{}, []failure{}}
	for _, ref := range in.Services {
		key := serviceKey{c.Name, lastSegment(ref)}
		v := st.services[key]
		if v == nil {
			out.Failures = append(out.Failures, failure{ARN: st.serviceARN(key), Reason: reasonMissing})
			continue
		}
		raw, err := st.viewService(v, slices.Contains(in.Include, "TAGS"))
		if err != nil {
			return out, fmt.Errorf("describe service %s: %w", v.Name, err)
		}
		out.Services = append(out.Services, raw)
	}
	return out, nil
}

type listServicesInput struct {
	listInput

	Cluster string `json:"cluster"`
}

type listServicesOutput struct {
	ARNs      []string `json:"serviceArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

func (st *state) listServices(in listServicesInput, _ time.Time) (out listServicesOutput, err error) {
	c, err := st.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	if in.MaxResults == nil {
		in.MaxResults = new(10) // API reference: 10 when not given
	}
	var arns []string
	for k, v := range st.services {
		if k.Cluster == c.Name && v.Status != statusInactive {
			arns = append(arns, st.serviceARN(k))
		}
	}
	out.ARNs, out.NextToken, err = pageOf(arns, in.MaxResults, in.NextToken)
	return out, err
}
