package child

import (
	"bytes"
	"fmt"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// Limits of what a child may say of itself.
const (
	maxHandlers = 1000
	maxDetail   = 64 << 10
	maxText     = 8 << 10
)

// said is one frame from a child. The zero values stand for what is missing.
type said struct {
	kind string // "t"
	id   int64
	at   time.Time // of its arrival

	// hello
	version   int64
	handlers  []string
	lang, lib string
	pid       int64

	// done, fail
	result    []byte
	hasResult bool
	typ       string
	message   string
	stack     string
	failKind  string
	permanent bool
	detail    []byte

	// log, progress, bye
	level, reason string
	fields        msgpack.RawMessage
	done, total   float64
}

// decodeFrame reads a payload that frameReader.next has checked. The error is a *BreachError.
func decodeFrame(payload []byte) (said, error) {
	var s said
	d := msgpack.NewDecoder(bytes.NewReader(payload))
	n, err := d.DecodeMapLen()
	if err != nil {
		return s, breachf("a frame is not a map: %v", err)
	}
	values := make(map[string]msgpack.RawMessage, min(n, 16))
	for range n {
		key, err := d.DecodeString()
		if err != nil {
			return s, breachf("a frame has a key that is no text: %v", err)
		}
		v, err := d.DecodeRaw()
		if err != nil {
			return s, breachf("%q of a frame does not decode: %v", key, err)
		}
		if len(v) > 0 && v[0] != 0xc0 {
			values[key] = v
		}
	}
	if err := s.take("t", &s.kind, values); err != nil {
		return s, err
	}
	return s, s.fill(values)
}

// fill reads the keys that this kind of frame has; others are ignored.
func (s *said) fill(values map[string]msgpack.RawMessage) error {
	type key struct {
		name string
		into any
	}
	var keys []key
	switch s.kind {
	case "hello":
		keys = []key{{"v", &s.version}, {"handlers", &s.handlers}, {"lang", &s.lang}, {"lib", &s.lib}, {"pid", &s.pid}}
	case "done":
		_, s.hasResult = values["result"]
		keys = []key{{"id", &s.id}, {"result", &s.result}}
	case "fail":
		keys = []key{{"id", &s.id}, {"type", &s.typ}, {"message", &s.message}, {"stack", &s.stack}, {"kind", &s.failKind}, {"permanent", &s.permanent}, {"detail", &s.detail}}
	case "progress":
		keys = []key{{"id", &s.id}, {"done", &s.done}, {"total", &s.total}, {"message", &s.message}}
	case "log":
		s.fields = values["fields"]
		keys = []key{{"id", &s.id}, {"level", &s.level}, {"message", &s.message}}
	case "bye":
		keys = []key{{"reason", &s.reason}}
	}
	for _, k := range keys {
		if err := s.take(k.name, k.into, values); err != nil {
			return err
		}
	}
	return nil
}

func (s *said) take(name string, into any, values map[string]msgpack.RawMessage) error {
	raw, there := values[name]
	if !there {
		return nil
	}
	if b, isBin := into.(*[]byte); isBin {
		// Not the codec, which takes texts and arrays for bytes, too.
		if raw[0] < 0xc4 || raw[0] > 0xc6 {
			return breachf("%q of a %s frame is not bin", name, s.kind)
		}
		*b = raw[[...]int{2, 3, 5}[raw[0]-0xc4]:] // behind the length of bin 8, 16, 32
		return nil
	}
	if err := codec.Unmarshal(raw, into); err != nil {
		return breachf("%q of a %s frame: %v", name, s.kind, err)
	}
	return nil
}

// checkHello judges a child's first frame.
func (s *said) checkHello() error {
	switch {
	case s.kind != "hello":
		return breachf("the first frame is %q, not hello", s.kind)
	case s.version != Version:
		return &versionError{fmt.Sprintf("the child speaks version %d of the worker protocol, this worker %d", s.version, Version)}
	case len(s.handlers) == 0 || len(s.handlers) > maxHandlers:
		return breachf("the hello names %d handlers, not 1 to %d", len(s.handlers), maxHandlers)
	}
	known := map[string]bool{}
	for _, h := range s.handlers {
		if h == "" || len(h) > codec.MaxHandlerLen || known[h] {
			return breachf("the hello names a handler twice, or one whose name has not 1 to %d bytes: %.300q", codec.MaxHandlerLen, h)
		}
		known[h] = true
	}
	return nil
}

// versionError is a disagreement that no restart will mend.
type versionError struct{ what string }

func (e *versionError) Error() string { return e.what }
