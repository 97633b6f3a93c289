package awscall

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/starburst-go/starburst/internal/awserr"
)

// Service is how one of AWS's services is spoken to.
type Service struct {
	// ID is the SDK's name of the service; its variable AWS_ENDPOINT_URL_<ID> names an endpoint of one's own.
	ID string
	// signing and host are its names in signatures and addresses.
	signing, host string
	// target is the prefix of JSON operations, version that of the query protocol.
	target, version string
	global          bool
}

// The services.
var (
	ECR = Service{ID: "ECR", signing: "ecr", host: "api.ecr", target: "AmazonEC2ContainerRegistry_V20150921"}
	SSM = Service{ID: "SSM", signing: "ssm", host: "ssm", target: "AmazonSSM"}
	STS = Service{ID: "STS", signing: "sts", host: "sts", version: "2011-06-15"}
	// Logs is CloudWatch Logs.
	Logs = Service{ID: "CLOUDWATCH_LOGS", signing: "logs", host: "logs", target: "Logs_20140328"}
	EC2  = Service{ID: "EC2", signing: "ec2", host: "ec2", version: "2016-11-15"}
	// IAM has one address for all Regions.
	IAM = Service{ID: "IAM", signing: "iam", host: "iam", version: "2010-05-08", global: true}
)

const (
	// maxAnswer bounds an answer; the largest asked for, of SSM's parameters and EC2's subnets, are far below.
	maxAnswer = 4 << 20
	// timeout bounds a call, tries how often a transient failure is tried.
	timeout = 15 * time.Second
	tries   = 3
)

// Caller makes calls with one configuration. It is safe for concurrent use.
type Caller struct {
	cfg    aws.Config
	now    func() time.Time
	getenv func(string) string
}

// New makes a Caller of the SDK's configuration.
func New(cfg aws.Config) *Caller { return &Caller{cfg: cfg, now: time.Now, getenv: os.Getenv} }

// Region is where regional services are asked.
func (c *Caller) Region() string { return c.cfg.Region }

// Answer is what is known of an answer besides its content.
type Answer struct {
	// Skew is how far this machine's clock is ahead of AWS's, to the second; zero when the answer has no date.
	Skew time.Duration
}

// JSON calls an operation of the JSON protocol. out is filled in unless nil.
func (c *Caller) JSON(ctx context.Context, s Service, operation string, in, out any) (Answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", s.ID, operation, err)
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {s.target + "." + operation}}
	return c.call(ctx, s, operation, header, body, jsonError, func(b []byte) error {
		if out == nil {
			return nil
		}
		return json.Unmarshal(b, out)
	})
}

// Query calls an operation of the query protocol. out, with its XML tags, is filled in unless nil.
func (c *Caller) Query(ctx context.Context, s Service, operation string, form url.Values, out any) (Answer, error) {
	full := url.Values{"Action": {operation}, "Version": {s.version}}
	maps.Copy(full, form)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	return c.call(ctx, s, operation, header, []byte(full.Encode()), xmlError, func(b []byte) error {
		if out == nil {
			return nil
		}
		return xml.Unmarshal(b, out)
	})
}

// call tries until an answer comes or the failure is not transient.
func (c *Caller) call(ctx context.Context, s Service, operation string, header http.Header, body []byte, readError func([]byte) *smithy.GenericAPIError, read func([]byte) error) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for try := 1; ; try++ {
		a, err := c.once(ctx, s, header, body, readError, read)
		if err == nil {
			return a, nil
		}
		err = &smithy.OperationError{ServiceID: s.ID, OperationName: operation, Err: err}
		if try == tries || !awserr.IsTransient(err) {
			return a, err
		}
		select {
		case <-time.After(time.Duration(try) * 200 * time.Millisecond):
		case <-ctx.Done():
			return a, err
		}
	}
}

func (c *Caller) once(ctx context.Context, s Service, header http.Header, body []byte, readError func([]byte) *smithy.GenericAPIError, read func([]byte) error) (Answer, error) {
	req, err := c.request(ctx, s, header, body)
	if err != nil {
		return Answer{}, err
	}
	res, err := c.cfg.HTTPClient.Do(req)
	if err != nil {
		return Answer{}, &smithyhttp.RequestSendError{Err: err}
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	var a Answer
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		a.Skew = c.now().Sub(at).Truncate(time.Second)
	}
	content, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return a, fmt.Errorf("read the answer: %w", err)
	case len(content) > maxAnswer:
		return a, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	case res.StatusCode != http.StatusOK:
		return a, &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: res}, Err: named(readError(content), res.StatusCode)}
	}
	if err := read(content); err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	return a, nil
}

// request makes the signed request.
func (c *Caller) request(ctx context.Context, s Service, header http.Header, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint(s)+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	if c.cfg.Credentials == nil {
		return nil, &v4.SigningError{Err: errors.New("no credentials are configured")}
	}
	keys, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, &v4.SigningError{Err: err}
	}
	region := c.cfg.Region
	if s.global {
		region = globalRegion(region)
	}
	sum := sha256.Sum256(body)
	return req, v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), s.signing, region, c.now())
}

// endpoint is the address: one's own, or AWS's.
func (c *Caller) endpoint(s Service) string {
	if own := cmp.Or(c.getenv("AWS_ENDPOINT_URL_"+s.ID), aws.ToString(c.cfg.BaseEndpoint)); own != "" {
		return strings.TrimSuffix(own, "/")
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(c.cfg.Region, "cn-") {
		domain += ".cn"
	}
	if s.global && domain == "amazonaws.com" {
		return "https://" + s.host + "." + domain
	}
	return "https://" + s.host + "." + c.cfg.Region + "." + domain
}

// globalRegion is what a service with one address is signed for.
func globalRegion(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "cn-north-1"
	case strings.HasPrefix(region, "us-gov-"):
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// named fills in what an answer does not say.
func named(e *smithy.GenericAPIError, status int) *smithy.GenericAPIError {
	e.Code = cmp.Or(e.Code, fmt.Sprintf("HTTP%d", status))
	e.Message = cmp.Or(e.Message, http.StatusText(status))
	if status >= http.StatusInternalServerError {
		e.Fault = smithy.FaultServer
	}
	return e
}

func jsonError(b []byte) *smithy.GenericAPIError {
	var in struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(b, &in) // an answer that is none has no code; the names of fields are matched in any case
	if i := strings.LastIndexByte(in.Type, '#'); i >= 0 {
		in.Type = in.Type[i+1:]
	}
	return &smithy.GenericAPIError{Code: in.Type, Message: in.Message}
}

func xmlError(b []byte) *smithy.GenericAPIError {
	var in struct {
		Errs []struct{ Code, Message string } `xml:"Error"`
		EC2  []struct{ Code, Message string } `xml:"Errors>Error"`
	}
	_ = xml.Unmarshal(b, &in) // as above
	for _, e := range append(in.Errs, in.EC2...) {
		return &smithy.GenericAPIError{Code: e.Code, Message: e.Message}
	}
	return &smithy.GenericAPIError{}
}
