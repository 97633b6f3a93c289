package servicequotas

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

// TargetPrefix is what the X-Amz-Target header of requests begins with.
const TargetPrefix = "ServiceQuotasV20190624."

// Scope is the service's name in signatures.
const Scope = "servicequotas"

const (
	serviceCode = "fargate"
	maxBody     = 64 << 10
	pending     = "PENDING"
	// maxPage is the most results of a page (API reference, MaxResults).
	maxPage = 100
)

// names of the quotas that are served, by code.
var names = map[string]string{
	"L-3032A538": "Fargate On-Demand vCPU resource count",
	"L-36FBB829": "Fargate Spot vCPU resource count",
}

// Options of New.
type Options struct {
	// Region and Account are for ARNs. Defaults: us-east-1 and 000000000000.
	Region, Account string
	// VCPU is the applied value of both quotas; 0 means that there is none.
	VCPU float64
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Service is the local Service Quotas. It is an http.Handler.
type Service struct {
	opt Options
	db  *db.DB
	api http.Handler

	mu       sync.Mutex // protects requests, in the order of their arrival
	requests []change
}

// change is a request for another value.
type change struct {
	ID      string  `json:"Id"`
	Service string  `json:"ServiceCode"`
	Code    string  `json:"QuotaCode"`
	Name    string  `json:"QuotaName"`
	Value   float64 `json:"DesiredValue"`
	Status  string  `json:"Status"`
	Created float64 `json:"Created"`
	Updated float64 `json:"LastUpdated"`
	ARN     string  `json:"QuotaArn"`
	Unit    string  `json:"Unit"`
	Global  bool    `json:"GlobalQuota"`
	Level   string  `json:"QuotaRequestedAtLevel"`
}

const schema = `CREATE TABLE IF NOT EXISTS quota_request(id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID`

// New opens the service on the database.
func New(d *db.DB, o Options) (*Service, error) {
	o.Region, o.Account = cmp.Or(o.Region, "us-east-1"), cmp.Or(o.Account, "000000000000")
	if o.Now == nil {
		o.Now = time.Now
	}
	if !(o.VCPU >= 0) || math.IsInf(o.VCPU, 0) {
		return nil, fmt.Errorf("service quotas: VCPU is %v, must not be negative", o.VCPU)
	}
	s := &Service{opt: o, db: d}
	api, err := awsjson.NewHandler(awsjson.Config{
		TargetPrefix: TargetPrefix, Version: awsjson.V11, MaxBody: maxBody,
		Operations: map[string]awsjson.Operation{
			"GetServiceQuota": awsjson.Op(s.get),
			"ListRequestedServiceQuotaChangeHistoryByQuota": awsjson.Op(s.list),
			"RequestServiceQuotaIncrease":                   awsjson.Op(s.raise),
		},
	})
	if err != nil {
		return nil, err
	}
	s.api = api
	return s, s.load(context.Background())
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.api.ServeHTTP(w, r) }

func (s *Service) load(ctx context.Context) error {
	err := s.db.Update(ctx, func(tx *db.Tx) error { _, err := tx.Exec(schema); return err })
	if err != nil {
		return fmt.Errorf("service quotas: %w", err)
	}
	err = s.db.View(ctx, func(c *db.Conn) error {
		rows, err := c.Query(`SELECT body FROM quota_request`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var body []byte
			var r change
			if err := rows.Scan(&body); err != nil {
				return err
			}
			if err := json.Unmarshal(body, &r); err != nil {
				return err
			}
			s.requests = append(s.requests, r)
		}
		return rows.Close()
	})
	if err != nil {
		return fmt.Errorf("service quotas: read the requests: %w", err)
	}
	slices.SortStableFunc(s.requests, func(a, b change) int { return cmp.Compare(a.Created, b.Created) })
	return nil
}

type quotaInput struct {
	ServiceCode, QuotaCode, Status, NextToken string
	MaxResults                                int
	DesiredValue                              float64
}

// check finds the quota that is asked for.
func (in *quotaInput) check() error {
	if in.ServiceCode != serviceCode || names[in.QuotaCode] == "" {
		return awsjson.Errorf("NoSuchResourceException", "there is no quota %q of %q here; there are L-3032A538 and L-36FBB829 of fargate", in.QuotaCode, in.ServiceCode)
	}
	return nil
}

// metric says where the usage can be seen.
type metric struct {
	Namespace  string            `json:"MetricNamespace"`
	Name       string            `json:"MetricName"`
	Dimensions map[string]string `json:"MetricDimensions"`
	Statistic  string            `json:"MetricStatisticRecommendation"`
}

type quotaView struct {
	Service     string  `json:"ServiceCode"`
	ServiceName string  `json:"ServiceName"`
	ARN         string  `json:"QuotaArn"`
	Code        string  `json:"QuotaCode"`
	Name        string  `json:"QuotaName"`
	Value       float64 `json:"Value"`
	Unit        string  `json:"Unit"`
	Adjustable  bool    `json:"Adjustable"`
	Global      bool    `json:"GlobalQuota"`
	Usage       metric  `json:"UsageMetric"`
	Level       string  `json:"QuotaAppliedAtLevel"`
}

type getOutput struct{ Quota quotaView }

func (s *Service) get(_ context.Context, in *quotaInput) (*getOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if s.opt.VCPU == 0 {
		return nil, awsjson.Errorf("NoSuchResourceException", "this local endpoint was started without a vCPU quota")
	}
	class := "Standard/OnDemand"
	if in.QuotaCode == "L-36FBB829" {
		class = "Standard/Spot"
	}
	return &getOutput{quotaView{
		Service: serviceCode, ServiceName: "AWS Fargate", ARN: s.arn(in.QuotaCode), Code: in.QuotaCode, Name: names[in.QuotaCode],
		Value: s.opt.VCPU, Unit: "None", Adjustable: true, Level: "ACCOUNT", Usage: metric{
			Namespace: "AWS/Usage", Name: "ResourceCount", Statistic: "Maximum",
			Dimensions: map[string]string{"Service": "Fargate", "Type": "Resource", "Resource": "vCPU", "Class": class},
		},
	}}, nil
}

type listOutput struct {
	RequestedQuotas []change
	NextToken       string `json:",omitempty"`
}

// list pages by position: requests are never removed.
func (s *Service) list(_ context.Context, in *quotaInput) (*listOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	from := 0
	if in.NextToken != "" {
		n, err := strconv.Atoi(in.NextToken)
		if err != nil || n < 0 {
			return nil, awsjson.Errorf("InvalidPaginationTokenException", "%q is no token of this operation", in.NextToken)
		}
		from = n
	}
	page := maxPage
	if in.MaxResults > 0 {
		page = min(page, in.MaxResults)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listOutput{RequestedQuotas: []change{}}
	seen := 0
	for _, r := range s.requests {
		if r.Code != in.QuotaCode || in.Status != "" && in.Status != r.Status {
			continue
		}
		if seen++; seen <= from {
			continue
		}
		if len(out.RequestedQuotas) == page {
			out.NextToken = strconv.Itoa(from + page)
			break
		}
		out.RequestedQuotas = append(out.RequestedQuotas, r)
	}
	return out, nil
}

type raiseOutput struct{ RequestedQuota change }

func (s *Service) raise(ctx context.Context, in *quotaInput) (*raiseOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if !(in.DesiredValue > s.opt.VCPU && in.DesiredValue <= 1e10) {
		return nil, awsjson.Errorf("IllegalArgumentException", "the desired value %v must be above the quota's %v, and at most 10000000000", in.DesiredValue, s.opt.VCPU)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.requests, func(r change) bool { return r.Code == in.QuotaCode && r.Status == pending }) {
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "a request for the quota %s is open", in.QuotaCode)
	}
	now := float64(s.opt.Now().UnixMilli()) / 1000
	r := change{
		ID: uuid.NewString(), Service: serviceCode, Code: in.QuotaCode, Name: names[in.QuotaCode], Value: in.DesiredValue, Status: pending,
		Created: now, Updated: now, ARN: s.arn(in.QuotaCode), Unit: "None", Level: "ACCOUNT",
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO quota_request(id, body) VALUES (?, ?)`, r.ID, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.requests = append(s.requests, r)
	return &raiseOutput{r}, nil
}

func (s *Service) arn(code string) string {
	return "arn:aws:servicequotas:" + s.opt.Region + ":" + s.opt.Account + ":" + serviceCode + "/" + code
}
