package localaws

import (
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/ecs"
	"github.com/starburst-go/starburst/internal/usage"
)

// maxCounters bounds the names that are counted apart; a client can invent names.
const maxCounters = 500

// stats counts requests.
type stats struct {
	started time.Time
	n       atomic.Int64
	// counters holds *atomic.Int64 by name, behind the raw header that gives it:
	// an operation that is called ten thousand times a second costs one look-up.
	targets  sync.Map // X-Amz-Target → *atomic.Int64
	counters sync.Map // name → *atomic.Int64

	// What AWS would bill: SQS in requests, DynamoDB in half units, the smallest there are.
	sqsRequests, halfReads, halfWrites atomic.Int64
}

func newStats() *stats { return &stats{started: time.Now()} }

// count counts a request of a service.
func (s *stats) count(service string, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		operation := r.Method
		if strings.HasPrefix(r.URL.Path, ecs.AgentPath) {
			operation = "agent"
		}
		s.counter(service + "." + operation).Add(1)
		return
	}
	known, _ := s.targets.Load(target)
	c, ok := known.(*atomic.Int64)
	if !ok {
		c = s.counter(service + "." + target[strings.LastIndexByte(target, '.')+1:])
		if s.n.Load() < maxCounters {
			s.targets.Store(target, c)
		}
	}
	c.Add(1)
}

func (s *stats) counter(name string) *atomic.Int64 {
	known, _ := s.counters.Load(name)
	if c, ok := known.(*atomic.Int64); ok {
		return c
	}
	if s.n.Load() >= maxCounters {
		name = "other"
	}
	c, loaded := s.counters.LoadOrStore(name, new(atomic.Int64))
	if !loaded {
		s.n.Add(1)
	}
	return c.(*atomic.Int64) //nolint:forcetypeassert // counters holds nothing else
}

// sqs counts requests as SQS bills them.
func (s *stats) sqs(n int64) { s.sqsRequests.Add(n) }

// units counts DynamoDB's capacity units.
func (s *stats) units(read bool, units float64) {
	n := &s.halfWrites
	if read {
		n = &s.halfReads
	}
	n.Add(int64(2 * units))
}

// Billed is what AWS would bill for the requests that the endpoint served, at the prices of a standard queue and of a table on demand.
type Billed struct {
	// SQSRequests counts each call, and again for every further 64 KB of payload.
	SQSRequests int64 `json:"sqs_requests"`
	// WriteUnits and ReadUnits are DynamoDB's capacity units.
	WriteUnits float64 `json:"write_units"`
	ReadUnits  float64 `json:"read_units"`
}

// Stats is what GET /_starburst/stats returns, as JSON.
type Stats struct {
	// Requests by service and operation: "sqs.SendMessageBatch", "s3.PUT".
	Requests map[string]int64 `json:"requests"`
	// Billed is what of them AWS would bill.
	Billed Billed `json:"billed"`
	// CPUMillis is the processor time of this process, user and system.
	CPUMillis int64 `json:"cpu_ms"`
	// RSS and PeakRSS are the process's resident memory in bytes; 0 where the
	// system does not tell.
	RSS     int64 `json:"rss"`
	PeakRSS int64 `json:"peak_rss"`
	// Heap is the bytes of live and not yet collected Go objects.
	Heap int64 `json:"heap"`
	// UptimeMillis is the time since Start.
	UptimeMillis int64 `json:"uptime_ms"`
	// PID is the endpoint's process.
	PID int `json:"pid"`
}

func (s *stats) read() Stats {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out := Stats{
		Requests: map[string]int64{}, Heap: int64(m.HeapAlloc),
		UptimeMillis: time.Since(s.started).Milliseconds(), PID: os.Getpid(),
	}
	out.Billed = Billed{
		SQSRequests: s.sqsRequests.Load(),
		WriteUnits:  float64(s.halfWrites.Load()) / 2, ReadUnits: float64(s.halfReads.Load()) / 2,
	}
	own := usage.Own()
	out.CPUMillis, out.PeakRSS, out.RSS = own.CPU.Milliseconds(), own.PeakRSS, usage.Resident(os.Getpid())
	s.counters.Range(func(key, value any) bool {
		name, isName := key.(string)
		if c, ok := value.(*atomic.Int64); ok && isName {
			out.Requests[name] = c.Load()
		}
		return true
	})
	return out
}
