package quota_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/quota"
)

func TestRaises(t *testing.T) {
	t.Parallel()
	earlier := func(status types.RequestStatus) types.RequestedServiceQuotaChange {
		return types.RequestedServiceQuotaChange{Id: aws.String("r0"), CaseId: aws.String("42"), Status: status, DesiredValue: aws.Float64(500), Created: &noon}
	}
	limit := quota.Figure{VCPU: 100, Known: true}
	for _, c := range []struct {
		because   string
		limit     quota.Figure
		to        float64
		edit      func(*account)
		duplicate quota.Request
		err       error
	}{
		{because: "the first request", limit: limit, to: 200},
		{because: "what is decided is no duplicate, wherever it stands", limit: limit, to: 200, edit: func(a *account) {
			a.requests = append(a.requests, earlier(types.RequestStatusApproved), earlier(types.RequestStatusDenied), earlier(types.RequestStatusCaseClosed), earlier(types.RequestStatusNotApproved))
		}},
		{because: "a pending one on the last page", limit: limit, to: 200, edit: func(a *account) {
			a.requests = append(a.requests, earlier(types.RequestStatusApproved), earlier(types.RequestStatusDenied), earlier(types.RequestStatusPending))
		}, duplicate: quota.Request{ID: "r0", Case: "42", Status: "PENDING", VCPU: 500, Created: noon}},
		{because: "one with a case, for another number", limit: limit, to: 900, edit: func(a *account) { a.requests = append(a.requests, earlier(types.RequestStatusCaseOpened)) },
			duplicate: quota.Request{ID: "r0", Case: "42", Status: "CASE_OPENED", VCPU: 500, Created: noon}},
		{because: "one that somebody filed a moment ago", limit: limit, to: 200, edit: func(a *account) { a.raiseErr = &types.ResourceAlreadyExistsException{} },
			duplicate: quota.Request{Status: "PENDING"}},
		{because: "no more than there is", limit: limit, to: 100, err: quota.ErrNotMore},
		{because: "nothing at all", to: 0, err: quota.ErrNotMore},
		{because: "an unknown limit does not stand in the way", to: 50},
		{because: "a refusal is passed on", limit: limit, to: 200, edit: func(a *account) { a.raiseErr = denied }, err: denied},
	} {
		a := newAccount()
		if c.edit != nil {
			c.edit(a)
		}
		before := len(a.requests)
		got, err := quota.Raise(t.Context(), a, quota.OnDemand, c.limit, c.to)
		var dup *quota.DuplicateError
		switch {
		case c.duplicate != quota.Request{}:
			if !errors.As(err, &dup) || cmp.Diff(c.duplicate, dup.Open) != "" || len(a.requests) != before {
				t.Errorf("%s: %v", c.because, err)
			}
		case c.err != nil:
			if !errors.Is(err, c.err) || len(a.requests) != before {
				t.Errorf("%s: %v", c.because, err)
			}
		default:
			want := quota.Request{ID: "r1", Status: "PENDING", VCPU: c.to, Created: noon}
			if diff := cmp.Diff(want, got); err != nil || diff != "" || len(a.requests) != before+1 || !got.Open() {
				t.Errorf("%s: %v\n%s", c.because, err, diff)
			}
		}
	}
}
