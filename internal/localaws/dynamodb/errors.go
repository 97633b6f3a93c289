package dynamodb

import (
	"encoding/json"
	"errors"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// validation is the namespace in which AWS reports ValidationException, unlike all its other errors here.
const validation = "com.amazon.coral.validate#ValidationException"

func invalid(format string, args ...any) error { return attr.Invalid(format, args...) }

// translate gives the errors of attr and expr their AWS form; all others pass.
func translate(err error) error {
	var bad *attr.InvalidError
	var syntax *attr.SyntaxError
	switch {
	case errors.As(err, &bad):
		return &awsjson.Error{Code: validation, Message: bad.Message}
	case errors.As(err, &syntax):
		return awsjson.Errorf("SerializationException", "%s", syntax.Error())
	}
	return err
}

func noTable(name string) error {
	return awsjson.Errorf("ResourceNotFoundException", "Requested resource not found: Table: %s not found", name)
}

// conditionFailed carries the old item when the caller asked for it and there is one.
func conditionFailed(item []byte) error {
	e := awsjson.Errorf("ConditionalCheckFailedException", "The conditional request failed")
	if item != nil {
		e.Fields = map[string]any{"Item": json.RawMessage(item)}
	}
	return e
}

// unsupported refuses a parameter or operation that this endpoint does not have.
func unsupported(what, instead string) error {
	return invalid("%s is not supported by this local endpoint; %s", what, instead)
}
