package sqs

import (
	"net/http"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// The codes are the shapes of the SQS API reference; the second name is the one
// of the Query protocol, which the SDKs report as the error's code.

func invalidParameter(format string, args ...any) *awsjson.Error {
	return coded("InvalidParameterValueException", "InvalidParameterValue", format, args...)
}

func missingParameter(name string) *awsjson.Error {
	return coded("MissingParameterException", "MissingParameter", "The request must contain the parameter %s.", name)
}

func invalidAttributeName(name string) *awsjson.Error {
	return coded("InvalidAttributeName", "", "Unknown Attribute %s.", name)
}

func invalidAttributeValue(name, value, reason string) *awsjson.Error {
	return coded("InvalidAttributeValue", "", "Invalid value %q for the parameter %s. Reason: %s.", value, name, reason)
}

func unsupported(format string, args ...any) *awsjson.Error {
	return coded("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", format, args...)
}

func queueDoesNotExist() *awsjson.Error {
	return coded("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

func resourceNotFound(message string) *awsjson.Error {
	e := coded("ResourceNotFoundException", "ResourceNotFoundException", "%s", message)
	e.Status = http.StatusNotFound
	return e
}

func receiptHandleIsInvalid(handle string) *awsjson.Error {
	e := coded("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle of this queue.", handle)
	e.Status = http.StatusNotFound
	return e
}

func coded(code, queryCode, format string, args ...any) *awsjson.Error {
	e := awsjson.Errorf(code, format, args...)
	e.QueryCode = queryCode
	return e
}

// shortCode is the code inside a batch's failed entry.
func shortCode(e *awsjson.Error) string {
	if e.QueryCode != "" {
		return e.QueryCode
	}
	return e.Code
}
