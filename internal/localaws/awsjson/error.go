package awsjson

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Error is an AWS API error: what the SDKs turn into their typed errors.
type Error struct {
	// Code is the shape's name, such as "QueueDoesNotExist". The handler puts
	// its namespace in front ("com.amazonaws.sqs#QueueDoesNotExist") unless the
	// code holds a "#" itself.
	Code string
	// Message says what happened, to what, and what is allowed.
	Message string
	// Status is the HTTP status. Default: 400. SDKs retry 500 and above.
	Status int
	// QueryCode is the error's name in the older Query protocol, sent in the
	// x-amzn-query-error header; SDKs report it as the error code. Default: no header.
	QueryCode string
	// Fields are further members of the error document, such as
	// CancellationReasons. Optional.
	Fields map[string]any
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// asError gives every failure of an operation an AWS form.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: "InternalFailure", Message: err.Error(), Status: http.StatusInternalServerError}
}

func (e *Error) document(namespace string) map[string]any {
	code := e.Code
	if namespace != "" && !strings.Contains(code, "#") {
		code = namespace + "#" + code
	}
	doc := make(map[string]any, len(e.Fields)+2)
	maps.Copy(doc, e.Fields)
	doc["__type"], doc["message"] = code, e.Message
	return doc
}

func (e *Error) writeTo(w http.ResponseWriter, namespace string) (status int, body any) {
	status = cmp.Or(e.Status, http.StatusBadRequest)
	if e.QueryCode != "" {
		fault := "Sender"
		if status >= http.StatusInternalServerError {
			fault = "Receiver"
		}
		w.Header()["X-Amzn-Query-Error"] = []string{e.QueryCode + ";" + fault}
	}
	return status, e.document(namespace)
}
