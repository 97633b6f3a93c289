package store

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// A ledger is written every few seconds by every worker, so its size is money:
// one packed msgpack map of short keys, zeros left out, under a kilobyte with
// eight jobs. What DynamoDB itself must compare or expire stays an attribute.
const (
	maxLedgerKeys = 64
	maxLedgerName = 512
	maxHist       = 4096
	maxRequests   = 256
)

// keys of the map; each is a whole number unless noted.
const (
	ledStarted = "st" // Unix ms
	ledUpdated = "up" // Unix ms
	ledEmpty   = "em" // Unix ms
	ledFinal   = "fi" // 1
	ledSlots   = "sl"
	ledBusy    = "bu"
	ledHeld    = "he"
	ledProtect = "pr" // 1
	ledRelease = "re" // 1
	ledJobs    = "j"  // map: job → [ok, failed, busy ms, wasted ms, failed ms, interrupted ms, running ms], zeros at the end left out
	ledHist    = "h"  // array: bucket gap, count, …
	ledCost    = "c"  // map: see cost
)

func encodeLedger(l Ledger) ([]byte, error) {
	var buf bytes.Buffer
	e := encoder{enc: msgpack.NewEncoder(&buf), buf: &buf}
	ints := []namedInt{
		{ledStarted, unixMS(l.Started)}, {ledUpdated, unixMS(l.Updated)}, {ledEmpty, unixMS(l.EmptySince)},
		{ledFinal, one(l.Final)}, {ledSlots, int64(l.Slots)}, {ledBusy, int64(l.Busy)}, {ledHeld, int64(l.Held)},
		{ledProtect, one(l.Protected)}, {ledRelease, one(l.Released)},
	}
	jobs := foldJobs(l.Jobs)
	e.intMap(ints, 3)
	e.str(ledJobs)
	e.mapLen(len(jobs))
	for _, name := range slices.Sorted(maps.Keys(jobs)) {
		c := jobs[name]
		e.str(name)
		e.jobCount(c)
	}
	e.str(ledHist)
	e.hist(l.Hist)
	e.str(ledCost)
	e.cost(l.Cost)
	return buf.Bytes(), e.err
}

// one is 1 for true.
func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// leastJobNumbers is how many numbers of a job are always written.
const leastJobNumbers = 4

func (e *encoder) jobCount(c JobCount) {
	numbers := []int64{c.OK, c.Failed, c.BusyMS, c.WastedMS, c.FailedMS, c.InterruptedMS, c.RunningMS}
	for len(numbers) > leastJobNumbers && numbers[len(numbers)-1] == 0 {
		numbers = numbers[:len(numbers)-1]
	}
	e.array(len(numbers))
	for _, v := range numbers {
		e.int(v)
	}
}

// plus adds two counts up.
func (c JobCount) plus(o JobCount) JobCount {
	return JobCount{
		OK: c.OK + o.OK, Failed: c.Failed + o.Failed, BusyMS: c.BusyMS + o.BusyMS, WastedMS: c.WastedMS + o.WastedMS,
		FailedMS: c.FailedMS + o.FailedMS, InterruptedMS: c.InterruptedMS + o.InterruptedMS, RunningMS: c.RunningMS + o.RunningMS,
	}
}

// foldJobs keeps the MaxLedgerJobs busiest jobs and adds the rest up under OtherJobs.
func foldJobs(jobs map[string]JobCount) map[string]JobCount {
	if len(jobs) <= MaxLedgerJobs {
		return jobs
	}
	names := slices.SortedFunc(maps.Keys(jobs), func(a, b string) int {
		if a == OtherJobs || b == OtherJobs { // last, so that it is among what is folded
			if a == b {
				return 0
			}
			if a == OtherJobs {
				return 1
			}
			return -1
		}
		if d := jobs[b].BusyMS - jobs[a].BusyMS; d != 0 {
			return int(max(min(d, 1), -1))
		}
		return strings.Compare(a, b)
	})
	out := make(map[string]JobCount, MaxLedgerJobs+1)
	var other JobCount
	for i, n := range names {
		c := jobs[n]
		if i < MaxLedgerJobs && n != OtherJobs {
			out[n] = c
			continue
		}
		other = other.plus(c)
	}
	out[OtherJobs] = other
	return out
}

func (e *encoder) cost(c CostSample) {
	e.intMap([]namedInt{
		{"l", unixMS(c.Launched)}, {"r", unixMS(c.Ready)}, {"v", c.VCPUMilli}, {"m", c.MemoryMiB},
		{"d", c.DiskGiB}, {"i", c.IdleMS}, {"u", c.CPUMS},
	}, 3)
	e.str("p")
	e.str(c.Provider)
	e.str("a")
	e.str(c.Arch)
	e.str("q")
	e.mapLen(len(c.Requests))
	for _, name := range slices.Sorted(maps.Keys(c.Requests)) {
		e.str(name)
		e.int(c.Requests[name])
	}
}

func (e *encoder) hist(h map[int]int64) {
	buckets := slices.Sorted(maps.Keys(h))
	e.array(2 * len(buckets))
	last := 0
	for _, b := range buckets {
		e.int(int64(b - last))
		e.int(h[b])
		last = b
	}
}

// namedInt is one entry of a map of whole numbers.
type namedInt struct {
	key string
	v   int64
}

// intMap begins a map with the numbers that are not zero; more entries follow.
func (e *encoder) intMap(ints []namedInt, more int) {
	n := more
	for _, i := range ints {
		if i.v != 0 {
			n++
		}
	}
	e.mapLen(n)
	for _, i := range ints {
		if i.v != 0 {
			e.str(i.key)
			e.int(i.v)
		}
	}
}

func (e *encoder) int(v int64) { e.keep(e.enc.EncodeInt(v)) }

func unixMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func decodeLedger(raw []byte) (l Ledger, err error) {
	s := scanner{b: raw}
	for range s.mapLen(maxLedgerKeys) {
		switch string(s.str(maxLedgerName)) {
		case ledStarted:
			l.Started = s.ms()
		case ledUpdated:
			l.Updated = s.ms()
		case ledEmpty:
			l.EmptySince = s.ms()
		case ledFinal:
			l.Final = s.int() != 0
		case ledSlots:
			l.Slots = s.uint(math.MaxInt32)
		case ledBusy:
			l.Busy = s.uint(math.MaxInt32)
		case ledHeld:
			l.Held = s.uint(math.MaxInt32)
		case ledProtect:
			l.Protected = s.int() != 0
		case ledRelease:
			l.Released = s.int() != 0
		case ledJobs:
			l.Jobs = s.jobs()
		case ledHist:
			l.Hist = s.hist()
		case ledCost:
			l.Cost = s.cost()
		default:
			s.value()
		}
	}
	return l, s.err
}

func (s *scanner) jobs() map[string]JobCount {
	n := s.mapLen(maxLedgerKeys)
	if n == 0 {
		return nil
	}
	jobs := make(map[string]JobCount, n)
	for range n {
		name := string(s.str(maxLedgerName))
		jobs[name] = s.jobCount(name)
	}
	return jobs
}

func (s *scanner) jobCount(name string) (c JobCount) {
	k := s.array(16)
	if k < leastJobNumbers {
		s.failf("job %q has %d numbers", name, k)
		return c
	}
	known := []*int64{&c.OK, &c.Failed, &c.BusyMS, &c.WastedMS, &c.FailedMS, &c.InterruptedMS, &c.RunningMS}
	for i := range k {
		if i < len(known) {
			*known[i] = s.int()
		} else {
			s.value()
		}
	}
	return c
}

func (s *scanner) hist() map[int]int64 {
	n := s.array(2 * maxHist)
	if n%2 != 0 {
		s.failf("a histogram has %d elements", n)
	}
	if n == 0 || s.err != nil {
		return nil
	}
	h := make(map[int]int64, n/2)
	bucket := 0
	for range n / 2 {
		bucket += int(s.int())
		h[bucket] = s.int()
	}
	return h
}

func (s *scanner) cost() (c CostSample) {
	for range s.mapLen(maxLedgerKeys) {
		switch string(s.str(maxLedgerName)) {
		case "l":
			c.Launched = s.ms()
		case "r":
			c.Ready = s.ms()
		case "v":
			c.VCPUMilli = s.int()
		case "m":
			c.MemoryMiB = s.int()
		case "d":
			c.DiskGiB = s.int()
		case "i":
			c.IdleMS = s.int()
		case "u":
			c.CPUMS = s.int()
		case "p":
			c.Provider = string(s.str(maxLedgerName))
		case "a":
			c.Arch = string(s.str(maxLedgerName))
		case "q":
			c.Requests = s.requests()
		default:
			s.value()
		}
	}
	return c
}

func (s *scanner) requests() map[string]int64 {
	n := s.mapLen(maxRequests)
	if n == 0 {
		return nil
	}
	m := make(map[string]int64, n)
	for range n {
		name := string(s.str(maxLedgerName))
		m[name] = s.int()
	}
	return m
}

func (s *scanner) ms() time.Time {
	if v := s.int(); v != 0 {
		return time.UnixMilli(v).UTC()
	}
	return time.Time{}
}
