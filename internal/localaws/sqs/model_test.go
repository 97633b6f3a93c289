package sqs

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// modelMessage is what a plain reading of the documentation says of a message.
type modelMessage struct {
	group     string
	visibleAt time.Time
	receives  int
	handle    string
	held      bool // received and not yet timed out or released, as of visibleAt
}

// TestTheIndexAgreesWithAModel runs random histories, restarts included, against
// a list of messages that is searched from end to end.
func TestTheIndexAgreesWithAModel(t *testing.T) {
	t.Parallel()
	for _, fifo := range []bool{false, true} {
		t.Run(fmt.Sprint("fifo=", fifo), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := 0
			rapid.Check(t, func(rt *rapid.T) {
				run++
				path := filepath.Join(dir, fmt.Sprint(run, ".db"))
				// rapid ends a run with a panic, which has to leave the bubble's
				// goroutine by hand: from two places, because rapid takes panics
				// from one place for one failure when it looks for a shorter run.
				var ended any
				synctest.Test(t, func(*testing.T) {
					defer func() { ended = recover() }()
					runModel(rt, path, fifo)
				})
				switch {
				case rt.Failed():
					panic(ended)
				case ended != nil: // a run that rapid cannot use
					panic(ended)
				}
			})
		})
	}
}

func runModel(rt *rapid.T, path string, fifo bool) {
	m := &model{t: rt, path: path, fifo: fifo, messages: map[string]*modelMessage{}}
	m.start()
	defer func() { m.stop() }()
	attributes, name := map[string]string{"VisibilityTimeout": "30"}, "jobs"
	if fifo {
		attributes["FifoQueue"], name = "true", "jobs.fifo"
	}
	var out struct{ QueueUrl string }
	m.call("CreateQueue", obj{"QueueName": name, "Attributes": attributes}, &out)
	m.url = out.QueueUrl
	rt.Repeat(map[string]func(*rapid.T){
		"":        m.check,
		"send":    m.send,
		"receive": m.receive,
		"delete":  m.delete,
		"hide":    m.hide,
		"wait":    func(rt *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second) },
		"restart": func(*rapid.T) { m.stop(); m.start() },
	})
}

type model struct {
	t        *rapid.T
	path     string
	fifo     bool
	db       *db.DB
	service  *Service
	url      string
	messages map[string]*modelMessage // by body, which says the order of sending
	n        int
}

func (m *model) start() {
	var err error
	if m.db, err = db.Open(m.path); err != nil {
		m.t.Fatal(err)
	}
	if m.service, err = New(m.db, Options{}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) stop() {
	m.service.Close()
	if err := m.db.Close(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) call(operation string, in, out any) (code string) {
	return caller{m.t, m.service}.try(context.Background(), operation, in, out)
}

func (m *model) draw(from, to int, what string) int { return rapid.IntRange(from, to).Draw(m.t, what) }

func (m *model) send(*rapid.T) {
	m.n++
	body := fmt.Sprintf("%06d", m.n)
	msg := &modelMessage{visibleAt: time.Now()}
	in := obj{"QueueUrl": m.url, "MessageBody": body}
	if m.fifo {
		msg.group = fmt.Sprint("g", m.draw(0, 2, "group"))
		in["MessageGroupId"], in["MessageDeduplicationId"] = msg.group, body
	} else {
		delay := m.draw(0, 3, "delay") * 5
		msg.visibleAt = time.Now().Add(time.Duration(delay) * time.Second)
		in["DelaySeconds"] = delay
	}
	if m.draw(0, 9, "large") == 0 {
		in["MessageBody"] = body + strings.Repeat("x", inlineBody)
	}
	if code := m.call("SendMessage", in, nil); code != "" {
		m.t.Fatalf("send: %s", code)
	}
	m.messages[body] = msg
}

// visible are the bodies that can be received, in the order of sending.
func (m *model) visible() []string {
	locked := map[string]bool{}
	for _, msg := range m.messages {
		if m.fifo && msg.held && msg.visibleAt.After(time.Now()) {
			locked[msg.group] = true
		}
	}
	var out []string
	for body, msg := range m.messages {
		if !msg.visibleAt.After(time.Now()) && !locked[msg.group] {
			out = append(out, body)
		}
	}
	slices.Sort(out)
	return out
}

func (m *model) receive(*rapid.T) {
	limit, seconds := m.draw(1, 10, "limit"), m.draw(0, 60, "visibility")
	var out struct{ Messages []got }
	if code := m.call("ReceiveMessage", obj{"QueueUrl": m.url, "MaxNumberOfMessages": limit, "VisibilityTimeout": seconds,
		"MessageSystemAttributeNames": []string{"All"}}, &out); code != "" {
		m.t.Fatalf("receive: %s", code)
	}
	can := m.visible()
	if want := min(limit, len(can)); len(out.Messages) != want {
		m.t.Fatalf("received %q of %q, limit %d", bodies(out.Messages), can, limit)
	}
	last := map[string]string{}
	for _, g := range out.Messages {
		body := g.Body[:6]
		msg := m.messages[body]
		if msg == nil || !slices.Contains(can, body) {
			m.t.Fatalf("received %q, which is not among %q", body, can)
		}
		if m.fifo {
			// The group's messages in order, without a gap.
			for _, other := range can {
				if m.messages[other].group == msg.group && other > last[msg.group] && other < body {
					m.t.Fatalf("%q of group %s came before %q", body, msg.group, other)
				}
			}
			last[msg.group] = body
		}
		msg.receives++
		if g.Attributes["ApproximateReceiveCount"] != strconv.Itoa(msg.receives) {
			m.t.Fatalf("%q says it was received %s times, not %d", body, g.Attributes["ApproximateReceiveCount"], msg.receives)
		}
		msg.handle, msg.held = g.ReceiptHandle, true
		msg.visibleAt = time.Now().Add(time.Duration(seconds) * time.Second)
		can = slices.DeleteFunc(can, func(b string) bool { return b == body })
	}
}

// pick draws a message that was received once.
func (m *model) pick() (string, *modelMessage) {
	known := slices.Sorted(maps.Keys(m.messages))
	known = slices.DeleteFunc(known, func(b string) bool { return m.messages[b].handle == "" })
	if len(known) == 0 {
		m.t.Skip("nothing was received yet")
	}
	body := rapid.SampledFrom(known).Draw(m.t, "message")
	return body, m.messages[body]
}

func (m *model) delete(*rapid.T) {
	body, msg := m.pick()
	code := m.call("DeleteMessage", obj{"QueueUrl": m.url, "ReceiptHandle": msg.handle}, nil)
	if m.fifo && !msg.visibleAt.After(time.Now()) {
		if code != "InvalidParameterValueException" {
			m.t.Fatalf("delete after the timeout in a FIFO queue: code %q", code)
		}
		return
	}
	if code != "" {
		m.t.Fatalf("delete %q: %s", body, code)
	}
	delete(m.messages, body)
}

func (m *model) hide(*rapid.T) {
	body, msg := m.pick()
	seconds := m.draw(0, 60, "visibility")
	code := m.call("ChangeMessageVisibility", obj{"QueueUrl": m.url, "ReceiptHandle": msg.handle, "VisibilityTimeout": seconds}, nil)
	if !msg.visibleAt.After(time.Now()) {
		if code != "MessageNotInflight" {
			m.t.Fatalf("hide %q, which can be received: code %q", body, code)
		}
		return
	}
	if code != "" {
		m.t.Fatalf("hide %q: %s", body, code)
	}
	msg.visibleAt = time.Now().Add(time.Duration(seconds) * time.Second)
}

// check compares the counts, and that nothing else is in the queue.
func (m *model) check(*rapid.T) {
	var want [3]int
	for _, msg := range m.messages {
		switch {
		case !msg.visibleAt.After(time.Now()):
			want[0]++
		case msg.held:
			want[1]++
		default:
			want[2]++
		}
	}
	var out struct{ Attributes map[string]string }
	if code := m.call("GetQueueAttributes", obj{"QueueUrl": m.url, "AttributeNames": []string{"All"}}, &out); code != "" {
		m.t.Fatal(code)
	}
	got := [3]string{out.Attributes["ApproximateNumberOfMessages"], out.Attributes["ApproximateNumberOfMessagesNotVisible"], out.Attributes["ApproximateNumberOfMessagesDelayed"]}
	if diff := cmp.Diff([3]string{strconv.Itoa(want[0]), strconv.Itoa(want[1]), strconv.Itoa(want[2])}, got); diff != "" {
		m.t.Fatalf("counts of %d messages: %s", len(m.messages), diff)
	}
}
