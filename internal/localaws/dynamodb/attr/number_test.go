package attr

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 38)
	for _, c := range []struct{ name, in, want, fails string }{
		{"an integer", "17", "17", ""},
		{"a plus sign", "+5", "5", ""},
		{"no digit before the point", ".5", "0.5", ""},
		{"no digit behind the point", "5.", "5", ""},
		{"zeros that say nothing", "-00012.3400", "-12.34", ""},
		{"zero in any dress", "-0.000e99", "0", ""},
		{"an exponent", "1.5E+3", "1500", ""},
		{"a small one in plain notation", "12e-5", "0.00012", ""},
		{"38 digits", nines, nines, ""},
		{"39 digits", nines + "9", "", "more than 38"},
		{"39 digits of which the last is a zero", nines + "0", nines + "0", ""},
		{"the largest", nines + "e88", nines + strings.Repeat("0", 88), ""},
		{"too large", "1e126", "", "overflow"},
		{"the smallest", "1e-130", "0." + strings.Repeat("0", 129) + "1", ""},
		{"too small", "1e-131", "", "underflow"},
		{"an absurd exponent", "1e99999999999999999999", "", "overflow"},
		{"nothing", "", "", "numeric value"},
		{"a word", "abc", "", "numeric value"},
		{"a space", " 1", "", "numeric value"},
		{"only a sign", "-", "", "numeric value"},
		{"only a point", ".", "", "numeric value"},
		{"half an exponent", "1e", "", "numeric value"},
		{"a hexadecimal", "0x10", "", "numeric value"},
		{"infinity", "Infinity", "", "numeric value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := ParseDecimal(c.in)
			if c.fails == "" {
				if err != nil || d.String() != c.want {
					t.Errorf("%q: %v, %v", c.in, d, err)
				}
				return
			}
			var invalid *InvalidError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%q: %v, %v; want an error with %q", c.in, d, err, c.fails)
			}
		})
	}
}

// decimals draws numbers of all lengths and magnitudes.
func decimals() *rapid.Generator[Decimal] {
	return rapid.Custom(func(t *rapid.T) Decimal {
		digits := rapid.StringMatching(`-?[0-9]{1,38}`).Draw(t, "digits")
		exp := rapid.IntRange(-90, 80).Draw(t, "exponent")
		d, err := ParseDecimal(fmt.Sprintf("%se%d", digits, exp))
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}

func (d Decimal) rat() *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic(d.String())
	}
	return r
}

func TestDecimalLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimals().Draw(t, "a"), decimals().Draw(t, "b")
		if rapid.Bool().Draw(t, "close") {
			b, _ = a.Add(NewDecimal(rapid.Int64Range(-2, 2).Draw(t, "difference")))
		}
		if again, err := ParseDecimal(a.String()); err != nil || again != a {
			t.Fatalf("%v reads as %v, %v", a, again, err)
		}
		want := a.rat().Cmp(b.rat())
		if got := a.Compare(b); got != want {
			t.Fatalf("Compare(%v, %v) = %d", a, b, got)
		}
		if got := bytes.Compare(a.appendOrdered(nil), b.appendOrdered(nil)); got != want {
			t.Fatalf("keys of %v and %v: %d", a, b, got)
		}
		exact := new(big.Rat).Add(a.rat(), b.rat())
		if sum, err := a.Add(b); err == nil && sum.rat().Cmp(exact) != 0 {
			t.Fatalf("%v + %v = %v", a, b, sum)
		}
		if zero, err := a.Add(a.Neg()); err != nil || zero != (Decimal{}) {
			t.Fatalf("%v − itself = %v, %v", a, zero, err)
		}
		if got := Number(a).Size(); got != a.documentedSize() {
			t.Fatalf("size of %v: %d", a, got)
		}
	})
}

// documentedSize is the developer guide's formula: a byte for two significant digits, and one; one more if negative.
func (d Decimal) documentedSize() int {
	n := (len(d.digits)+1)/2 + 1
	if d.neg {
		n++
	}
	return n
}

func TestInt64(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{"0": 0, "12": 12, "-12.9": -12, "0.9": 0, "1e17": 1e17, "123456789012345678": 123456789012345678} {
		d, _ := ParseDecimal(in)
		if n, ok := d.Int64(); n != want || !ok {
			t.Errorf("%s: %d, %v", in, n, ok)
		}
	}
	if _, ok := NewDecimal(1 << 62).Int64(); ok {
		t.Error("a number of 19 digits is not a time")
	}
}

func TestPartitionKeysSpread(t *testing.T) {
	t.Parallel()
	const n, parts = 4096, 16
	var counts [parts]int
	for i := range n {
		counts[PartitionKey(String(fmt.Sprintf("J#job#%d", i)))[0]/(256/parts)]++
	}
	for i, c := range counts {
		if c < n/parts/2 || c > n/parts*2 {
			t.Errorf("segment %d holds %d of %d keys", i, c, n)
		}
	}
}
