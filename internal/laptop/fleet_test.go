package laptop

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/localaws/localawstest"
	"github.com/starburst-go/starburst/internal/stack"
)

// Each session waits for these calls before it can send anything.
func TestEnsureMakesFewCalls(t *testing.T) {
	t.Parallel()
	srv := localawstest.Start(t)
	c, err := stack.Open(t.Context(), stack.Stack{Endpoint: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	requests := func() map[string]int64 {
		resp, err := http.Get(srv.URL() + "/_starburst/stats")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var stats localaws.Stats
		if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
			t.Fatal(err)
		}
		return stats.Requests
	}
	ensure := func() map[string]int64 {
		before := requests()
		if _, err := Ensure(t.Context(), c, srv.URL(), Fleet{Command: []string{"true"}}); err != nil {
			t.Fatal(err)
		}
		calls := map[string]int64{}
		for name, n := range requests() {
			if n -= before[name]; n > 0 {
				calls[name] = n
			}
		}
		return calls
	}
	always := map[string]int64{
		"sqs.CreateQueue": 2, "sqs.GetQueueAttributes": 1, "dynamodb.CreateTable": 1, "dynamodb.DescribeTable": 1, "dynamodb.DescribeTimeToLive": 1,
		"s3.PUT": 1, "ecs.RegisterTaskDefinition": 1, "ecs.UpdateService": 1,
	}
	first := map[string]int64{"dynamodb.UpdateTimeToLive": 1, "ecs.CreateCluster": 1, "ecs.CreateService": 1}
	maps.Copy(first, always)
	if diff := cmp.Diff(first, ensure()); diff != "" {
		t.Errorf("calls for a new state: %s", diff)
	}
	if diff := cmp.Diff(always, ensure()); diff != "" {
		t.Errorf("calls for one that is there: %s", diff)
	}
}
