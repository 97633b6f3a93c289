package faults_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/internal/faults"
)

func TestPlansThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		plan faults.Plan
		ok   bool
	}{
		{"the plan that does nothing", faults.Plan{}, true},
		{"a probability above 1", faults.Plan{Rates: faults.Rates{Delay: 1.1}}, false},
		{"a probability that is no number", faults.Plan{Rates: faults.Rates{Repeat: math.NaN()}}, false},
		{"a negative probability of one operation", faults.Plan{Operations: map[string]faults.Rates{"PutItem": {Throttle: -0.1}}}, false},
		{"ends that sum up to more than 1", faults.Plan{Rates: faults.Rates{DropRequest: 0.6, DropResponse: 0.6}}, false},
		{"entries that would both fail and be omitted", faults.Plan{Rates: faults.Rates{FailEntry: 0.6, OmitEntry: 0.6}}, false},
		{"a window that ends before it begins", faults.Plan{Windows: []faults.Window{{Kind: faults.Freeze, From: 2, To: 1}}}, false},
		{"a window of no kind", faults.Plan{Windows: []faults.Window{{From: 1, To: 2}}}, false},
		{"a window of an unknown service", faults.Plan{Windows: []faults.Window{{Kind: faults.Expire, Service: "s3", To: 1}}}, false},
		{"everything at once", faults.Plan{
			Rates:   faults.Rates{Delay: 1, DropRequest: 0.25, DropResponse: 0.25, Throttle: 0.25, ServerError: 0.25, FailEntry: 0.5, OmitEntry: 0.5, Repeat: 1, Corrupt: 1},
			Windows: []faults.Window{{Kind: faults.Expire, Service: faults.SQS, To: time.Second}},
		}, true},
	} {
		if err := c.plan.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestWindowsOpenAndClose(t *testing.T) {
	t.Parallel()
	p := faults.Plan{Windows: []faults.Window{
		{Kind: faults.Freeze, Service: faults.DynamoDB, From: 10 * time.Second, To: 20 * time.Second},
		{Kind: faults.Freeze, From: 15 * time.Second, To: 30 * time.Second},
		{Kind: faults.Expire, Service: faults.SQS, From: 5 * time.Second, To: 6 * time.Second},
	}}
	for _, c := range []struct {
		name    string
		service string
		at      time.Duration
		frozen  time.Duration
		expired bool
	}{
		{"before any window", faults.DynamoDB, 0, 0, false},
		{"at a window's first moment", faults.DynamoDB, 10 * time.Second, 10 * time.Second, false},
		{"the other service meanwhile", faults.SQS, 10 * time.Second, 0, false},
		{"the longer one of two windows counts", faults.DynamoDB, 16 * time.Second, 14 * time.Second, false},
		{"a window for both services", faults.SQS, 16 * time.Second, 14 * time.Second, false},
		{"at a window's end", faults.SQS, 30 * time.Second, 0, false},
		{"expired credentials", faults.SQS, 5 * time.Second, 0, true},
		{"expired for the other service only", faults.DynamoDB, 5 * time.Second, 0, false},
	} {
		if frozen, expired := p.Frozen(c.service, c.at), p.Expired(c.service, c.at); frozen != c.frozen || expired != c.expired {
			t.Errorf("%s: frozen for %v, expired %v; want %v, %v", c.name, frozen, expired, c.frozen, c.expired)
		}
	}
}

// A verdict depends on the seed, the operation and the call's number alone, and
// faults that have no probability never happen.
func TestVerdictsAreReproducible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0, 0.25)
		p := faults.Plan{Seed: rapid.Uint64().Draw(t, "seed"), Rates: faults.Rates{
			DropRequest: rate.Draw(t, "request"), DropResponse: rate.Draw(t, "response"), Throttle: rate.Draw(t, "throttle"),
			FailEntry: rate.Draw(t, "fail"), Repeat: rate.Draw(t, "repeat"),
		}}
		n := rapid.Uint64Range(0, 1<<40).Draw(t, "n")
		a, b := p.Decide("Op", n), p.Decide("Op", n)
		if a != b {
			t.Fatalf("%+v, then %+v", a, b)
		}
		if a.End == faults.Broken || a.Before != 0 || a.After != 0 || a.Corrupt(10) != -1 {
			t.Fatalf("%+v has faults of probability 0", a)
		}
		for k := range 100 {
			if f := a.Entry(k); f != b.Entry(k) || f == faults.OmittedDone || f == faults.OmittedUndone {
				t.Fatalf("entry %d: %v, then %v", k, f, b.Entry(k))
			}
		}
	})
}

func TestRatesAreMet(t *testing.T) {
	t.Parallel()
	p := faults.Plan{Seed: 3, Rates: faults.Rates{
		Delay: 0.3, DropRequest: 0.1, DropResponse: 0.1, Throttle: 0.1, ServerError: 0.1, FailEntry: 0.2, OmitEntry: 0.2, Repeat: 0.1, Corrupt: 0.1,
	}}
	const calls = 20_000
	got := map[string]float64{}
	for n := range uint64(calls) {
		v := p.Decide("X", n)
		got[[]string{"answered", "request", "response", "throttle", "broken"}[v.End]]++
		got[[]string{"passed", "failed", "failed", "omitted", "omitted"}[v.Entry(int(n%10))]]++
		if v.Before+v.After > 0 {
			got["delay"]++
		}
		if _, again := v.Repeat(0); again {
			got["repeat"]++
		}
		if v.Corrupt(1) == 0 {
			got["corrupt"]++
		}
	}
	for name, want := range map[string]float64{
		"answered": 0.6, "request": 0.1, "response": 0.1, "throttle": 0.1, "broken": 0.1, "passed": 0.6, "failed": 0.2, "omitted": 0.2,
		"delay": 0.3, "repeat": 0.1, "corrupt": 0.1,
	} {
		if rate := got[name] / calls; math.Abs(rate-want) > 0.02 {
			t.Errorf("%s: %.3f, want %.2f", name, rate, want)
		}
	}
}

func TestLatencyIsLogNormal(t *testing.T) {
	t.Parallel()
	p := faults.Plan{Seed: 5, Rates: faults.Rates{Latency: 10 * time.Millisecond, Spread: 0.5}}
	var late []time.Duration
	for n := range uint64(10_000) {
		v := p.Decide("PutItem", n)
		if v.End != faults.Answered || v.Before != (v.Before+v.After)/2 {
			t.Fatalf("call %d: %+v; it is late, no more, and half of that before", n, v)
		}
		late = append(late, v.Before+v.After)
	}
	slices.Sort(late)
	median, p99 := late[5_000], late[9_900]
	if median < 9800*time.Microsecond || median > 10200*time.Microsecond || p99 < 30*time.Millisecond || p99 > 34*time.Millisecond {
		t.Errorf("median %v and 99th percentile %v; want 10 ms and 10·exp(0.5·2.33) = 32 ms", median, p99)
	}
}
