package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// TargetPrefix is what the X-Amz-Target header of the JSON protocol begins with; PathPrefix, what paths of RPC v2 do.
const (
	TargetPrefix = "GraniteServiceVersion20100801."
	PathPrefix   = "/service/GraniteServiceVersion20100801/operation/"
)

// Scope is the service's name in signatures.
const Scope = "monitoring"

const (
	maxBody    = 256 << 10
	maxQueries = 500 // API reference, GetMetricData
)

// Options of New.
type Options struct {
	// Used returns the vCPUs that tasks use now, on Spot or not. Required.
	Used func(spot bool) float64
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Service is the local CloudWatch. It is an http.Handler.
type Service struct {
	opt  Options
	json http.Handler
}

// New makes the service.
func New(o Options) (*Service, error) {
	if o.Used == nil {
		return nil, errors.New("cloudwatch options: Used is nil; there is nothing else to tell")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{opt: o}
	api, err := awsjson.NewHandler(awsjson.Config{
		TargetPrefix: TargetPrefix, Version: awsjson.V10, MaxBody: maxBody,
		Operations: map[string]awsjson.Operation{"GetMetricData": awsjson.Op(s.getMetricData)},
	})
	s.json = api
	return s, err
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Smithy-Protocol") == protocol {
		s.serveCBOR(w, r)
		return
	}
	s.json.ServeHTTP(w, r)
}

type dimension struct{ Name, Value string }

type metricStat struct {
	Metric struct {
		Namespace, MetricName string
		Dimensions            []dimension
	}
	Period int
	Stat   string
}

type query struct {
	ID         string `json:"Id"`
	Label      string
	Expression string
	MetricStat *metricStat
	ReturnData *bool
}

// dataInput has times in seconds since 1970.
type dataInput struct {
	StartTime, EndTime float64
	MetricDataQueries  []query
}

type dataResult struct {
	ID         string `json:"Id"`
	Label      string
	StatusCode string
	Timestamps []float64
	Values     []float64
}

type dataOutput struct {
	MetricDataResults []dataResult
	Messages          []string
}

func (s *Service) getMetricData(_ context.Context, in *dataInput) (*dataOutput, error) {
	if in.EndTime <= in.StartTime || len(in.MetricDataQueries) == 0 || len(in.MetricDataQueries) > maxQueries {
		return nil, invalid("StartTime must be before EndTime, and there must be 1 to %d queries", maxQueries)
	}
	out := &dataOutput{MetricDataResults: []dataResult{}, Messages: []string{}}
	for _, q := range in.MetricDataQueries {
		switch {
		case q.Expression != "" || q.MetricStat == nil:
			return nil, invalid("query %q: this local endpoint has no expressions, only a MetricStat", q.ID)
		case q.MetricStat.Period < 1:
			return nil, invalid("query %q: Period is %d, must be at least 1", q.ID, q.MetricStat.Period)
		case q.ReturnData != nil && !*q.ReturnData:
			continue
		}
		r := dataResult{ID: q.ID, Label: q.Label, StatusCode: "Complete", Timestamps: []float64{}, Values: []float64{}}
		if r.Label == "" {
			r.Label = q.MetricStat.Metric.MetricName
		}
		at := float64(s.opt.Now().Unix()/60) * 60
		if spot, ok := q.MetricStat.usage(); ok && in.StartTime <= at && at < in.EndTime {
			r.Timestamps, r.Values = append(r.Timestamps, at), append(r.Values, s.opt.Used(spot))
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	return out, nil
}

// usage reports whether the metric is that of Fargate's vCPUs, with all of its dimensions and no other: CloudWatch knows no wildcards.
func (m *metricStat) usage() (spot, ok bool) {
	if m.Metric.Namespace != "AWS/Usage" || m.Metric.MetricName != "ResourceCount" || len(m.Metric.Dimensions) != 4 {
		return false, false
	}
	have := map[string]string{}
	for _, d := range m.Metric.Dimensions {
		have[d.Name] = d.Value
	}
	class := have["Class"]
	return class == "Standard/Spot", have["Service"] == "Fargate" && have["Type"] == "Resource" && have["Resource"] == "vCPU" &&
		(class == "Standard/Spot" || class == "Standard/OnDemand")
}

func invalid(format string, args ...any) error {
	return awsjson.Errorf("InvalidParameterValueException", "%s", fmt.Sprintf(format, args...))
}
