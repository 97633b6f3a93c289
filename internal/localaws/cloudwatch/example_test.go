package cloudwatch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/cloudwatch"
)

// The vCPUs in use, asked for with AWS JSON.
func Example() {
	s, err := cloudwatch.New(cloudwatch.Options{Used: func(bool) float64 { return 4 }, Now: func() time.Time { return time.Unix(1200, 0) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"StartTime":0,"EndTime":1260,"MetricDataQueries":[{"Id":"used","MetricStat":{"Period":60,"Stat":"Maximum",
		"Metric":{"Namespace":"AWS/Usage","MetricName":"ResourceCount","Dimensions":[{"Name":"Service","Value":"Fargate"},{"Name":"Type","Value":"Resource"},
		{"Name":"Resource","Value":"vCPU"},{"Name":"Class","Value":"Standard/OnDemand"}]}}}]}`))
	r.Header.Set("X-Amz-Target", cloudwatch.TargetPrefix+"GetMetricData")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(w.Body.String()))
	// Output: {"MetricDataResults":[{"Id":"used","Label":"ResourceCount","StatusCode":"Complete","Timestamps":[1200],"Values":[4]}],"Messages":[]}
}
