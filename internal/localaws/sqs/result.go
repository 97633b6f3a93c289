package sqs

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// The results of the operations on messages write their own JSON: they are most
// of what the endpoint says.

var (
	_ awsjson.Appender = (*sendResult)(nil)
	_ awsjson.Appender = (*sendBatchResult)(nil)
	_ awsjson.Appender = (*batchResult)(nil)
	_ awsjson.Appender = (*receiveResult)(nil)
)

type sendResult struct{ *outgoing }

// AppendJSON implements awsjson.Appender.
func (r *sendResult) AppendJSON(dst []byte) ([]byte, error) {
	return append(r.appendFields(append(dst, '{')), '}'), nil
}

// appendFields appends what SendMessage and an entry of a batch have in common.
func (m *outgoing) appendFields(dst []byte) []byte {
	dst = append(dst, `"MessageId":"`...)
	dst = appendUUID(dst, m.uuid)
	dst = append(dst, `","MD5OfMessageBody":"`...)
	dst = hex.AppendEncode(dst, m.bodyMD5[:])
	dst = append(dst, '"')
	if m.extra != nil {
		dst = appendField(dst, "MD5OfMessageAttributes", m.extra.MD5)
		dst = appendField(dst, "MD5OfMessageSystemAttributes", m.traceMD5)
		dst = appendField(dst, "SequenceNumber", m.extra.Sequence)
	}
	return dst
}

// appendField appends a further field of an object, unless it is empty.
func appendField(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return awsjson.AppendString(dst, value)
}

type sentEntry struct {
	id string
	m  *outgoing
}

type sendBatchResult struct {
	sent   []sentEntry
	failed []failedEntry
}

// AppendJSON implements awsjson.Appender.
func (r *sendBatchResult) AppendJSON(dst []byte) ([]byte, error) {
	dst = append(dst, `{"Successful":[`...)
	for i, e := range r.sent {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"Id":`...)
		dst = append(awsjson.AppendString(dst, e.id), ',')
		dst = append(e.m.appendFields(dst), '}')
	}
	return appendFailed(dst, r.failed)
}

// batchResult is that of batches whose successful entries are only named.
type batchResult struct {
	done   []string
	failed []failedEntry
}

// AppendJSON implements awsjson.Appender.
func (r *batchResult) AppendJSON(dst []byte) ([]byte, error) {
	dst = append(dst, `{"Successful":[`...)
	for i, id := range r.done {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"Id":`...)
		dst = append(awsjson.AppendString(dst, id), '}')
	}
	return appendFailed(dst, r.failed)
}

func appendFailed(dst []byte, entries []failedEntry) ([]byte, error) {
	dst = append(dst, `],"Failed":[`...)
	for i, e := range entries {
		b, err := json.Marshal(e)
		if err != nil {
			return dst, err
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, b...)
	}
	return append(dst, ']', '}'), nil
}

// receiveResult is what one receive returns.
type receiveResult struct {
	queue    int64
	account  string
	messages []message
	system   names // of system attributes
	user     names // of message attributes
}

// names is a request's choice of attributes.
type names []string

func (n names) all() bool { return slices.Contains(n, "All") || slices.Contains(n, ".*") }

func (n names) wants(name string) bool {
	for _, w := range n {
		prefix, isPrefix := strings.CutSuffix(w, ".*")
		if w == name || w == "All" || isPrefix && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// AppendJSON implements awsjson.Appender.
func (r *receiveResult) AppendJSON(dst []byte) ([]byte, error) {
	if len(r.messages) == 0 {
		return append(dst, '{', '}'), nil
	}
	size := 0
	for i := range r.messages {
		size += len(r.messages[i].body) + 1024
	}
	dst = slices.Grow(dst, size)
	dst = append(dst, `{"Messages":[`...)
	var err error
	for i := range r.messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = r.appendMessage(dst, &r.messages[i]); err != nil {
			return dst, err
		}
	}
	return append(dst, ']', '}'), nil
}

func (r *receiveResult) appendMessage(dst []byte, m *message) ([]byte, error) {
	dst = append(dst, `{"MessageId":"`...)
	dst = appendUUID(dst, m.uuid)
	dst = append(dst, `","ReceiptHandle":"`...)
	dst = receipt{r.queue, m.id, m.receives}.appendTo(dst)
	dst = append(dst, `","MD5OfBody":"`...)
	dst = hex.AppendEncode(dst, m.bodyMD5[:])
	dst = append(dst, `","Body":`...)
	dst = awsjson.AppendString(dst, m.body)
	if len(r.system) > 0 {
		dst = r.appendSystem(dst, m)
	}
	if len(r.user) == 0 || m.extra == nil || len(m.extra.Attributes) == 0 {
		return append(dst, '}'), nil
	}
	chosen, sum := m.extra.Attributes, m.extra.MD5
	if !r.user.all() {
		chosen = map[string]attribute{}
		for name, a := range m.extra.Attributes {
			if r.user.wants(name) {
				chosen[name] = a
			}
		}
		sum = attributesMD5(chosen)
	}
	if len(chosen) > 0 {
		b, err := json.Marshal(chosen)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, `,"MessageAttributes":`...), b...)
		dst = appendField(dst, "MD5OfMessageAttributes", sum)
	}
	return append(dst, '}'), nil
}

// appendSystem appends the system attributes that were asked for.
func (r *receiveResult) appendSystem(dst []byte, m *message) []byte {
	all := r.system.all()
	start := len(dst)
	text := func(name, value string) {
		if value != "" && (all || r.system.wants(name)) {
			dst = appendField(dst, name, value)
		}
	}
	number := func(name string, value int64) {
		if all || r.system.wants(name) {
			dst = append(dst, `,"`...)
			dst = append(dst, name...)
			dst = append(dst, `":"`...)
			dst = strconv.AppendInt(dst, value, 10)
			dst = append(dst, '"')
		}
	}
	text("SenderId", r.account)
	number("SentTimestamp", m.sent)
	number("ApproximateReceiveCount", int64(m.receives))
	number("ApproximateFirstReceiveTimestamp", m.first)
	if x := m.extra; x != nil {
		text("AWSTraceHeader", x.Trace)
		text("MessageGroupId", x.Group)
		text("MessageDeduplicationId", x.Dedup)
		text("SequenceNumber", x.Sequence)
		text("DeadLetterQueueSourceArn", x.Source)
	}
	if len(dst) == start {
		return dst
	}
	// The first field's comma becomes the brace that opens the object.
	const open = `,"Attributes":{`
	fields := slices.Clone(dst[start+1:])
	dst = append(append(dst[:start], open...), fields...)
	return append(dst, '}')
}
