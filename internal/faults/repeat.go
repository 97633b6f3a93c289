package faults

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"
)

// maxRepeats bounds the messages that wait for their second delivery.
const maxRepeats = 256

// repeats holds messages to be delivered again, by queue.
type repeats struct {
	mu      sync.Mutex // protects waiting
	waiting []repeat
}

type repeat struct {
	queue   string
	message object
	due     time.Time
}

func (r *repeats) add(m repeat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) < maxRepeats {
		r.waiting = append(r.waiting, m)
	}
}

// take returns up to n messages of the queue that are due.
func (r *repeats) take(queue string, n int, now time.Time) (due []object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.waiting[:0]
	for _, w := range r.waiting {
		if len(due) < n && w.queue == queue && !now.Before(w.due) {
			due = append(due, w.message)
		} else {
			kept = append(kept, w)
		}
	}
	r.waiting = kept
	return due
}

// receiveRequest is the part of a receive that repeating needs.
type receiveRequest struct {
	QueueURL string `json:"QueueUrl"`
	Most     int    `json:"MaxNumberOfMessages"`
}

// received adds repeated messages to a receive's answer, spoils an MD5 and
// notes what is to be repeated. It returns what it did for the count.
func (p *Proxy) received(v Verdict, req receiveRequest, body []byte) (out []byte, repeated, corrupted int, err error) {
	var res object
	var messages []object
	if err := json.Unmarshal(body, &res); err != nil {
		return nil, 0, 0, fmt.Errorf("a receive's answer: %w", err)
	}
	if err := unmarshalIf(res["Messages"], &messages); err != nil {
		return nil, 0, 0, err
	}
	now := time.Now()
	more := p.repeats.take(req.QueueURL, max(1, req.Most)-len(messages), now)
	for k, m := range messages {
		after, wanted := v.Repeat(k)
		if !wanted {
			continue
		}
		var handle string
		if err := json.Unmarshal(m["ReceiptHandle"], &handle); err != nil {
			return nil, 0, 0, fmt.Errorf("a receipt handle: %w", err)
		}
		twin := maps.Clone(m)
		twin["ReceiptHandle"] = mustJSON(handle + again)
		p.repeats.add(repeat{queue: req.QueueURL, message: twin, due: now.Add(after)})
	}
	if k := v.Corrupt(len(messages)); k >= 0 {
		messages[k]["MD5OfBody"] = mustJSON("0123456789abcdef0123456789abcdef")
		corrupted = 1
	}
	messages = append(messages, more...)
	if len(messages) > 0 {
		res["Messages"] = mustJSON(messages)
	}
	return mustJSON(res), len(more), corrupted, nil
}
