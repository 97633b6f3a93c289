package attr

import "fmt"

// SyntaxError says that the text is not JSON, or a JSON value is not of the type its place asks for.
// AWS answers with SerializationException.
type SyntaxError struct {
	Message string
	// Offset in bytes from the start of the text.
	Offset int
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Message, e.Offset) }

// InvalidError says that a well-formed value breaks one of DynamoDB's rules.
// AWS answers with ValidationException and this message.
type InvalidError struct{ Message string }

func (e *InvalidError) Error() string { return e.Message }

// Invalid makes an InvalidError.
func Invalid(format string, args ...any) error {
	return &InvalidError{Message: fmt.Sprintf(format, args...)}
}
