package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (p *patient) attributes(ctx context.Context, url string) (map[string]string, error) {
	out, err := p.Clients.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

func (p *patient) queueThere(ctx context.Context) Check {
	a, err := p.attributes(ctx, p.Site.QueueURL)
	if err != nil {
		return failed(err)
	}
	p.queue = a
	return ok("%s: %s messages wait, %s are being worked on", p.Site.QueueURL, a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"])
}

const (
	// leastVisibility is what a worker's heartbeats need: one is sent in a third of it, and may be late or lost.
	leastVisibility = 30 * time.Second
	// mostVisibility is how long a dead worker's tasks may be out of everybody's reach.
	mostVisibility = 15 * time.Minute
	// goodVisibility is what Fix sets.
	goodVisibility = time.Minute
	// longestTask is SQS's limit of a message's invisibility, however often it is extended (12 hours, API reference, ChangeMessageVisibility).
	longestTask = 12 * time.Hour
)

func (p *patient) visibility(ctx context.Context) Check {
	if p.queue == nil {
		return unknown("first the queue", "the queue could not be read")
	}
	v := p.duration(p.queue, "VisibilityTimeout")
	set := fmt.Sprintf("visibility_seconds in Terraform, or starburst doctor --fix: %v", goodVisibility)
	switch {
	case p.TaskTime > longestTask:
		return bad("split the task: SQS hides a message for 12 hours at most, however often a worker asks for more", "a task of %v cannot be worked on", p.TaskTime)
	case v < leastVisibility && !p.Local: // this machine's endpoint answers at once, and is patient with nobody
		return p.mend(ctx, p.Site.QueueURL, "VisibilityTimeout", goodVisibility, bad(set, "messages come back after %v: too short for a worker to ask for more in time", v))
	case v > mostVisibility:
		return p.mend(ctx, p.Site.QueueURL, "VisibilityTimeout", goodVisibility, bad(set, "a dead worker's messages come back only after %v", v))
	}
	return ok("a dead worker's messages come back after %v; living ones ask for more, so tasks may take up to %v", v, longestTask)
}

func (p *patient) deadLetters(ctx context.Context) Check {
	if p.Site.DLQURL == "" {
		return bad("terraform apply, or starburst init --create", "the stack has no dead-letter queue: what cannot be worked on comes back for ever")
	}
	a, err := p.attributes(ctx, p.Site.DLQURL)
	if err != nil {
		return failed(err)
	}
	p.dead = a
	if p.queue == nil {
		return unknown("first the queue", "the queue could not be read")
	}
	var redrive struct {
		Target   string `json:"deadLetterTargetArn"`
		Receives any    `json:"maxReceiveCount"` // a number, or one in quotes
	}
	if err := json.Unmarshal([]byte(p.queue["RedrivePolicy"]), &redrive); err != nil || redrive.Target != a["QueueArn"] {
		return bad("terraform apply", "the queue does not send to %s, but to %q", a["QueueArn"], redrive.Target)
	}
	n, _ := strconv.Atoi(fmt.Sprint(redrive.Receives)) // 0 is reported as too few
	if n < 5 {
		return bad("max_receives in Terraform: 20 is usual, since every release and restart counts", "a message is given up after %d receives", n)
	}
	if waiting := a["ApproximateNumberOfMessages"]; waiting != "0" {
		return bad("starburst dlq ls shows why, starburst dlq redrive sends them again", "%s messages have been given up", waiting)
	}
	return ok("empty; messages come here after %d receives", n)
}

// longRetention is SQS's most, 14 days.
const longRetention = 14 * 24 * time.Hour

func (p *patient) retention(ctx context.Context) Check {
	if p.queue == nil || p.dead == nil {
		return unknown("first the queues", "the queues could not be read")
	}
	q, d := p.duration(p.queue, "MessageRetentionPeriod"), p.duration(p.dead, "MessageRetentionPeriod")
	if d <= q && d < longRetention {
		return p.mend(ctx, p.Site.DLQURL, "MessageRetentionPeriod", longRetention, bad("dlq_retention_days in Terraform, or starburst doctor --fix",
			"the dead-letter queue keeps messages for %v, the queue for %v: a message keeps its age when it moves, and would be lost at once", d, q))
	}
	return ok("the queue keeps messages for %v, the dead-letter queue for %v", q, d)
}

func (p *patient) duration(attributes map[string]string, name string) time.Duration {
	n, _ := strconv.Atoi(attributes[name]) // what is no number is 0, which is reported
	return time.Duration(n) * time.Second
}

// mend sets an attribute of a queue, if that is asked for.
func (p *patient) mend(ctx context.Context, url, attribute string, to time.Duration, was Check) Check {
	if !p.Fix {
		return was
	}
	_, err := p.Clients.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{attribute: strconv.Itoa(int(to / time.Second))}})
	return mended(was, fmt.Sprintf("%s is %v now; set it in Terraform too", attribute, to), err)
}

func mended(was Check, now string, err error) Check {
	if err != nil {
		was.Saw += fmt.Sprintf("; mending it failed: %v", err)
		return was
	}
	return Check{State: Fixed, Saw: was.Saw + ": " + now}
}
