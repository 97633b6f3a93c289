package codec

import (
	"fmt"
	"strconv"
	"strings"
)

// Identity names one message inside its job. A root is the decimal index of
// the chunk's first task ("1200"); a child appends to its parent's identity
// ("1200.1", "1200.1.2"; children made by `retry --failed` append ".r1", ".r2", …).
// One result item is written under each identity, once.
type Identity string

// RootIdentity returns the identity of the chunk whose first task has index first.
func RootIdentity(first int) Identity { return Identity(strconv.Itoa(first)) }

// Child returns the identity of the n-th child (1-based).
func (id Identity) Child(n int) Identity { return id + Identity("."+strconv.Itoa(n)) }

// IsRoot reports whether a well-formed id names a root chunk and not one of its descendants.
func (id Identity) IsRoot() bool { return !strings.Contains(string(id), ".") }

// IsRetry reports whether a well-formed id was made by `retry --failed`, or
// descends from such a message: its tasks had been recorded as failed before.
func (id Identity) IsRetry() bool { return strings.Contains(string(id), ".r") }

// Root returns the index of the first task of the root chunk that id descends from.
// It returns an error unless id is well formed (see Valid).
func (id Identity) Root() (int, error) {
	head, _, _ := strings.Cut(string(id), ".")
	n, err := strconv.Atoi(head)
	if err != nil || n < 0 || n > MaxIndex || strconv.Itoa(n) != head {
		return 0, fmt.Errorf("message identity %q: does not start with a task index", id)
	}
	return n, nil
}

// Valid reports whether id is a canonical root index followed by up to
// MaxIdentityDepth elements, each "." and an optional "r" and a number ≥ 1,
// in at most MaxIdentityLen bytes.
func (id Identity) Valid() bool {
	if len(id) == 0 || len(id) > MaxIdentityLen {
		return false
	}
	if _, err := id.Root(); err != nil {
		return false
	}
	parts := strings.Split(string(id), ".")[1:]
	if len(parts) > MaxIdentityDepth {
		return false
	}
	for _, p := range parts {
		p = strings.TrimPrefix(p, "r")
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || strconv.Itoa(n) != p {
			return false
		}
	}
	return true
}
