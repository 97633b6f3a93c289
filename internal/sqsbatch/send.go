package sqsbatch

import (
	"cmp"
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Sender is the call that SendAll makes; *sqs.Client has it. An implementation
// must name each entry of the request in its answer, but need not: see ErrUnaccounted.
type Sender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Entry is one message to send.
type Entry struct {
	// Body is the message's text, 1 byte to 1 MiB.
	Body string
	// Delay keeps the message invisible at first. It is rounded up to whole
	// seconds and cut to MaxDelay. Zero means the queue's own delay.
	Delay time.Duration
	// GroupID is the tenant of the message on a queue with fair scheduling; empty for none.
	GroupID string
	// Attributes go with the message. Ours need none; a message that is moved keeps its own.
	Attributes map[string]types.MessageAttributeValue
	// Trace is the W3C traceparent to which the message belongs. It goes with the message as AWSTraceHeader, which SQS counts
	// neither among the attributes nor into the size. Empty, or not a traceparent: none goes.
	Trace string
}

// size is what counts toward SQS's limits: the body, and each attribute's name, type and value.
func (e *Entry) size() int {
	n := len(e.Body)
	for name, v := range e.Attributes {
		n += len(name) + len(aws.ToString(v.DataType)) + len(aws.ToString(v.StringValue)) + len(v.BinaryValue)
	}
	return n
}

// SendAll sends all the entries to the queue and returns an error an entry, in
// order; nil means that SQS confirmed it. It returns when every entry is sent or
// has failed for good, or when ctx ends. An entry with an error may have been sent.
func SendAll(ctx context.Context, api Sender, queueURL string, entries []Entry) []error {
	return Policy{}.SendAll(ctx, api, queueURL, entries)
}

// SendAll is the function SendAll under the policy.
func (p Policy) SendAll(ctx context.Context, api Sender, queueURL string, entries []Entry) []error {
	p.CallTimeout = cmp.Or(p.CallTimeout, DefaultSendTimeout)
	errs := make([]error, len(entries))
	queue := make([]int, 0, len(entries))
	for i := range entries {
		if errs[i] = legal(entries[i].Body); errs[i] == nil {
			queue = append(queue, i)
		}
	}
	return operation{
		name: "send message",
		size: func(entry int) int { return entries[entry].size() },
		call: func(ctx context.Context, batch []int) (answer, error) {
			in := sqs.SendMessageBatchInput{QueueUrl: &queueURL, Entries: make([]types.SendMessageBatchRequestEntry, len(batch))}
			for k, i := range batch {
				in.Entries[k] = request(k, &entries[i])
			}
			out, err := api.SendMessageBatch(ctx, &in)
			if err != nil {
				return answer{}, err
			}
			got := answer{failed: out.Failed, succeeded: make([]*string, len(out.Successful))}
			for k := range out.Successful {
				got.succeeded[k] = out.Successful[k].Id
			}
			return got, nil
		},
	}.do(ctx, p, queue, errs)
}

func request(k int, e *Entry) types.SendMessageBatchRequestEntry {
	r := types.SendMessageBatchRequestEntry{
		Id: idOf(k), MessageBody: &e.Body, DelaySeconds: seconds(e.Delay, MaxDelay), MessageAttributes: e.Attributes,
	}
	if e.GroupID != "" {
		r.MessageGroupId = &e.GroupID
	}
	if header := traceHeader(e.Trace); header != "" {
		r.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {DataType: textType, StringValue: &header},
		}
	}
	return r
}

// seconds rounds up, so that a short positive time does not become none at all.
func seconds(d, most time.Duration) int32 {
	return int32((min(max(d, 0), most) + time.Second - 1) / time.Second)
}

// legal refuses what SQS would refuse, before it can spoil a batch. A body with
// bytes that are not UTF-8 is the worst of these: the SDK replaces them, SQS accepts
// the message, and only then the checksum fails, so that a retry adds another bad message.
func legal(body string) error {
	if body == "" {
		return fmt.Errorf("send message: %w: it is empty", ErrBody)
	}
	if len(body) > MaxBytes {
		return fmt.Errorf("send message: %w: %d bytes, SQS takes %d", ErrTooLarge, len(body), MaxBytes)
	}
	for i := range len(body) {
		if c := body[i]; c < 0x20 || c > 0x7e {
			return legalRunes(body)
		}
	}
	return nil
}

// legalRunes checks the characters that SQS allows (API reference, SendMessage):
// #x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF.
func legalRunes(body string) error {
	for i, r := range body {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(body[i:]); n == 1 {
				return fmt.Errorf("send message: %w: not UTF-8 at byte %d", ErrBody, i)
			}
		}
		if (r < 0x20 && r != '\t' && r != '\n' && r != '\r') || r == 0xfffe || r == 0xffff {
			return fmt.Errorf("send message: %w: character %U at byte %d", ErrBody, r, i)
		}
	}
	return nil
}
