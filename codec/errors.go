package codec

import "fmt"

// Reason classifies why bytes are not a Starburst message. The reasons are
// stored with bad messages and counted by operators, so they never change.
type Reason string

// The reasons.
const (
	ReasonEmpty    Reason = "empty"    // the body holds nothing but space
	ReasonBase64   Reason = "base64"   // neither base64, nor z1., nor JSON
	ReasonZstd     Reason = "zstd"     // z1. with a broken or oversized frame
	ReasonJSON     Reason = "json"     // starts with { but is not valid JSON
	ReasonMsgpack  Reason = "msgpack"  // malformed msgpack, or bytes after it
	ReasonEnvelope Reason = "envelope" // well-formed, but a key is missing, has the wrong type, or contradicts another
	ReasonVersion  Reason = "version"  // a version that this program does not know
	ReasonLimit    Reason = "limit"    // larger, deeper or more than limits.go allows
	ReasonOffload  Reason = "offload"  // the pointer to offloaded arguments, or what it leads to, is not what it must be
)

// BadMessageError tells why bytes are not a message. It names keys, positions
// and numbers but never quotes the payload, so that it can be logged.
type BadMessageError struct {
	Reason Reason
	// Detail is for people: what was found and what was expected.
	Detail string
}

func (e *BadMessageError) Error() string {
	return fmt.Sprintf("bad message (%s): %s", e.Reason, e.Detail)
}

func bad(r Reason, format string, args ...any) *BadMessageError {
	return &BadMessageError{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
