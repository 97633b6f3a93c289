package stack

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestAStackInAnotherRegionIsRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ url, region string }{
		{"https://sqs.eu-west-1.amazonaws.com/123456789012/starburst", "eu-west-1"},
		{"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/starburst", "cn-north-1"},
		{"https://eu-west-1.queue.amazonaws.com/123456789012/starburst", "eu-west-1"},
		{"http://127.0.0.1:4566/000000000000/starburst", ""},
		{"", ""}, {"::", ""}, {"https://sqs.example.com/1/x", ""},
	} {
		if got := RegionOf(tc.url); got != tc.region {
			t.Errorf("%s is in %q, want %q", tc.url, got, tc.region)
		}
		s := Stack{QueueURL: tc.url}
		if err := s.checkRegion(aws.Config{Region: tc.region}); err != nil {
			t.Errorf("%s: %v", tc.url, err)
		}
		err := s.checkRegion(aws.Config{Region: "us-east-1"})
		if (err != nil) != (tc.region != "") || err != nil && exit.HintOf(err) != "export AWS_REGION="+tc.region {
			t.Errorf("%s from us-east-1: %v", tc.url, err)
		}
		if err := s.checkRegion(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://x")}); err != nil {
			t.Errorf("%s at an endpoint of one's own: %v", tc.url, err)
		}
	}
}
