package producer

import "github.com/vmihailenco/msgpack/v5"

// chunk gathers the arguments of one message. It copies them, because a source
// may use its buffer again, and is itself used again for the next message.
type chunk struct {
	first int
	bytes []byte
	ends  []int
	args  []msgpack.RawMessage
}

// keepBytes is the largest buffer that is kept for the next message.
const keepBytes = 1 << 20

// reset empties the chunk for the message whose first task has the index.
func (c *chunk) reset(first int) {
	c.first, c.ends = first, c.ends[:0]
	if c.bytes = c.bytes[:0]; cap(c.bytes) > keepBytes {
		c.bytes, c.args = nil, nil
	}
}

func (c *chunk) add(arg []byte) {
	c.bytes = append(c.bytes, arg...)
	c.ends = append(c.ends, len(c.bytes))
}

func (c *chunk) len() int { return len(c.ends) }

// all returns the arguments, valid until the next add or reset.
func (c *chunk) all() []msgpack.RawMessage {
	c.args = c.args[:0]
	start := 0
	for _, end := range c.ends {
		c.args = append(c.args, c.bytes[start:end:end])
		start = end
	}
	return c.args
}
