package awscall

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Identity is who the credentials belong to.
type Identity struct {
	Account string `xml:"GetCallerIdentityResult>Account"`
	ARN     string `xml:"GetCallerIdentityResult>Arn"`
}

// WhoAmI asks STS. No permission is needed for it.
func (c *Caller) WhoAmI(ctx context.Context) (Identity, Answer, error) {
	var id Identity
	a, err := c.Query(ctx, STS, "GetCallerIdentity", nil, &id)
	return id, a, err
}

// Parameter returns the value of a parameter of SSM.
func (c *Caller) Parameter(ctx context.Context, name string) (string, error) {
	var out struct{ Parameter struct{ Value string } }
	_, err := c.JSON(ctx, SSM, "GetParameter", map[string]string{"Name": name}, &out)
	return out.Parameter.Value, err
}

// RegistryLogin returns user and password of the account's image registry, good for 12 hours.
func (c *Caller) RegistryLogin(ctx context.Context) (user, password string, err error) {
	var out struct {
		Data []struct {
			Token string `json:"authorizationToken"`
		} `json:"authorizationData"`
	}
	if _, err := c.JSON(ctx, ECR, "GetAuthorizationToken", struct{}{}, &out); err != nil {
		return "", "", err
	}
	if len(out.Data) == 0 {
		return "", "", errors.New("ECR answers without a token")
	}
	plain, err := base64.StdEncoding.DecodeString(out.Data[0].Token)
	if err != nil {
		return "", "", fmt.Errorf("read ECR's token: %w", err)
	}
	user, password, ok := strings.Cut(string(plain), ":")
	if !ok {
		return "", "", errors.New("ECR's token is not user and password")
	}
	return user, password, nil
}

// Subnet of a network.
type Subnet struct {
	ID   string `xml:"subnetId"`
	Zone string `xml:"availabilityZone"`
	// Free are the addresses that nothing has; a task needs one.
	Free int `xml:"availableIpAddressCount"`
}

// Subnets describes subnets by name.
func (c *Caller) Subnets(ctx context.Context, ids []string) ([]Subnet, error) {
	form := url.Values{}
	for i, id := range ids {
		form.Set("SubnetId."+strconv.Itoa(i+1), id)
	}
	var out struct {
		Subnets []Subnet `xml:"subnetSet>item"`
	}
	_, err := c.Query(ctx, EC2, "DescribeSubnets", form, &out)
	return out.Subnets, err
}

// maxActions is how many actions one simulation is asked for.
const maxActions = 50

// Denied asks IAM which of the actions a principal may not do to a resource. Policies of resources and organisations are not looked at.
func (c *Caller) Denied(ctx context.Context, principal, resource string, actions []string) (denied []string, err error) {
	if len(actions) > maxActions {
		return nil, fmt.Errorf("%d actions, at most %d can be asked for", len(actions), maxActions)
	}
	form := url.Values{"PolicySourceArn": {principal}, "ResourceArns.member.1": {resource}}
	for i, a := range actions {
		form.Set("ActionNames.member."+strconv.Itoa(i+1), a)
	}
	var out struct {
		Results []struct {
			Action   string `xml:"EvalActionName"`
			Decision string `xml:"EvalDecision"`
		} `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
	}
	if _, err := c.Query(ctx, IAM, "SimulatePrincipalPolicy", form, &out); err != nil {
		return nil, err
	}
	if len(out.Results) != len(actions) {
		return nil, fmt.Errorf("IAM told of %d actions, asked for %d", len(out.Results), len(actions))
	}
	for _, r := range out.Results {
		if r.Decision != "allowed" {
			denied = append(denied, r.Action)
		}
	}
	return denied, nil
}

// PrincipalOf is the role behind a session, by the ARN that IAM knows it by; any other principal is returned as it is.
// A role with a path cannot be told from its sessions: its ARN is then wrong, and IAM says that there is no such role.
func PrincipalOf(arn string) string {
	account, session, is := strings.Cut(arn, ":assumed-role/")
	role, _, named := strings.Cut(session, "/")
	if !is || !named {
		return arn
	}
	return strings.Replace(account, ":sts:", ":iam:", 1) + ":role/" + role
}
