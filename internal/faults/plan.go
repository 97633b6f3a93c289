package faults

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// Rates are the probabilities, 0 to 1, of what can happen to one call.
type Rates struct {
	// Delay makes a call late by up to MaxDelay, half of the time before it is
	// carried out and half of the time after. Default of MaxDelay: 100 ms.
	Delay    float64
	MaxDelay time.Duration
	// Latency is the median by which every call is late, half of it before and half after it is carried out; Spread is the
	// standard deviation of its logarithm (0: every call as late as the median; 0.5: one in a hundred 3.2 times as late).
	Latency time.Duration
	Spread  float64
	// DropRequest cuts the connection before the call is forwarded, DropResponse
	// after it was carried out.
	DropRequest, DropResponse float64
	// Throttle refuses the call with one of the service's throttling errors,
	// ServerError with a 5xx.
	Throttle, ServerError float64
	// FailEntry reports an entry of a batch as failed, OmitEntry does not mention
	// it. Half of those entries are carried out nevertheless. A BatchGetItem leaves
	// such keys unprocessed. Both are per entry.
	FailEntry, OmitEntry float64
	// Repeat delivers a received message once more in a later receive. Per message.
	Repeat float64
	// Corrupt gives one message of an answer a wrong MD5. Per answer.
	Corrupt float64
}

// DefaultMaxDelay is the longest delay of a Rates that names none.
const DefaultMaxDelay = 100 * time.Millisecond

// Kind of a Window.
type Kind int

const (
	// Expire refuses every call with ExpiredTokenException.
	Expire Kind = iota + 1
	// Freeze holds calls and answers until the window closes, as a network does that drops every packet.
	Freeze
)

// Window is a stretch of time in which a service is out of order.
type Window struct {
	// Service is "sqs" or "dynamodb"; "" means both.
	Service string
	Kind    Kind
	// From and To count from the start of the proxy.
	From, To time.Duration
}

// Plan says what happens to which call. The zero value forwards everything.
type Plan struct {
	// Seed makes the plan reproducible.
	Seed uint64
	// Rates hold for all operations but those that Operations names.
	Rates Rates
	// Operations holds rates by operation, such as "SendMessageBatch".
	Operations map[string]Rates
	Windows    []Window
}

// Validate names the first rate or window that is out of range.
func (p Plan) Validate() error {
	if err := p.Rates.validate("Rates"); err != nil {
		return err
	}
	for op, r := range p.Operations {
		if err := r.validate(op); err != nil {
			return err
		}
	}
	for i, w := range p.Windows {
		switch {
		case w.Kind != Expire && w.Kind != Freeze:
			return fmt.Errorf("faults: window %d has no kind", i)
		case w.From < 0 || w.To <= w.From:
			return fmt.Errorf("faults: window %d is from %v to %v: it has to end after it begins", i, w.From, w.To)
		case w.Service != "" && w.Service != SQS && w.Service != DynamoDB:
			return fmt.Errorf("faults: window %d is for service %q; known are %q and %q", i, w.Service, SQS, DynamoDB)
		}
	}
	return nil
}

func (r Rates) validate(of string) error {
	for _, v := range []struct {
		name string
		rate float64
	}{
		{"Delay", r.Delay}, {"DropRequest", r.DropRequest}, {"DropResponse", r.DropResponse}, {"Throttle", r.Throttle},
		{"ServerError", r.ServerError}, {"FailEntry", r.FailEntry}, {"OmitEntry", r.OmitEntry}, {"Repeat", r.Repeat}, {"Corrupt", r.Corrupt},
	} {
		if !(v.rate >= 0 && v.rate <= 1) { // also NaN
			return fmt.Errorf("faults: %s of %s is %v; a probability is 0 to 1", v.name, of, v.rate)
		}
	}
	if r.FailEntry+r.OmitEntry > 1 || r.DropRequest+r.DropResponse+r.Throttle+r.ServerError > 1 {
		return fmt.Errorf("faults: the rates of %s exclude each other and sum up to more than 1", of)
	}
	if r.MaxDelay < 0 || r.Latency < 0 {
		return fmt.Errorf("faults: MaxDelay or Latency of %s is negative", of)
	}
	if !(r.Spread >= 0 && r.Spread <= 2) { // also NaN
		return fmt.Errorf("faults: Spread of %s is %v; 0 to 2 are usual", of, r.Spread)
	}
	return nil
}

// End is how a call ends.
type End int

// The ends of a call. They exclude each other.
const (
	Answered        End = iota // it is carried out and answered
	RequestDropped             // the connection is cut before it is forwarded
	ResponseDropped            // it is carried out, and the connection is cut
	Throttled                  // it is refused with a throttling error
	Broken                     // it is refused with a server error
)

// Fate of an entry of a batch.
type Fate int

// The fates of an entry.
const (
	Passed       Fate = iota // as the endpoint says
	FailedUndone             // not carried out, reported as failed
	FailedDone               // carried out, reported as failed
	OmittedUndone
	OmittedDone
)

// Verdict is what happens to one call.
type Verdict struct {
	End End
	// Before and After are how long the call is held before it is carried out and
	// before it is answered.
	Before, After time.Duration
	// Pick chooses among the errors that the End allows; any integer will do.
	Pick int

	rates Rates
	seeds [2]uint64
}

// Decide returns what happens to the n-th call of an operation. It depends on
// nothing else.
func (p Plan) Decide(operation string, n uint64) Verdict {
	rates, named := p.Operations[operation]
	if !named {
		rates = p.Rates
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(operation)) // a hash never fails
	v := Verdict{rates: rates, seeds: [2]uint64{p.Seed ^ h.Sum64(), n << 8}}
	r := v.rand(0)
	v.Pick = r.IntN(1 << 16)
	if r.Float64() < rates.Delay {
		d := time.Duration(r.Int64N(int64(cmp.Or(rates.MaxDelay, DefaultMaxDelay))))
		if r.IntN(2) == 0 {
			v.Before = d
		} else {
			v.After = d
		}
	}
	if rates.Latency > 0 {
		d := time.Duration(float64(rates.Latency) * math.Exp(rates.Spread*v.rand(partLatency).NormFloat64()))
		v.Before += d / 2
		v.After += d - d/2
	}
	x := r.Float64()
	for _, e := range []struct {
		end  End
		rate float64
	}{
		{RequestDropped, rates.DropRequest}, {ResponseDropped, rates.DropResponse},
		{Throttled, rates.Throttle}, {Broken, rates.ServerError},
	} {
		if x < e.rate {
			v.End = e.end
			break
		}
		x -= e.rate
	}
	return v
}

// rand is a source of its own for each part of the call, so that the number of
// entries or messages changes nothing for the others.
func (v Verdict) rand(part uint64) *rand.Rand {
	return rand.New(rand.NewPCG(v.seeds[0], v.seeds[1]|part))
}

// Parts of a call beside the call itself (0); a batch has at most 100 entries.
const (
	partCorrupt = 1
	partEntries = 2
	partRepeats = 128
	partLatency = 255
)

// Entry returns the fate of the k-th entry of a batch, 0 ≤ k < 100.
func (v Verdict) Entry(k int) Fate {
	r := v.rand(partEntries + uint64(k))
	x, done := r.Float64(), r.IntN(2) == 1
	switch fail, omit := v.rates.FailEntry, v.rates.OmitEntry; {
	case x < fail && done:
		return FailedDone
	case x < fail:
		return FailedUndone
	case x < fail+omit && done:
		return OmittedDone
	case x < fail+omit:
		return OmittedUndone
	}
	return Passed
}

// maxRepeatAfter bounds the time until a message is delivered again.
const maxRepeatAfter = 2 * time.Second

// Repeat tells whether the k-th message of a receive is delivered again, and after what time.
func (v Verdict) Repeat(k int) (after time.Duration, again bool) {
	r := v.rand(partRepeats + uint64(k))
	if r.Float64() >= v.rates.Repeat {
		return 0, false
	}
	return time.Duration(r.Int64N(int64(maxRepeatAfter))), true
}

// Corrupt returns which of the messages of a receive gets a wrong MD5, −1 for none.
func (v Verdict) Corrupt(messages int) int {
	r := v.rand(partCorrupt)
	if messages == 0 || r.Float64() >= v.rates.Corrupt {
		return -1
	}
	return r.IntN(messages)
}

// Expired tells whether the service refuses credentials at the time.
func (p Plan) Expired(service string, elapsed time.Duration) bool {
	return p.window(Expire, service, elapsed) > 0
}

// Frozen tells for how much longer the service is silent; 0 when it is not.
func (p Plan) Frozen(service string, elapsed time.Duration) time.Duration {
	return p.window(Freeze, service, elapsed)
}

// window returns how long the windows that are open last.
func (p Plan) window(kind Kind, service string, elapsed time.Duration) time.Duration {
	var left time.Duration
	for _, w := range p.Windows {
		if w.Kind == kind && (w.Service == "" || w.Service == service) && w.From <= elapsed && elapsed < w.To {
			left = max(left, w.To-elapsed)
		}
	}
	return left
}
