package ecs

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// TargetPrefix is what the X-Amz-Target header of ECS requests begins with.
const TargetPrefix = "AmazonEC2ContainerServiceV20141113."

func (s *Service) operations() map[string]awsjson.Operation {
	return map[string]awsjson.Operation{
		"CreateCluster":            serve(s, (*state).createCluster),
		"DescribeClusters":         serve(s, (*state).describeClusters),
		"ListClusters":             serve(s, (*state).listClusters),
		"DeleteCluster":            serve(s, (*state).deleteCluster),
		"RegisterTaskDefinition":   serve(s, (*state).registerDefinition),
		"DescribeTaskDefinition":   serve(s, (*state).describeDefinition),
		"ListTaskDefinitions":      serve(s, (*state).listDefinitions),
		"DeregisterTaskDefinition": serve(s, (*state).deregisterDefinition),
		"CreateService":            serve(s, (*state).createService),
		"UpdateService":            serve(s, (*state).updateService),
		"DescribeServices":         serve(s, (*state).describeServices),
		"ListServices":             serve(s, (*state).listServices),
		"DeleteService":            serve(s, (*state).deleteService),
		"ListTasks":                serve(s, (*state).listTasks),
		"DescribeTasks":            serve(s, (*state).describeTasks),
		"RunTask":                  serve(s, (*state).runTask),
		"StopTask":                 serve(s, (*state).stopTask),
		"UpdateTaskProtection":     serve(s, (*state).updateProtection),
		"GetTaskProtection":        serve(s, (*state).getProtection),
		"TagResource":              serve(s, (*state).tagResource),
		"UntagResource":            serve(s, (*state).untagResource),
		"ListTagsForResource":      serve(s, (*state).listTags),
	}
}

// serve makes an operation of a method of the state.
func serve[In, Out any](s *Service, method func(*state, In, time.Time) (Out, error)) awsjson.Operation {
	return func(_ context.Context, r *awsjson.Request) (any, error) {
		var in In
		if err := r.Decode(&in); err != nil {
			return nil, err
		}
		if k, ok := any(&in).(keepsRaw); ok {
			members := echo{}
			if err := r.Decode(&members); err != nil {
				return nil, err
			}
			k.keepRaw(members)
		}
		return apply(s, func(st *state, now time.Time) (Out, error) { return method(st, in, now) })
	}
}

// document is a response in its final form.
type document []byte

// AppendJSON implements awsjson.Appender.
func (d document) AppendJSON(dst []byte) ([]byte, error) { return append(dst, d...), nil }

// apply runs one operation on the state, and answers when its changes are
// committed. The response is marshalled under the mutex: it refers to the state.
func apply[Out any](s *Service, change func(*state, time.Time) (Out, error)) (document, error) {
	s.mu.Lock()
	out, err := change(s.state, time.Now())
	var body []byte
	if err == nil {
		body, err = json.Marshal(out)
	}
	changed := len(s.state.dirty) > 0
	s.mu.Unlock()
	if !changed {
		return body, err
	}
	s.plan()
	if e := s.store.commit(); err == nil {
		err = e
	}
	return body, err
}

// AgentPath is the path under which tasks reach what the ECS agent serves:
// AgentPath + task id is their ECS_AGENT_URI.
const AgentPath = "/ecs-agent/"

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, AgentPath); ok {
		s.serveAgent(w, r, rest)
		return
	}
	s.api.ServeHTTP(w, r)
}
