package progress

import "testing"

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	for perSecond, want := range map[float64]string{0: "0.0/s", 9.94: "9.9/s", 10: "10/s", 12345.6: "12,345/s"} {
		if got := Rate(perSecond); got != want {
			t.Errorf("Rate(%v) = %q, want %q", perSecond, got, want)
		}
	}
}
