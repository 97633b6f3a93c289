package cost

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// PicoUSD is an amount of money in pico-dollars (10⁻¹² US dollars). An int64 holds
// ±$9.2 million, more than 20,000 worker-years of 1 vCPU and 2 GB.
type PicoUSD int64

// Units of money.
const (
	USD  PicoUSD = 1_000_000_000_000
	Cent PicoUSD = USD / 100
)

// maxDecimals is the number of decimals of a dollar that a PicoUSD can hold.
const maxDecimals = 12

// String formats the exact amount with at least two decimals: "$1.26198", "$4.50", "-$0.0000089944".
func (p PicoUSD) String() string {
	whole, frac := split(p)
	digits := strings.TrimRight(fmt.Sprintf("%012d", frac), "0")
	for len(digits) < 2 {
		digits += "0"
	}
	return fmt.Sprintf("%s$%d.%s", sign(p), whole, digits)
}

// Cents formats the amount rounded to the cent, half away from zero: "$1.26".
func (p PicoUSD) Cents() string {
	r := p.Round(Cent)
	whole, frac := split(r)
	return fmt.Sprintf("%s$%d.%02d", sign(r), whole, frac/uint64(Cent))
}

// Short formats the amount for a progress line or a table: to the cent from ten
// cents on, else with three significant digits, so that a short run does not
// read "$0.00".
func (p PicoUSD) Short() string {
	size := p
	if size < 0 {
		size = -max(size, -math.MaxInt64)
	}
	if size == 0 || size >= 10*Cent {
		return p.Cents()
	}
	unit := PicoUSD(1)
	for size >= 1000*unit {
		unit *= 10
	}
	return p.Round(unit).String()
}

// Round rounds to a multiple of unit, half away from zero; towards zero where the
// next multiple would not fit. A unit below 2 changes nothing.
func (p PicoUSD) Round(unit PicoUSD) PicoUSD {
	if unit < 2 {
		return p
	}
	rest := p % unit
	p -= rest
	switch {
	case rest >= unit-rest && p <= math.MaxInt64-unit:
		p += unit
	case -rest >= unit+rest && p >= math.MinInt64+unit:
		p -= unit
	}
	return p
}

// ParsePicoUSD reads an amount of dollars, exactly: an optional sign, an optional
// "$", digits with an optional point, at most 12 decimals ("$0.0000089944", "-3",
// "12.50"). It refuses anything else, and what does not fit.
func ParsePicoUSD(s string) (PicoUSD, error) {
	rest, negative := strings.CutPrefix(strings.TrimSpace(s), "-")
	rest = strings.TrimPrefix(rest, "$")
	whole, frac, point := strings.Cut(rest, ".")
	if whole+frac == "" || !allDigits(whole) || !allDigits(frac) || (point && frac == "") {
		return 0, fmt.Errorf("amount %q: want dollars such as 12.50 or $0.0000089944", s)
	}
	if len(frac) > maxDecimals {
		return 0, fmt.Errorf("amount %q: more than %d decimals", s, maxDecimals)
	}
	var pico uint64
	for _, d := range whole + frac + strings.Repeat("0", maxDecimals-len(frac)) {
		hi, lo := bits.Mul64(pico, 10)
		digit := uint64(d - '0')
		if hi != 0 || lo > math.MaxInt64-digit {
			return 0, fmt.Errorf("amount %q: larger than %s", s, PicoUSD(math.MaxInt64))
		}
		pico = lo + digit
	}
	if negative {
		return -PicoUSD(pico), nil
	}
	return PicoUSD(pico), nil
}

func allDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

func sign(p PicoUSD) string {
	if p < 0 {
		return "-"
	}
	return ""
}

// split returns whole dollars and the pico-dollars beyond them, of |p|.
func split(p PicoUSD) (whole, frac uint64) {
	u := uint64(p)
	if p < 0 {
		u = -u
	}
	return u / uint64(USD), u % uint64(USD)
}

// mulDiv returns a·b/c rounded half up, for a, b ≥ 0 and c > 0, with a 128-bit
// product: a price per hour times the seconds of 10,000 workers passes 2⁶³. What
// does not fit saturates at the largest amount.
func mulDiv(a PicoUSD, b, c int64) PicoUSD {
	if a <= 0 || b <= 0 || c <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c)/2, 0)
	hi += carry
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return PicoUSD(min(q, math.MaxInt64))
}

// add returns a+b, saturating: an absurd ledger must not turn a bill negative.
func add(a, b PicoUSD) PicoUSD {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
