package child

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
)

// A frame is built behind its length by the codec's own appenders: a task frame is written for every
// few tasks, and all there is in it are texts, integers and bin.
type frame []byte

func newFrame(keys int) frame { return codec.AppendMapLen(make(frame, headerLen, 256), keys) }

// bytes fills in the length.
func (f frame) bytes() []byte {
	binary.BigEndian.PutUint32(f, uint32(len(f)-headerLen))
	return f
}

func (f frame) text(s string) frame { return codec.AppendStr(f, s) }
func (f frame) array(n int) frame   { return codec.AppendArrayLen(f, n) }
func (f frame) bin(b []byte) frame  { return codec.AppendBin(f, b) }

// integer has three widths only, as the protocol's vectors have them.
func (f frame) integer(n int64) frame {
	switch {
	case n >= 0 && n < 128:
		return append(f, byte(n))
	case n >= 0 && n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(f, 0xce), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(f, 0xd3), uint64(n))
}

// taskFrame hands over the tasks of one message, all of which have the first one's envelope.
func taskFrame(id int64, tasks []consumer.Task) []byte {
	t := tasks[0]
	keys := 5
	for _, there := range []bool{t.Job != "", t.ID != "", !t.Deadline.IsZero(), t.Timeout > 0, t.Trace != ""} {
		if there {
			keys++
		}
	}
	f := newFrame(keys).text("t").text("task").text("id").integer(id).text("handler").text(t.Handler)
	if t.Job != "" {
		f = f.text("job").text(t.Job)
	}
	if t.ID != "" {
		f = f.text("task").text(t.ID)
	}
	f = f.text("attempt").integer(int64(t.Attempt))
	if !t.Deadline.IsZero() {
		f = f.text("deadline_ms").integer(t.Deadline.UnixMilli())
	}
	if t.Timeout > 0 {
		f = f.text("timeout_ms").integer(max(1, t.Timeout.Milliseconds()))
	}
	if t.Trace != "" {
		f = f.text("trace").text(t.Trace)
	}
	f = f.text("tasks").array(len(tasks))
	for _, t := range tasks {
		f = f.array(2).integer(int64(t.Index)).bin(t.Arg)
	}
	return f.bytes()
}

// taskRoom is how much of a frame the envelope around arguments may take.
const taskRoom = 4 << 10

// argRoom is what one argument adds beyond its own bytes.
const argRoom = 16

func cancelFrame(id int64, reason string) []byte {
	return newFrame(3).text("t").text("cancel").text("id").integer(id).text("reason").text(reason).bytes()
}

func quietFrame(deadline time.Time) []byte {
	return newFrame(2).text("t").text("quiet").text("deadline_ms").integer(deadline.UnixMilli()).bytes()
}

func byeFrame() []byte { return newFrame(1).text("t").text("bye").bytes() }
