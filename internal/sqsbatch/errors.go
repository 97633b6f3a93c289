package sqsbatch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/starburst-go/starburst/internal/awserr"
)

var (
	// ErrLeaseLost marks an entry whose receipt handle no longer holds the
	// message: its visibility timeout has passed or it has been received again.
	// The message is somebody else's now.
	ErrLeaseLost = errors.New("the receipt handle no longer holds the message")

	// ErrUnaccounted marks an entry that SQS named neither as successful nor as failed.
	ErrUnaccounted = errors.New("SQS's answer does not mention the entry")

	// ErrBody marks a message that SQS could not take whatever its settings:
	// empty, or with a character that SQS forbids.
	ErrBody = errors.New("not a legal message body")

	// ErrTooLarge marks a message above the limit of a single message.
	ErrTooLarge = errors.New("the message is too large")
)

// EntryError is SQS's refusal of one entry of a batch.
type EntryError struct {
	// Code and Message are SQS's.
	Code, Message string
	// SenderFault is true when the same entry would be refused again.
	SenderFault bool
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("SQS refused the entry: %s: %s", e.Code, e.Message)
}

// Is makes errors.Is(err, ErrLeaseLost) recognise the codes of a lost lease.
// They are compared as text because entries of a batch carry no typed errors. A handle
// that has timed out comes back as ReceiptHandleIsInvalid, as MessageNotInflight, or as
// InvalidParameterValue naming the parameter ("Value … for parameter ReceiptHandle is
// invalid. Reason: Message does not exist or is not available for visibility timeout
// change."); too long a timeout is an InvalidParameterValue too, naming VisibilityTimeout.
func (e *EntryError) Is(target error) bool {
	if target != ErrLeaseLost {
		return false
	}
	switch code := e.Code[strings.LastIndexByte(e.Code, '.')+1:]; code {
	case "ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidIdFormat":
		return true
	case "InvalidParameterValue":
		return strings.Contains(e.Message, "parameter ReceiptHandle")
	}
	return false
}

func entryError(f types.BatchResultErrorEntry) *EntryError {
	return &EntryError{Code: aws.ToString(f.Code), Message: aws.ToString(f.Message), SenderFault: f.SenderFault}
}

// verdict says what to do about an error of a whole call.
type verdict int

const (
	again  verdict = iota // the same entries, later
	halve                 // one of the entries spoils the call: smaller calls find out which
	giveUp                // every further call fails alike
)

func judge(err error) verdict {
	switch {
	case is[*types.BatchRequestTooLong](err),
		is[*types.InvalidMessageContents](err),
		is[*types.ReceiptHandleIsInvalid](err),
		is[*types.InvalidIdFormat](err),
		is[*types.InvalidBatchEntryId](err),
		is[*types.TooManyEntriesInBatchRequest](err):
		return halve
	case is[*types.QueueDoesNotExist](err),
		is[*types.InvalidAddress](err),
		is[*types.InvalidSecurity](err),
		is[*types.UnsupportedOperation](err),
		is[*types.KmsAccessDenied](err),
		is[*types.KmsDisabled](err),
		is[*types.KmsInvalidKeyUsage](err),
		is[*types.KmsInvalidState](err),
		is[*types.KmsNotFound](err),
		is[*types.KmsOptInRequired](err):
		return giveUp
	case rejected(err):
		return halve
	}
	return again
}

// rejected reports whether SQS found fault with the request itself, in an error
// that the SDK has no type for (HTTP 4xx, but neither throttling nor access).
func rejected(err error) bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() >= 400 && answer.HTTPStatusCode() < 500 &&
		!awserr.IsTransient(err) && !awserr.IsAccess(err)
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// leaseLost recognises the typed errors that say of a call of one entry what
// EntryError.Is says of an entry.
func leaseLost(err error) bool {
	return is[*types.ReceiptHandleIsInvalid](err) || is[*types.MessageNotInflight](err) || is[*types.InvalidIdFormat](err)
}
