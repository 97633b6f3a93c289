package sqs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// isType reports whether err is the SDK's typed error E.
func isType[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// hasCode reports whether err is an untyped API error with a code.
func hasCode(code string) func(error) bool {
	return func(err error) bool {
		var e smithy.APIError
		return errors.As(err, &e) && e.ErrorCode() == code
	}
}

// TestErrorsAreTheSDKsTypes asks for everything that can be refused. Servers written
// by others (see AWS_ENDPOINT_URL_SQS in sdkClient) must refuse the same, except
// for what ElasticMQ lets pass: those cases are marked ours, and stand on the API
// reference alone.
func TestErrorsAreTheSDKsTypes(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	url, arn := sdkQueue(t, client, "-q", nil)
	fifo, fifoARN := sdkQueue(t, client, ".fifo", map[string]string{"FifoQueue": "true"})
	missing := url + "-missing"
	ctx := t.Context()
	s := aws.String

	create := func(name string, attributes map[string]string) error {
		out, err := client.CreateQueue(ctx, &sdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err == nil {
			_, _ = client.DeleteQueue(ctx, &sdk.DeleteQueueInput{QueueUrl: out.QueueUrl})
		}
		return err
	}
	set := func(name, value string) error {
		_, err := client.SetQueueAttributes(ctx, &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{name: value}})
		return err
	}
	send := func(change func(in *sdk.SendMessageInput)) error {
		in := &sdk.SendMessageInput{QueueUrl: &url, MessageBody: s("x")}
		change(in)
		_, err := client.SendMessage(ctx, in)
		return err
	}
	attr := func(name, kind, value string) error {
		return send(func(in *sdk.SendMessageInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{name: {DataType: &kind, StringValue: &value}}
		})
	}
	receive := func(change func(in *sdk.ReceiveMessageInput)) error {
		in := &sdk.ReceiveMessageInput{QueueUrl: &url}
		change(in)
		_, err := client.ReceiveMessage(ctx, in)
		return err
	}
	batch := func(ids ...string) error {
		in := &sdk.DeleteMessageBatchInput{QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{}}
		for _, id := range ids {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: s(id), ReceiptHandle: s("h")})
		}
		_, err := client.DeleteMessageBatch(ctx, in)
		return err
	}
	invalid := hasCode("InvalidParameterValue")
	noQueue := isType[*types.QueueDoesNotExist]
	badValue := isType[*types.InvalidAttributeValue]
	badName := isType[*types.InvalidAttributeName]

	cases := []struct {
		name string
		err  func() error
		want func(error) bool
		ours bool
	}{
		{"a queue's name has no dots", func() error { return create("a.b", nil) }, invalid, false},
		{"a queue's name has 80 characters at most", func() error { return create(strings.Repeat("a", 81), nil) }, invalid, false},
		{"a FIFO queue's name ends with .fifo", func() error { return create("plain", map[string]string{"FifoQueue": "true"}) }, badName, false},
		{"a queue with such a name is FIFO", func() error { return create("a.fifo", nil) }, invalid, false},
		{"an unknown attribute", func() error { return create("a", map[string]string{"Colour": "red"}) }, badName, true},
		{"a FIFO attribute of a standard queue", func() error { return create("a", map[string]string{"DeduplicationScope": "queue"}) }, badName, true},
		{"an attribute over its range", func() error { return create("a", map[string]string{"VisibilityTimeout": "43201"}) }, badValue, true},
		{"an attribute that is no number", func() error { return create("a", map[string]string{"DelaySeconds": "soon"}) }, badValue, false},
		{"high throughput without its scope", func() error {
			return create("a.fifo", map[string]string{"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"})
		}, badValue, true},
		{"the same name with other attributes", func() error {
			_, err := client.CreateQueue(ctx, &sdk.CreateQueueInput{QueueName: s(queueName(t, "-q")), Attributes: map[string]string{"DelaySeconds": "7"}})
			return err
		}, isType[*types.QueueNameExists], false},
		{"FifoQueue cannot be changed", func() error { return set("FifoQueue", "true") }, badName, true},
		{"a policy is JSON", func() error { return set("Policy", "{") }, badValue, true},
		{"a dead-letter queue must exist", func() error {
			return set("RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, arn+"-none"))
		}, invalid, false},
		{"a dead-letter queue has its source's type", func() error {
			return set("RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, fifoARN))
		}, invalid, true},
		{"maxReceiveCount is at least 1", func() error {
			return set("RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":0}`, arn))
		}, invalid, false},
		{"byQueue names queues", func() error { return set("RedriveAllowPolicy", `{"redrivePermission":"byQueue"}`) }, invalid, false},
		{"one kind of encryption", func() error {
			return create("a", map[string]string{"KmsMasterKeyId": "alias/a", "SqsManagedSseEnabled": "true"})
		}, badValue, true},

		{"the URL of a queue that does not exist", func() error {
			_, err := client.GetQueueUrl(ctx, &sdk.GetQueueUrlInput{QueueName: s("missing")})
			return err
		}, noQueue, false},
		{"send to a queue that does not exist", func() error { return send(func(in *sdk.SendMessageInput) { in.QueueUrl = &missing }) }, noQueue, false},
		{"receive from a queue that does not exist", func() error { return receive(func(in *sdk.ReceiveMessageInput) { in.QueueUrl = &missing }) }, noQueue, false},
		{"delete a queue that does not exist", func() error {
			_, err := client.DeleteQueue(ctx, &sdk.DeleteQueueInput{QueueUrl: &missing})
			return err
		}, noQueue, false},
		{"a queue of another account", func() error {
			return receive(func(in *sdk.ReceiveMessageInput) {
				in.QueueUrl = s(strings.Replace(url, DefaultAccount, "111111111111", 1))
			})
		}, noQueue, true},
		{"an unknown attribute is asked for", func() error {
			_, err := client.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"Colour"}})
			return err
		}, badName, true},

		{"a body has a character", func() error { return send(func(in *sdk.SendMessageInput) { in.MessageBody = s("") }) }, invalid, false},
		{"a body has no control characters", func() error { return send(func(in *sdk.SendMessageInput) { in.MessageBody = s("a\x00b") }) }, isType[*types.InvalidMessageContents], false},
		{"a body has no U+FFFF", func() error { return send(func(in *sdk.SendMessageInput) { in.MessageBody = s("a\uFFFF") }) }, isType[*types.InvalidMessageContents], false},
		{"a message has 1 MiB at most", func() error {
			return send(func(in *sdk.SendMessageInput) { in.MessageBody = s(strings.Repeat("a", 1<<20+1)) })
		}, invalid, false},
		{"a message's attributes count", func() error {
			return send(func(in *sdk.SendMessageInput) {
				in.MessageBody = s(strings.Repeat("a", 1<<20-8))
				in.MessageAttributes = map[string]types.MessageAttributeValue{"n": {DataType: s("String"), StringValue: s("22")}}
			})
		}, invalid, true},
		{"a delay has 15 minutes at most", func() error { return send(func(in *sdk.SendMessageInput) { in.DelaySeconds = 901 }) }, invalid, false},
		{"an attribute's name is not reserved", func() error { return attr("AWS.x", "String", "v") }, invalid, true},
		{"an attribute's name has no two dots", func() error { return attr("a..b", "String", "v") }, invalid, true},
		{"an attribute's type is one of three", func() error { return attr("a", "Text", "v") }, invalid, false},
		{"an attribute is not empty", func() error { return attr("a", "String", "") }, invalid, false},
		{"a Number is one", func() error { return attr("a", "Number", "12x") }, invalid, false},
		{"a system attribute is AWSTraceHeader", func() error {
			return send(func(in *sdk.SendMessageInput) {
				in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{"Other": {DataType: s("String"), StringValue: s("v")}}
			})
		}, invalid, true},
		{"a deduplication id is for FIFO queues", func() error {
			return send(func(in *sdk.SendMessageInput) { in.MessageDeduplicationId = s("d") })
		}, invalid, false},
		{"a FIFO message has a group", func() error {
			return send(func(in *sdk.SendMessageInput) { in.QueueUrl, in.MessageDeduplicationId = &fifo, s("d") })
		}, hasCode("MissingParameter"), false},
		{"a FIFO message has a deduplication id", func() error {
			return send(func(in *sdk.SendMessageInput) { in.QueueUrl, in.MessageGroupId = &fifo, s("g") })
		}, invalid, false},
		{"a FIFO message has no delay of its own", func() error {
			return send(func(in *sdk.SendMessageInput) {
				in.QueueUrl, in.MessageGroupId, in.MessageDeduplicationId, in.DelaySeconds = &fifo, s("g"), s("d"), 1
			})
		}, invalid, false},

		{"eleven messages at once", func() error { return receive(func(in *sdk.ReceiveMessageInput) { in.MaxNumberOfMessages = 11 }) }, invalid, false},
		{"a poll of 21 s", func() error { return receive(func(in *sdk.ReceiveMessageInput) { in.WaitTimeSeconds = 21 }) }, invalid, false},
		{"a visibility over twelve hours", func() error { return receive(func(in *sdk.ReceiveMessageInput) { in.VisibilityTimeout = 43201 }) }, invalid, true},
		{"a handle that is none", func() error {
			_, err := client.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: s("h")})
			return err
		}, isType[*types.ReceiptHandleIsInvalid], false},
		{"an empty batch", func() error { return batch() }, isType[*types.EmptyBatchRequest], true},
		{"a batch of eleven", func() error { return batch(strings.Split("a b c d e f g h i j k", " ")...) }, isType[*types.TooManyEntriesInBatchRequest], false},
		{"two entries with one id", func() error { return batch("a", "a") }, isType[*types.BatchEntryIdsNotDistinct], false},
		{"an entry's id has no spaces", func() error { return batch("a b") }, isType[*types.InvalidBatchEntryId], true},

		{"move from a queue that does not exist", func() error {
			_, err := client.StartMessageMoveTask(ctx, &sdk.StartMessageMoveTaskInput{SourceArn: s(arn + "-none")})
			return err
		}, isType[*types.ResourceNotFoundException], false},
		{"move from a queue that is no dead-letter queue", func() error {
			_, err := client.StartMessageMoveTask(ctx, &sdk.StartMessageMoveTaskInput{SourceArn: &arn})
			return err
		}, invalid, true},
		{"cancel what is no task", func() error {
			_, err := client.CancelMessageMoveTask(ctx, &sdk.CancelMessageMoveTaskInput{TaskHandle: s("h")})
			return err
		}, invalid, true},
		{"a permission for an unknown action", func() error {
			_, err := client.AddPermission(ctx, &sdk.AddPermissionInput{QueueUrl: &url, Label: s("l"), AWSAccountIds: []string{DefaultAccount}, Actions: []string{"Dance"}})
			return err
		}, invalid, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if elsewhere && c.ours {
				t.Skip("ElasticMQ lets it pass")
			}
			err := c.err()
			var refused smithy.APIError
			switch {
			case elsewhere && errors.As(err, &refused):
				// The codes are spelled in as many ways as there are servers.
			case err == nil || !c.want(err):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestQueueAttributesAreKept(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	if elsewhere {
		t.Skip("other servers keep fewer")
	}
	ctx := t.Context()
	dead, deadARN := sdkQueue(t, client, "-dead", nil)
	given := map[string]string{
		"VisibilityTimeout": "45", "MessageRetentionPeriod": "86400", "ReceiveMessageWaitTimeSeconds": "3",
		"DelaySeconds": "1", "MaximumMessageSize": "1024",
		"RedrivePolicy": fmt.Sprintf(`{"maxReceiveCount":"5", "deadLetterTargetArn":%q}`, deadARN),
		"Policy":        `{"Version":"2012-10-17","Statement":[]}`,
	}
	url, arn := sdkQueue(t, client, "-q", given)
	get := func(names ...types.QueueAttributeName) map[string]string {
		out, err := client.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
		if err != nil {
			t.Fatal(err)
		}
		return out.Attributes
	}
	want := map[string]string{
		"QueueArn": arn, "SqsManagedSseEnabled": "true",
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0",
	}
	maps.Copy(want, given)
	times := cmpopts.IgnoreMapEntries(func(k, _ string) bool { return k == "CreatedTimestamp" || k == "LastModifiedTimestamp" })
	if diff := cmp.Diff(want, get("All"), times); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"DelaySeconds": "1"}, get("DelaySeconds", "KmsMasterKeyId")); diff != "" {
		t.Errorf("only what was asked for and is set: %s", diff)
	}

	// The same policy with other spaces is the same attribute.
	again := map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"5"}`, deadARN)}
	if _, err := client.CreateQueue(ctx, &sdk.CreateQueueInput{QueueName: aws.String(queueName(t, "-q")), Attributes: again}); err != nil {
		t.Errorf("created again: %v", err)
	}
	if _, err := client.SetQueueAttributes(ctx, &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{
		"Policy": "", "RedrivePolicy": "", "KmsMasterKeyId": "alias/aws/sqs"}}); err != nil {
		t.Fatal(err)
	}
	delete(want, "Policy")
	delete(want, "RedrivePolicy")
	want["KmsMasterKeyId"], want["SqsManagedSseEnabled"] = "alias/aws/sqs", "false"
	if diff := cmp.Diff(want, get("All"), times); diff != "" {
		t.Errorf("empty values remove: %s", diff)
	}

	// The dead-letter queue decides who may use it.
	if _, err := client.SetQueueAttributes(ctx, &sdk.SetQueueAttributesInput{QueueUrl: &dead, Attributes: map[string]string{
		"RedriveAllowPolicy": `{"redrivePermission":"denyAll"}`}}); err != nil {
		t.Fatal(err)
	}
	_, err := client.SetQueueAttributes(ctx, &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: again})
	if !hasCode("InvalidParameterValue")(err) {
		t.Errorf("a source that is not allowed: %v", err)
	}
}

//nolint:tparallel // the cases receive the same message, one after the other
func TestMessageAttributes(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	url, _ := sdkQueue(t, client, "-q", map[string]string{"VisibilityTimeout": "0"})
	s := aws.String
	attributes := map[string]types.MessageAttributeValue{
		"kind.text": {DataType: s("String"), StringValue: s("väl\tue")},
		"kind.int":  {DataType: s("Number.int"), StringValue: s("-42e3")},
		"raw":       {DataType: s("Binary"), BinaryValue: []byte{0, 255, 128}},
	}
	sent, err := client.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: &url, MessageBody: s("b"), MessageAttributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	// What the documented algorithm gives, computed by a script of its own.
	if want := "777a4649b64d9990b933b28fd8c6e61e"; aws.ToString(sent.MD5OfMessageAttributes) != want {
		t.Errorf("MD5OfMessageAttributes %v, want %s", aws.ToString(sent.MD5OfMessageAttributes), want)
	}
	cases := []struct {
		name  string
		asked []string
		want  []string
		sum   *string
	}{
		{"all", []string{"All"}, []string{"kind.int", "kind.text", "raw"}, sent.MD5OfMessageAttributes},
		{"all, spelled as a pattern", []string{".*"}, []string{"kind.int", "kind.text", "raw"}, sent.MD5OfMessageAttributes},
		{"by name", []string{"raw", "none"}, []string{"raw"}, s(attributesMD5(map[string]attribute{"raw": {DataType: "Binary", BinaryValue: []byte{0, 255, 128}}}))},
		{"by prefix", []string{"kind.*"}, []string{"kind.int", "kind.text"}, nil},
		{"none", nil, nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if elsewhere && c.name == "by prefix" {
				t.Skip("ElasticMQ knows no prefixes")
			}
			out, err := client.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, MessageAttributeNames: c.asked})
			if err != nil || len(out.Messages) != 1 {
				t.Fatalf("received %+v, %v", out, err)
			}
			want := map[string]types.MessageAttributeValue{}
			for _, name := range c.want {
				want[name] = attributes[name]
			}
			m := out.Messages[0]
			if diff := cmp.Diff(want, m.MessageAttributes, cmpopts.IgnoreUnexported(types.MessageAttributeValue{}), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if c.sum != nil && !elsewhere && aws.ToString(m.MD5OfMessageAttributes) != *c.sum {
				t.Errorf("MD5OfMessageAttributes %v, want %s", aws.ToString(m.MD5OfMessageAttributes), *c.sum)
			}
		})
	}
}

func TestPartlyFailedBatches(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	if elsewhere {
		t.Skip("the codes inside batches are spelled otherwise")
	}
	url, _ := sdkQueue(t, client, "-q", nil)
	ctx := t.Context()
	s := aws.String
	out, err := client.SendMessageBatch(ctx, &sdk.SendMessageBatchInput{QueueUrl: &url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: s("good"), MessageBody: s("a")}, {Id: s("control"), MessageBody: s("\x01")}, {Id: s("late"), MessageBody: s("b"), DelaySeconds: 901},
	}})
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	for _, f := range out.Failed {
		codes[*f.Id] = fmt.Sprint(*f.Code, f.SenderFault)
	}
	if diff := cmp.Diff(map[string]string{"control": "InvalidMessageContentstrue", "late": "InvalidParameterValuetrue"}, codes); diff != "" || len(out.Successful) != 1 {
		t.Errorf("%d sent; %s", len(out.Successful), diff)
	}
	got, err := client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: &url, VisibilityTimeout: 1})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("received %+v, %v", got, err)
	}
	handle := got.Messages[0].ReceiptHandle
	del, err := client.DeleteMessageBatch(ctx, &sdk.DeleteMessageBatchInput{QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: s("one"), ReceiptHandle: handle}, {Id: s("again"), ReceiptHandle: handle}, {Id: s("bogus"), ReceiptHandle: s("x")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(del.Successful) != 2 || len(del.Failed) != 1 || *del.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("deleting twice succeeds, a bogus handle does not: %+v", del)
	}
}

func TestReceiptHandlesBelongToTheirQueue(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	if elsewhere {
		t.Skip("other servers take them")
	}
	a, _ := sdkQueue(t, client, "-a", nil)
	b, _ := sdkQueue(t, client, "-b", nil)
	if _, err := client.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: &a, MessageBody: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	got, err := client.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &a})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: &b, ReceiptHandle: got.Messages[0].ReceiptHandle})
	if !isType[*types.ReceiptHandleIsInvalid](err) {
		t.Errorf("got %v", err)
	}
}

func TestDeletedAndPurgedQueues(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	ctx := t.Context()
	url, _ := sdkQueue(t, client, "-q", nil)
	fill := func() {
		t.Helper()
		for i := range 3 {
			if _, err := client.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(strings.Repeat("x", 1+i*5000))}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: &url}); err != nil {
			t.Fatal(err)
		}
	}
	empty := func() {
		t.Helper()
		out, err := client.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
			"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}, out.Attributes); diff != "" {
			t.Error(diff)
		}
	}
	fill()
	if _, err := client.PurgeQueue(ctx, &sdk.PurgeQueueInput{QueueUrl: &url}); err != nil {
		t.Fatal(err)
	}
	empty()
	fill()

	polled := make(chan error, 1)
	if !elsewhere { // others let the poll run out
		other, err := client.CreateQueue(ctx, &sdk.CreateQueueInput{QueueName: aws.String(queueName(t, "-polled"))})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := client.ReceiveMessage(context.Background(), &sdk.ReceiveMessageInput{QueueUrl: other.QueueUrl, WaitTimeSeconds: 20})
			polled <- err
		}()
		if _, err := client.DeleteQueue(ctx, &sdk.DeleteQueueInput{QueueUrl: other.QueueUrl}); err != nil {
			t.Fatal(err)
		}
		if err := <-polled; !isType[*types.QueueDoesNotExist](err) {
			t.Errorf("the poll of a deleted queue ended with %v", err)
		}
	}
	if _, err := client.DeleteQueue(ctx, &sdk.DeleteQueueInput{QueueUrl: &url}); err != nil {
		t.Fatal(err)
	}
	_, err := client.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
	if !isType[*types.QueueDoesNotExist](err) {
		t.Errorf("sending to a deleted queue: %v", err)
	}
	if _, err := client.CreateQueue(ctx, &sdk.CreateQueueInput{QueueName: aws.String(queueName(t, "-q"))}); err != nil {
		t.Fatal(err)
	}
	empty()
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	if elsewhere {
		t.Skip("other servers ignore MaxResults")
	}
	dead, deadARN := sdkQueue(t, client, "-dead", nil)
	var want []string
	for i := range 5 {
		url, _ := sdkQueue(t, client, fmt.Sprint("-src", i), map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q}`, deadARN)})
		want = append(want, url)
	}
	var got []string
	pages := sdk.NewListDeadLetterSourceQueuesPaginator(client, &sdk.ListDeadLetterSourceQueuesInput{QueueUrl: &dead, MaxResults: aws.Int32(2)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.QueueUrls...)
	}
	if diff := cmp.Diff(want, got); diff != "" || n != 3 {
		t.Errorf("%d pages: %s", n, diff)
	}
	all, err := client.ListQueues(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append([]string{dead}, want...), all.QueueUrls); diff != "" || all.NextToken != nil {
		t.Errorf("without MaxResults all at once: %s", diff)
	}
}

func TestTagsAndPermissions(t *testing.T) {
	t.Parallel()
	client, elsewhere := sdkClient(t)
	if elsewhere {
		t.Skip("permissions are not everywhere")
	}
	ctx := t.Context()
	out, err := client.CreateQueue(ctx, &sdk.CreateQueueInput{QueueName: aws.String("tagged"), Tags: map[string]string{"a": "1", "b": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	url := out.QueueUrl
	if _, err := client.TagQueue(ctx, &sdk.TagQueueInput{QueueUrl: url, Tags: map[string]string{"b": "3", "c": ""}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UntagQueue(ctx, &sdk.UntagQueueInput{QueueUrl: url, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := client.ListQueueTags(ctx, &sdk.ListQueueTagsInput{QueueUrl: url})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"b": "3", "c": ""}, tags.Tags); diff != "" {
		t.Error(diff)
	}
	if _, err := client.AddPermission(ctx, &sdk.AddPermissionInput{QueueUrl: url, Label: aws.String("l"), AWSAccountIds: []string{"1"}, Actions: []string{"SendMessage", "*"}}); err != nil {
		t.Error(err)
	}
	if _, err := client.RemovePermission(ctx, &sdk.RemovePermissionInput{QueueUrl: url, Label: aws.String("l")}); err != nil {
		t.Error(err)
	}
}
