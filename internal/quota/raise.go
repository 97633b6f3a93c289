package quota

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
)

// Request is a wish for a larger quota.
type Request struct {
	ID string `json:"id"`
	// Case is the number of the support case, "" while there is none.
	Case string `json:"case,omitempty"`
	// Status is PENDING, CASE_OPENED, or an end: APPROVED, DENIED, NOT_APPROVED, CASE_CLOSED, INVALID_REQUEST.
	Status string `json:"status"`
	// VCPU is what was asked for.
	VCPU    float64   `json:"vcpu"`
	Created time.Time `json:"created,omitzero"`
}

// Open reports whether nobody has decided yet.
func (r Request) Open() bool {
	return r.Status == string(types.RequestStatusPending) || r.Status == string(types.RequestStatusCaseOpened)
}

// DuplicateError says that a request for the quota is open: a second one would only be closed as its duplicate.
type DuplicateError struct {
	Kind Kind
	// Open is the request that there is.
	Open Request
}

// Error names the request.
func (e *DuplicateError) Error() string {
	text := fmt.Sprintf("a request for %g %s vCPUs is %s since %s", e.Open.VCPU, e.Kind, e.Open.Status, e.Open.Created.Format(time.DateOnly))
	if e.Open.Case != "" {
		text += " (support case " + e.Open.Case + ")"
	}
	return text
}

// ErrNotMore says that a raise was asked for that is none.
var ErrNotMore = errors.New("that is not more than there is")

// maxRequests bounds how much of the history is read: 20 pages.
const maxRequestPages = 20

// Requests returns the requests for a quota that Service Quotas remembers, about a year, in its order.
func Requests(ctx context.Context, api ServiceQuotas, k Kind) ([]Request, error) {
	var all []Request
	in := &servicequotas.ListRequestedServiceQuotaChangeHistoryByQuotaInput{ServiceCode: aws.String(ServiceCode), QuotaCode: aws.String(k.Code())}
	for range maxRequestPages {
		out, err := api.ListRequestedServiceQuotaChangeHistoryByQuota(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the requests for %s: %w", k.Code(), err)
		}
		for i := range out.RequestedQuotas {
			all = append(all, request(&out.RequestedQuotas[i]))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("list the requests for %s: more than %d pages", k.Code(), maxRequestPages)
}

// CheckRaise says whether Raise would refuse.
func CheckRaise(ctx context.Context, api ServiceQuotas, k Kind, limit Figure, vcpu float64) error {
	if !(vcpu > 0 && vcpu <= maxVCPU) || limit.Known && vcpu <= limit.VCPU {
		return fmt.Errorf("ask for %g %s vCPUs, with a limit of %g: %w", vcpu, k, limit.VCPU, ErrNotMore)
	}
	have, err := Requests(ctx, api, k)
	if err != nil {
		return err
	}
	for _, r := range have {
		if r.Open() {
			return &DuplicateError{Kind: k, Open: r}
		}
	}
	return nil
}

// Raise files a request for vcpu vCPUs. It refuses with a *DuplicateError while another is open, and with
// ErrNotMore for a raise to no more than limit. Both are looked at just before; of two that file at the same moment, AWS refuses one.
func Raise(ctx context.Context, api ServiceQuotas, k Kind, limit Figure, vcpu float64) (Request, error) {
	if err := CheckRaise(ctx, api, k, limit, vcpu); err != nil {
		return Request{}, err
	}
	out, err := api.RequestServiceQuotaIncrease(ctx, &servicequotas.RequestServiceQuotaIncreaseInput{
		ServiceCode: aws.String(ServiceCode), QuotaCode: aws.String(k.Code()), DesiredValue: &vcpu,
	})
	if _, exists := errors.AsType[*types.ResourceAlreadyExistsException](err); exists {
		return Request{}, &DuplicateError{Kind: k, Open: Request{Status: string(types.RequestStatusPending)}}
	}
	if err != nil {
		return Request{}, fmt.Errorf("ask for %g %s vCPUs: %w", vcpu, k, err)
	}
	if out.RequestedQuota == nil {
		return Request{}, fmt.Errorf("ask for %g %s vCPUs: Service Quotas answers without a request", vcpu, k)
	}
	return request(out.RequestedQuota), nil
}

func request(c *types.RequestedServiceQuotaChange) Request {
	return Request{
		ID: aws.ToString(c.Id), Case: aws.ToString(c.CaseId), Status: string(c.Status),
		VCPU: aws.ToFloat64(c.DesiredValue), Created: aws.ToTime(c.Created),
	}
}
