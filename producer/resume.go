package producer

import (
	"fmt"
	"iter"
	"slices"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// owed hands out, root by root, the messages of a resumed job that have no item:
// roots, and children whose parent was recorded but that may never have been sent.
type owed struct {
	pull func() (store.Child, error, bool)
	end  func()
	// head is the next message, when has is true; root is the index its root begins with.
	head store.Child
	root int
	has  bool
	err  error
}

func newOwed(pending iter.Seq2[store.Child, error]) *owed {
	o := &owed{}
	o.pull, o.end = iter.Pull2(pending)
	o.advance()
	return o
}

func (o *owed) stop() {
	if o != nil {
		o.end()
	}
}

func (o *owed) advance() {
	if o.head, o.err, o.has = o.pull(); o.has && o.err == nil {
		o.root, o.err = o.head.Identity.Root()
	}
}

// none reports whether there is nothing to send, which spares the second pass.
func (o *owed) none() bool { return !o.has && o.err == nil }

// next returns the next message of the root that begins with the index first; ok
// is false when there is none (any more).
func (o *owed) next(first int) (child store.Child, ok bool, err error) {
	switch {
	case o.err != nil:
		return store.Child{}, false, o.err
	case !o.has || o.root > first:
		return store.Child{}, false, nil
	case o.root < first:
		return store.Child{}, false, fmt.Errorf("message %s is not part of the job's plan", o.head.Identity)
	}
	child = o.head
	o.advance()
	return child, true, nil
}

// childOf makes the message from the arguments of its root.
func childOf(c *chunk, child store.Child) (codec.Message, error) {
	if child.Identity.IsRoot() {
		return codec.Message{First: c.first, Args: c.all()}, nil
	}
	all := c.all()
	m := codec.Message{First: child.Indices[0], Identity: child.Identity, Attempt: child.Attempt}
	for _, i := range child.Indices {
		if i < c.first || i >= c.first+len(all) {
			return m, fmt.Errorf("message %s has task %d, which is not in its root", child.Identity, i)
		}
		m.Args = append(m.Args, all[i-c.first])
	}
	if last := len(child.Indices) - 1; child.Indices[last]-child.Indices[0] != last {
		m.Indices = slices.Clone(child.Indices)
	}
	return m, nil
}
