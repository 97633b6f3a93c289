package cost_test

import (
	"math"
	"testing"

	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

func TestPicoUSDFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because             string
		amount              cost.PicoUSD
		exact, cents, short string
	}{
		{"nothing still has cents", 0, "$0.00", "$0.00", "$0.00"},
		{"an ARM vCPU-second is not a whole number of nano-dollars", 8_994_400, "$0.0000089944", "$0.00", "$0.00000899"},
		{"the smallest amount keeps all its digits", 1, "$0.000000000001", "$0.00", "$0.000000000001"},
		{"trailing zeros beyond cents are dropped", 4_500 * cost.Cent / 10, "$4.50", "$4.50", "$4.50"},
		{"half a cent rounds away from zero", cost.Cent / 2, "$0.005", "$0.01", "$0.005"},
		{"credit is negative", -126_198 * cost.Cent / 1000, "-$1.26198", "-$1.26", "-$1.26"},
		{"a short run does not read $0.00", 822_840_000, "$0.00082284", "$0.00", "$0.000823"},
		{"rounding up may reach the next unit", 9_999_000_000, "$0.009999", "$0.01", "$0.01"},
		{"the largest amount cannot round up", math.MaxInt64, "$9223372.036854775807", "$9223372.03", "$9223372.03"},
		{"nor the most negative one down", math.MinInt64, "-$9223372.036854775808", "-$9223372.03", "-$9223372.03"},
	} {
		if got := c.amount.String(); got != c.exact {
			t.Errorf("%s: String() = %s, want %s", c.because, got, c.exact)
		}
		if got := c.amount.Short(); got != c.short {
			t.Errorf("%s: Short() = %s, want %s", c.because, got, c.short)
		}
		if got := c.amount.Cents(); got != c.cents {
			t.Errorf("%s: Cents() = %s, want %s", c.because, got, c.cents)
		}
	}
}

func TestParsePicoUSD(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because, in string
		want        cost.PicoUSD
		bad         bool
	}{
		{because: "a published rate", in: "$0.0000089944", want: 8_994_400},
		{because: "no dollar sign", in: "12.50", want: 1250 * cost.Cent},
		{because: "no decimals", in: "3", want: 3 * cost.USD},
		{because: "no digit before the point", in: ".5", want: 50 * cost.Cent},
		{because: "negative", in: "-$1.26", want: -126 * cost.Cent},
		{because: "the largest amount", in: "9223372.036854775807", want: math.MaxInt64},
		{because: "one pico-dollar more", in: "9223372.036854775808", bad: true},
		{because: "too large", in: "9223373", bad: true},
		{because: "too fine", in: "0.0000000000001", bad: true},
		{because: "exponents are not money", in: "1e3", bad: true},
		{because: "thousands separators are ambiguous", in: "1,000", bad: true},
		{because: "nothing", in: "", bad: true},
		{because: "a lone point", in: "$.", bad: true},
		{because: "nothing after the point", in: "1.", bad: true},
		{because: "two signs", in: "--1", bad: true},
	} {
		got, err := cost.ParsePicoUSD(c.in)
		if (err != nil) != c.bad || got != c.want {
			t.Errorf("%s: ParsePicoUSD(%q) = %d, %v", c.because, c.in, got, err)
		}
	}
}

func TestFormattedAmountsParseBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := cost.PicoUSD(rapid.Int64Range(-1<<62, 1<<62).Draw(t, "amount"))
		if got, err := cost.ParsePicoUSD(p.String()); err != nil || got != p {
			t.Fatalf("%d → %s → %d, %v", p, p, got, err)
		}
	})
}
