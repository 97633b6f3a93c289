package attr

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
)

// Limits of DynamoDB's Number.
const (
	// MaxDigits is the number of significant digits.
	MaxDigits = 38
	// MinExponent is the least e in d.ddd…·10^e.
	MinExponent = -130
	// MaxExponent is the greatest e in d.ddd…·10^e.
	MaxExponent = 125
)

// Decimal is an exact decimal number of at most MaxDigits significant digits.
// The zero value is 0. math/big.Float is no alternative: it is binary, and 0.1 must stay 0.1.
type Decimal struct {
	neg bool
	// digits are '0'…'9' without leading or trailing zeros; empty for zero.
	digits string
	// exp is the exponent of the first digit: the value is d.ddd…·10^exp.
	exp int
}

var (
	errNotNumber = &InvalidError{"The parameter cannot be converted to a numeric value"}
	errDigits    = &InvalidError{"Attempting to store more than 38 significant digits in a Number"}
	errOverflow  = &InvalidError{"Number overflow. Attempting to store a number with magnitude larger than supported range"}
	errUnderflow = &InvalidError{"Number underflow. Attempting to store a number with magnitude smaller than supported range"}
)

// ParseDecimal reads what DynamoDB takes as a number: an optional sign, digits with at most one
// point, an optional exponent. The error is an *InvalidError with DynamoDB's message.
func ParseDecimal(text string) (Decimal, error) {
	if d, ok := parseShort(text); ok {
		return d, nil
	}
	s := text
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	exp := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, ok := parseExponent(s[i+1:])
		if !ok {
			return Decimal{}, notNumber(text)
		}
		exp, s = e, s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return Decimal{}, notNumber(text)
	}
	return normalize(neg, whole+fraction, len(whole)-1+exp)
}

func notNumber(text string) error {
	if text == "" {
		return errNotNumber
	}
	return Invalid("%s: %s", errNotNumber.Message, text)
}

// parseShort is the fast path for a plain integer without leading or trailing zeros, the form in which most numbers come.
func parseShort(s string) (Decimal, bool) {
	d := Decimal{digits: s}
	if s != "" && s[0] == '-' {
		d.neg, d.digits = true, s[1:]
	}
	n := len(d.digits)
	if n == 0 || n > MaxDigits || d.digits[0] == '0' || d.digits[n-1] == '0' || !allDigits(d.digits) {
		return Decimal{}, false
	}
	d.exp = n - 1
	return d, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func parseExponent(s string) (int, bool) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	if s == "" || !allDigits(s) {
		return 0, false
	}
	e := 0
	for i := range len(s) {
		e = min(e*10+int(s[i]-'0'), 1<<20) // far out of range either way
	}
	if neg {
		e = -e
	}
	return e, true
}

// normalize strips zeros and checks the limits; exp is the exponent of digits[0].
func normalize(neg bool, digits string, exp int) (Decimal, error) {
	trimmed := strings.TrimLeft(digits, "0")
	exp -= len(digits) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, "0")
	switch {
	case trimmed == "":
		return Decimal{}, nil
	case len(trimmed) > MaxDigits:
		return Decimal{}, errDigits
	case exp > MaxExponent:
		return Decimal{}, errOverflow
	case exp < MinExponent:
		return Decimal{}, errUnderflow
	}
	return Decimal{neg, trimmed, exp}, nil
}

// String is the canonical text: plain notation, no superfluous zeros.
func (d Decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	var b strings.Builder
	if d.neg {
		b.WriteByte('-')
	}
	switch n := len(d.digits); {
	case d.exp < 0:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", -d.exp-1))
		b.WriteString(d.digits)
	case d.exp >= n-1:
		b.WriteString(d.digits)
		b.WriteString(strings.Repeat("0", d.exp-n+1))
	default:
		b.WriteString(d.digits[:d.exp+1])
		b.WriteByte('.')
		b.WriteString(d.digits[d.exp+1:])
	}
	return b.String()
}

func (d Decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// Compare gives −1, 0 or +1.
func (d Decimal) Compare(o Decimal) int {
	if c := cmp.Compare(d.sign(), o.sign()); c != 0 || d.digits == "" {
		return c
	}
	// The first digit is never zero, so the exponent decides, then the digits as text.
	c := cmp.Or(cmp.Compare(d.exp, o.exp), strings.Compare(d.digits, o.digits))
	if d.neg {
		return -c
	}
	return c
}

// Neg is −d.
func (d Decimal) Neg() Decimal {
	if d.digits != "" {
		d.neg = !d.neg
	}
	return d
}

// Int64 is d without its fraction; ok is false when it does not fit.
func (d Decimal) Int64() (n int64, ok bool) {
	if d.digits == "" || d.exp < 0 {
		return 0, true
	}
	if d.exp > 17 {
		return 0, false
	}
	for i := 0; i <= d.exp; i++ {
		n *= 10
		if i < len(d.digits) {
			n += int64(d.digits[i] - '0')
		}
	}
	if d.neg {
		n = -n
	}
	return n, true
}

// Add is the exact sum; a sum that does not fit a Number is an *InvalidError.
func (d Decimal) Add(o Decimal) (Decimal, error) {
	if d.digits == "" {
		return o, nil
	}
	if o.digits == "" {
		return d, nil
	}
	// unit is the exponent of the last digit of both operands written to the same precision.
	unit := min(d.exp-len(d.digits), o.exp-len(o.digits)) + 1
	sum := d.scaled(unit)
	sum.Add(sum, o.scaled(unit))
	neg := sum.Sign() < 0
	digits := sum.Abs(sum).String()
	return normalize(neg, digits, unit+len(digits)-1)
}

// scaled is d as an integer count of 10^unit.
func (d Decimal) scaled(unit int) *big.Int {
	zeros := d.exp - len(d.digits) + 1 - unit
	n, _ := new(big.Int).SetString(d.digits+strings.Repeat("0", zeros), 10)
	if d.neg {
		n.Neg(n)
	}
	return n
}

// NewDecimal is the integer n.
func NewDecimal(n int64) Decimal {
	d, _ := ParseDecimal(strconv.FormatInt(n, 10)) // 19 digits always fit
	return d
}
