package sqs

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are a queue's attributes: the strings as they were given, and what
// the queue works with.
type settings struct {
	given map[string]string

	visibility int64 // milliseconds, as the others
	delay      int64
	wait       time.Duration
	retention  int64
	maxSize    int

	redrive *redrivePolicy      // nil: messages stay
	allow   *redriveAllowPolicy // nil: every queue may use this one

	fifo          bool
	contentDedup  bool
	dedupPerGroup bool
}

// redrivePolicy is the RedrivePolicy attribute.
type redrivePolicy struct {
	Target          string
	MaxReceiveCount uint32
}

// redriveAllowPolicy is the RedriveAllowPolicy attribute.
type redriveAllowPolicy struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns"`
}

// allows reports whether the queue with the given ARN may use this queue as its
// dead-letter queue.
func (p *redriveAllowPolicy) allows(source string) bool {
	if p == nil {
		return true
	}
	switch p.Permission {
	case "denyAll":
		return false
	case "byQueue":
		return slices.Contains(p.Sources, source)
	default:
		return true
	}
}

// attributeKind says how an attribute's value is checked.
type attributeKind int

const (
	integer attributeKind = iota
	boolean
	oneOf
	document // JSON; empty removes it
	text     // empty removes it
)

// queueAttribute is one attribute that can be set.
type queueAttribute struct {
	kind     attributeKind
	min, max int64
	values   []string
	fallback string // what is returned when it was not set; "" for nothing
	fifo     bool   // of FIFO queues only
}

// queueAttributes are the attributes of CreateQueue and SetQueueAttributes.
var queueAttributes = map[string]queueAttribute{
	"VisibilityTimeout":             {kind: integer, max: int64(maxVisibility / time.Second), fallback: "30"},
	"DelaySeconds":                  {kind: integer, max: int64(maxDelay / time.Second), fallback: "0"},
	"ReceiveMessageWaitTimeSeconds": {kind: integer, max: int64(maxWait / time.Second), fallback: "0"},
	"MessageRetentionPeriod":        {kind: integer, min: int64(minRetention / time.Second), max: int64(maxRetention / time.Second), fallback: "345600"},
	"MaximumMessageSize":            {kind: integer, min: 1024, max: maxMessageBytes, fallback: strconv.Itoa(maxMessageBytes)},
	"RedrivePolicy":                 {kind: document},
	"RedriveAllowPolicy":            {kind: document},
	"Policy":                        {kind: document},
	"KmsMasterKeyId":                {kind: text},
	"KmsDataKeyReusePeriodSeconds":  {kind: integer, min: 60, max: 86400},
	"SqsManagedSseEnabled":          {kind: boolean},
	"FifoQueue":                     {kind: oneOf, values: []string{"true"}, fifo: true},
	"ContentBasedDeduplication":     {kind: boolean, fallback: "false", fifo: true},
	"DeduplicationScope":            {kind: oneOf, values: []string{"queue", "messageGroup"}, fallback: "queue", fifo: true},
	"FifoThroughputLimit":           {kind: oneOf, values: []string{"perQueue", "perMessageGroupId"}, fallback: "perQueue", fifo: true},
}

func (a queueAttribute) check(name, value string) error {
	switch a.kind {
	case integer:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < a.min || n > a.max {
			return invalidAttributeValue(name, value, "must be an integer from "+strconv.FormatInt(a.min, 10)+" to "+strconv.FormatInt(a.max, 10))
		}
	case boolean:
		if l := strings.ToLower(value); l != "true" && l != "false" {
			return invalidAttributeValue(name, value, "must be true or false")
		}
	case oneOf:
		if !slices.Contains(a.values, value) {
			return invalidAttributeValue(name, value, "must be "+strings.Join(a.values, " or "))
		}
	case document:
		var object map[string]any
		if value != "" && json.Unmarshal([]byte(value), &object) != nil {
			return invalidAttributeValue(name, value, "must be a JSON object")
		}
	case text:
	}
	return nil
}

// with returns the settings changed by the given attributes, or why they cannot be.
func (s settings) with(changes map[string]string, fifo bool) (settings, error) {
	given := maps.Clone(s.given)
	if given == nil {
		given = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		value := changes[name]
		a, known := queueAttributes[name]
		if !known || a.fifo && !fifo {
			return s, invalidAttributeName(name)
		}
		if err := a.check(name, value); err != nil {
			return s, err
		}
		if a.kind == boolean {
			value = strings.ToLower(value)
		}
		if value == "" {
			delete(given, name)
		} else {
			given[name] = value
		}
	}
	if given["FifoThroughputLimit"] == "perMessageGroupId" && given["DeduplicationScope"] != "messageGroup" {
		return s, invalidAttributeValue("FifoThroughputLimit", "perMessageGroupId", "the DeduplicationScope must be messageGroup")
	}
	if given["KmsMasterKeyId"] != "" && given["SqsManagedSseEnabled"] == "true" {
		if _, now := changes["KmsMasterKeyId"]; !now {
			delete(given, "KmsMasterKeyId") // the newer choice of encryption replaces the older
		} else if _, now := changes["SqsManagedSseEnabled"]; !now {
			given["SqsManagedSseEnabled"] = "false"
		} else {
			return s, invalidAttributeValue("KmsMasterKeyId", given["KmsMasterKeyId"], "you can use one type of server-side encryption at one time")
		}
	}
	return parseSettings(given, fifo)
}

// parseSettings derives the working values from checked attributes.
func parseSettings(given map[string]string, fifo bool) (settings, error) {
	seconds := func(name string) int64 {
		value, ok := given[name]
		if !ok {
			value = queueAttributes[name].fallback
		}
		n, _ := strconv.ParseInt(value, 10, 64) // checked when it was set
		return n
	}
	s := settings{
		given:         given,
		visibility:    seconds("VisibilityTimeout") * 1000,
		delay:         seconds("DelaySeconds") * 1000,
		wait:          time.Duration(seconds("ReceiveMessageWaitTimeSeconds")) * time.Second,
		retention:     seconds("MessageRetentionPeriod") * 1000,
		maxSize:       int(seconds("MaximumMessageSize")),
		fifo:          fifo,
		contentDedup:  given["ContentBasedDeduplication"] == "true",
		dedupPerGroup: given["DeduplicationScope"] == "messageGroup",
	}
	var err error
	if v := given["RedrivePolicy"]; v != "" {
		if s.redrive, err = parseRedrive(v); err != nil {
			return s, err
		}
	}
	if v := given["RedriveAllowPolicy"]; v != "" {
		if s.allow, err = parseRedriveAllow(v); err != nil {
			return s, err
		}
	}
	return s, nil
}

// parseRedrive reads a RedrivePolicy; maxReceiveCount may be a number or a
// string, as clients write both.
func parseRedrive(value string) (*redrivePolicy, error) {
	var p struct {
		Target string `json:"deadLetterTargetArn"`
		Max    any    `json:"maxReceiveCount"`
	}
	refuse := func(reason string) (*redrivePolicy, error) {
		return nil, invalidParameter("Value %s for parameter RedrivePolicy is invalid. Reason: %s.", value, reason)
	}
	if err := json.Unmarshal([]byte(value), &p); err != nil {
		return refuse("it is not a redrive policy: " + err.Error())
	}
	if p.Target == "" {
		return refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn")
	}
	var n int64 = 10 // "Default: 10", API reference of CreateQueue
	switch v := p.Max.(type) {
	case nil:
	case float64:
		n = int64(v)
		if float64(n) != v {
			return refuse("maxReceiveCount is not an integer")
		}
	case string:
		var err error
		if n, err = strconv.ParseInt(v, 10, 64); err != nil {
			return refuse("maxReceiveCount is not an integer")
		}
	default:
		return refuse("maxReceiveCount is not an integer")
	}
	if n < 1 || n > maxReceiveCounts {
		return refuse("maxReceiveCount must be from 1 to " + strconv.Itoa(maxReceiveCounts))
	}
	return &redrivePolicy{Target: p.Target, MaxReceiveCount: uint32(n)}, nil
}

func parseRedriveAllow(value string) (*redriveAllowPolicy, error) {
	refuse := func(reason string) (*redriveAllowPolicy, error) {
		return nil, invalidParameter("Value %s for parameter RedriveAllowPolicy is invalid. Reason: %s.", value, reason)
	}
	p := &redriveAllowPolicy{}
	if err := json.Unmarshal([]byte(value), p); err != nil {
		return refuse("it is not a redrive allow policy: " + err.Error())
	}
	switch p.Permission {
	case "allowAll", "denyAll":
		if len(p.Sources) > 0 {
			return refuse("sourceQueueArns can be given with redrivePermission byQueue only")
		}
	case "byQueue":
		if len(p.Sources) == 0 || len(p.Sources) > maxSourceQueues {
			return refuse("redrivePermission byQueue needs 1 to " + strconv.Itoa(maxSourceQueues) + " sourceQueueArns")
		}
	default:
		return refuse("redrivePermission must be allowAll, denyAll or byQueue")
	}
	return p, nil
}

// differs returns the first attribute given in wanted that s has with another
// value; policies are compared as JSON.
func (s settings) differs(wanted settings) (name string, differs bool) {
	for _, name := range slices.Sorted(maps.Keys(wanted.given)) {
		has, ok := s.given[name]
		if !ok {
			has = queueAttributes[name].fallback
		}
		if want := wanted.given[name]; has != want && canonical(has) != canonical(want) {
			return name, true
		}
	}
	return "", false
}

// canonical is a JSON document without its choice of spaces and order of keys,
// and any other text as it is.
func canonical(s string) string {
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	out, err := json.Marshal(v)
	if err != nil {
		return s
	}
	return string(out)
}
