package stack

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/starburst-go/starburst/internal/exit"
)

// RegionOf returns the Region of a queue by its URL, "" for a queue that is not at AWS.
func RegionOf(queueURL string) string {
	u, err := url.Parse(queueURL)
	if err != nil {
		return ""
	}
	// https://sqs.eu-west-1.amazonaws.com/123456789012/name; older ones begin with eu-west-1.queue.
	parts := strings.Split(u.Hostname(), ".")
	if len(parts) < 4 || !strings.Contains(u.Hostname(), ".amazonaws.com") {
		return ""
	}
	switch {
	case parts[0] == "sqs":
		return parts[1]
	case parts[1] == "queue":
		return parts[0]
	}
	return ""
}

// checkRegion refuses a configuration for another Region than the stack's: AWS would only say that there is no such queue.
func (s Stack) checkRegion(cfg aws.Config) error {
	at := RegionOf(s.QueueURL)
	if at == "" || at == cfg.Region || cfg.BaseEndpoint != nil {
		return nil
	}
	return exit.Errorf(exit.Usage, "the stack's queue is in %s, and the AWS configuration is for %s", at, cfg.Region).
		WithHint("export AWS_REGION=%s", at)
}
