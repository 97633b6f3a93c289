package sqs

import (
	"strings"
)

// checkAttributes applies the rules for message attributes (developer guide,
// "Amazon SQS message metadata").
func checkAttributes(attributes map[string]attribute) error {
	if len(attributes) > maxAttributes {
		return invalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attributes), maxAttributes)
	}
	for name, a := range attributes {
		if err := checkAttribute(name, a); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(name string, a attribute) error {
	lower := strings.ToLower(name)
	switch {
	case !isName(strings.ReplaceAll(name, ".", "_"), maxNameLength),
		strings.HasPrefix(name, "."), strings.HasSuffix(name, "."), strings.Contains(name, ".."):
		return invalidParameter("The message attribute name %q is invalid. It may have 1 to 256 letters, digits, hyphens, underscores and single periods inside.", name)
	case strings.HasPrefix(lower, "aws."), strings.HasPrefix(lower, "amazon."):
		return invalidParameter("The message attribute name %q is invalid. The prefixes AWS. and Amazon. are reserved.", name)
	case len(a.StringListValues) > 0, len(a.BinaryListValues) > 0:
		return unsupported("Message attribute list values in SendMessage operation are not supported.")
	}
	kind, _, _ := strings.Cut(a.DataType, ".")
	if kind != "String" && kind != "Number" && kind != "Binary" || len(a.DataType) > maxNameLength {
		return invalidParameter("The type of message (user) attribute %q is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	}
	if kind == "Binary" {
		if len(a.BinaryValue) == 0 || a.StringValue != nil {
			return invalidParameter("The message (user) attribute %q must contain a non-empty value of type %s.", name, kind)
		}
		return nil
	}
	if a.text() == "" || a.BinaryValue != nil {
		return invalidParameter("The message (user) attribute %q must contain a non-empty value of type %s.", name, kind)
	}
	if !isBodyText(a.text()) {
		return coded("InvalidMessageContents", "", "Invalid characters were found in the message attribute %q.", name)
	}
	if kind == "Number" && !isNumber(a.text()) {
		return invalidParameter("Can't cast the value of message (user) attribute %q to a number.", name)
	}
	return nil
}

// isNumber reports whether s is a decimal number with optional sign, fraction
// and exponent.
func isNumber(s string) bool {
	s = strings.TrimLeft(s, "+-")
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	return whole+fraction != "" && digits(whole) && digits(fraction) &&
		(!hasExponent || exponent != "" && digits(strings.TrimLeft(exponent, "+-")))
}
