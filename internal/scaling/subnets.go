package scaling

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// subnets asks EC2 for free addresses. It is one call of the query protocol, signed with the SDK's signer: the SDK's own client for
// EC2 is by far its largest package.
type subnets struct {
	endpoint, region string
	ids              []string
	credentials      aws.CredentialsProvider
	client           aws.HTTPClient
	now              func() time.Time

	mu   sync.Mutex // protects what follows, and is held while EC2 is asked: askers share an answer
	free int
	at   time.Time
}

const (
	// addressesEvery is how long an answer is good: launches since are counted by the caller.
	addressesEvery = 15 * time.Second
	// addressesFor bounds a call.
	addressesFor = 5 * time.Second
	// maxAnswer bounds the answer about 200 subnets.
	maxAnswer = 1 << 20
	// ec2Version is the version of EC2's API (EC2 API reference).
	ec2Version = "2016-11-15"
)

// endpointEC2 is the SDK's variable for an endpoint of one's own.
const endpointEC2 = "AWS_ENDPOINT_URL_EC2"

func newSubnets(c aws.Config, ids []string) *subnets {
	s := &subnets{region: c.Region, ids: ids, credentials: c.Credentials, client: c.HTTPClient, now: time.Now}
	switch own := os.Getenv(endpointEC2); {
	case own != "":
		s.endpoint = own
	case c.BaseEndpoint != nil:
		s.endpoint = *c.BaseEndpoint
	case len(c.Region) > 3 && c.Region[:3] == "cn-":
		s.endpoint = "https://ec2." + c.Region + ".amazonaws.com.cn"
	default:
		s.endpoint = "https://ec2." + c.Region + ".amazonaws.com"
	}
	return s
}

// Free returns the number of free addresses in all the subnets.
func (s *subnets) Free(ctx context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); !s.at.IsZero() && now.Sub(s.at) < addressesEvery && !now.Before(s.at) {
		return s.free, nil
	}
	ctx, cancel := context.WithTimeout(ctx, addressesFor)
	defer cancel()
	n, err := s.ask(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the free addresses of the subnets: %w", err)
	}
	s.free, s.at = n, s.now()
	return n, nil
}

func (s *subnets) ask(ctx context.Context) (int, error) {
	form := url.Values{"Action": {"DescribeSubnets"}, "Version": {ec2Version}}
	for i, id := range s.ids {
		form.Set("SubnetId."+strconv.Itoa(i+1), id)
	}
	body := []byte(form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	keys, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return 0, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), "ec2", s.region, s.now()); err != nil {
		return 0, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, err
	}
	return readSubnetAnswer(res.StatusCode, answer, len(s.ids))
}

// readSubnetAnswer reads EC2's answer about so many subnets.
func readSubnetAnswer(status int, answer []byte, of int) (int, error) {
	var in struct {
		Free []int `xml:"subnetSet>item>availableIpAddressCount"`
		Errs []struct {
			Code    string
			Message string
		} `xml:"Errors>Error"`
	}
	err := xml.Unmarshal(answer, &in)
	switch {
	case status != http.StatusOK && len(in.Errs) > 0:
		return 0, fmt.Errorf("EC2 answered %s: %.200s", in.Errs[0].Code, in.Errs[0].Message)
	case status != http.StatusOK:
		return 0, fmt.Errorf("EC2 answered %d: %.200q", status, answer)
	case err != nil:
		return 0, fmt.Errorf("EC2's answer cannot be read: %w", err)
	case len(in.Free) != of:
		return 0, fmt.Errorf("EC2 told of %d subnets, asked for %d", len(in.Free), of)
	}
	sum := 0
	for _, n := range in.Free {
		if n < 0 || n > 1<<20 {
			return 0, fmt.Errorf("EC2 says that a subnet has %d free addresses", n)
		}
		sum += n
	}
	return sum, nil
}
