package codec

import (
	"time"
	"unicode/utf8"
)

// maxDeadline is the end of the year 9999, the last that RFC 3339 can write.
const maxDeadline = 253402300799999

// ValidJob reports whether id can name a job: 1 to MaxJobLen ASCII letters,
// digits, ".", "_" or "-", starting with a letter or a digit. Job ids become parts of table
// keys, object keys, SQS group ids, URLs and command lines, so everything that
// one of those would have to escape is left out.
func ValidJob(id string) bool {
	if len(id) == 0 || len(id) > MaxJobLen {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

// validText reports whether s has at most limit bytes of UTF-8 without control
// characters, which would break logs, terminals and table keys.
func validText(s string, limit int) bool {
	if len(s) > limit || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// check holds the rules that a message must keep whichever way it goes, so that
// what AppendMessage writes DecodeMessage accepts. It does not look into Args.
func (m *Message) check() *BadMessageError {
	switch {
	case m.Handler == "":
		return bad(ReasonEnvelope, `"f" is missing: it names the handler`)
	case !validText(m.Handler, MaxHandlerLen):
		return bad(ReasonEnvelope, `"f" must be at most %d bytes of UTF-8 without control characters`, MaxHandlerLen)
	case m.Job != "" && !ValidJob(m.Job):
		return bad(ReasonEnvelope, `"j" must be 1 to %d letters, digits, ".", "_" or "-", starting with a letter or digit`, MaxJobLen)
	case !validText(m.ID, MaxIDLen):
		return bad(ReasonEnvelope, `"id" must be at most %d bytes of UTF-8 without control characters`, MaxIDLen)
	case !validText(m.Trace, MaxTraceLen):
		return bad(ReasonEnvelope, `"tp" must be at most %d bytes of UTF-8 without control characters`, MaxTraceLen)
	case m.Attempt < 0 || m.Attempt > MaxIndex:
		return bad(ReasonEnvelope, `"a" is %d; attempts count from 1 to %d`, m.Attempt, MaxIndex)
	}
	if !m.Deadline.IsZero() {
		if ms := m.Deadline.UnixMilli(); ms <= 0 || ms > maxDeadline {
			return bad(ReasonEnvelope, `"dl" is %d; it counts milliseconds since 1970, up to the year 9999`, ms)
		}
	}
	if err := m.checkTasks(); err != nil {
		return err
	}
	return m.checkIdentity()
}

// checkTasks checks the number of tasks, where they are, and their indices.
func (m *Message) checkTasks() *BadMessageError {
	if o := m.Offload; o != nil {
		switch {
		case len(m.Args) > 0:
			return bad(ReasonEnvelope, `"t" and "s3" are both given: the arguments are in the body or in an object`)
		case o.Key == "" || !validText(o.Key, MaxKeyLen):
			return bad(ReasonEnvelope, `"s3" must be an object key of 1 to %d bytes of UTF-8 without control characters`, MaxKeyLen)
		case o.Len < 1 || o.Len > MaxOffload:
			return bad(ReasonLimit, `"len" is %d; offloaded arguments have 1 to %d bytes`, o.Len, MaxOffload)
		}
	}
	n := m.Len()
	switch {
	case n == 0 && m.Offload != nil:
		return bad(ReasonEnvelope, `"n" is missing: it tells how many tasks are in the object`)
	case n == 0:
		return bad(ReasonEnvelope, `"t" is missing or empty: it holds one argument per task`)
	case n < 0 || n > MaxTasks:
		return bad(ReasonLimit, "%d tasks; a message holds at most %d", n, MaxTasks)
	case m.First < 0 || m.First > MaxIndex-(n-1):
		return bad(ReasonEnvelope, `"q" is %d for %d tasks; indices go from 0 to %d`, m.First, n, MaxIndex)
	case m.Indices == nil:
		return nil
	case len(m.Indices) != n:
		return bad(ReasonEnvelope, `"i" has %d indices for %d tasks`, len(m.Indices), n)
	case m.Indices[0] != m.First:
		return bad(ReasonEnvelope, `"i" starts at %d but "q" is %d`, m.Indices[0], m.First)
	case m.Indices[n-1] > MaxIndex:
		return bad(ReasonEnvelope, `"i" ends at %d; indices go from 0 to %d`, m.Indices[n-1], MaxIndex)
	}
	for k := 1; k < n; k++ {
		if m.Indices[k] <= m.Indices[k-1] {
			return bad(ReasonEnvelope, `"i" must strictly increase, but %d follows %d`, m.Indices[k], m.Indices[k-1])
		}
	}
	return nil
}

// checkIdentity checks that the message can be what its identity says: a root is
// named by its first index, and a child holds tasks of the root it descends from.
func (m *Message) checkIdentity() *BadMessageError {
	if m.Identity == "" {
		return nil
	}
	if !m.Identity.Valid() {
		return bad(ReasonEnvelope, `"m" must be an index followed by up to %d elements ".n" or ".rn"`, MaxIdentityDepth)
	}
	root, err := m.Identity.Root()
	if err != nil {
		return bad(ReasonEnvelope, `"m": %v`, err)
	}
	if m.Identity.IsRoot() && root != m.First {
		return bad(ReasonEnvelope, `"m" is the root %d but the first task is %d`, root, m.First)
	}
	if root > m.First {
		return bad(ReasonEnvelope, `"m" descends from root %d, which begins after the first task %d`, root, m.First)
	}
	return nil
}

// deadlineMS returns the deadline as it is written, 0 for none.
func (m *Message) deadlineMS() int64 {
	if m.Deadline.IsZero() {
		return 0
	}
	return m.Deadline.UnixMilli()
}

func deadlineFrom(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
