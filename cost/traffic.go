package cost

import "time"

// Sizes and paces that requests are counted by.
const (
	sqsUnit     = 64 << 10 // bytes that SQS bills as one request (SQS pricing)
	sqsBatch    = 10       // messages in a batch (SQS API reference)
	sqsPayload  = 1 << 20  // bytes in a batch (SQS API reference)
	writeUnit   = 1 << 10  // bytes of a write request unit (DynamoDB pricing)
	readUnit    = 4 << 10  // bytes of a strongly consistent read request unit
	inTable     = 64 << 10 // larger results go to the bucket (store)
	frameBytes  = 120      // of a message beside its arguments: handler, job, indices
	itemBytes   = 250      // of a result item beside its results: keys, token, worker, times
	resultFrame = 3        // of one result beside its value: its length

	ledgerEvery  = 30 * time.Second // a living worker's snapshots, at least
	ledgerEdge   = 5 * time.Second  // and at most
	controlEvery = 5 * time.Second  // a worker's look at the control item
	emptyPoll    = 20 * time.Second // a worker's long poll without work
	loopEvery    = 10 * time.Second // the autoscaler's tick
	beatEvery    = 30 * time.Second // its recorded decision and sign of life
	beatWrites   = 40               // write units of one: 16 control copies, read and written, and the decision
	tickReads    = 10               // read units of one tick: the ledgers' 16 partitions
)

// traffic is what a scenario asks of the services.
type traffic struct {
	sqs, writeUnits, readUnits, puts, gets, bytes int64
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// requests counts a scenario's calls, in what is billed: each message is sent, received
// and deleted, its result written once and read once; workers and the autoscaler report
// on themselves.
func (s scenario) requests(c course) traffic {
	messages := int64(max(1, s.job.Messages))
	perMessage := float64(s.job.Tasks) / float64(messages)
	raw := s.job.ArgBytes/messages + frameBytes
	if s.care == frugal && raw > 1<<10 {
		raw /= 2 // zstd on what repeats itself
	}
	body := ceilDiv(raw*4, 3) // in base64
	t := traffic{puts: int64(s.job.Offloaded), gets: int64(s.job.Offloaded)}
	t.sqs = s.queueCalls(messages, body, c)
	s.results(&t, messages, int64(perMessage*float64(s.job.ResultBytes+resultFrame)))
	s.upkeep(&t, c)
	t.bytes += 2 * messages * body
	return t
}

// queueCalls is what is billed for sends, receives, deletes and heartbeats.
func (s scenario) queueCalls(messages, body int64, c course) int64 {
	full := min(sqsBatch, max(1, sqsPayload/body))
	billed := func(perCall int64) int64 { // of calls that carry so many messages each
		return ceilDiv(messages, perCall) * ceilDiv(perCall*body, sqsUnit)
	}
	calls := billed(full) // the producer fills its batches
	// A worker takes what its slots can use. Chunks that take longer than the ack buffer waits come and go one by one.
	together := full
	if chunk := s.chunkTime(); s.care == careless || s.care == likely && chunk > 200*time.Millisecond {
		together = 1
	}
	calls += billed(together) + ceilDiv(messages, together)
	heartbeat := DefaultVisibility / 3
	calls += int64(c.lived/heartbeat) + int64(c.workers)*int64(1+s.tail()/emptyPoll)
	return calls
}

// chunkTime is how long one message takes, 0 when that is not known.
func (s scenario) chunkTime() time.Duration {
	return s.taskTime * time.Duration(s.job.Tasks) / time.Duration(max(1, s.job.Messages))
}

// results counts writing and reading back.
func (s scenario) results(t *traffic, messages, size int64) {
	if s.care == frugal {
		size /= 2 // zstd on what repeats itself
	}
	t.bytes += 2 * messages * (size + itemBytes)
	if size > inTable {
		t.puts += messages
		t.gets += messages
		size = 0
	}
	t.writeUnits += messages * ceilDiv(itemBytes+size, writeUnit)
	// The results once and a recount, both at half price; careless, each item is asked for apart.
	read := ceilDiv(messages*(itemBytes+size), readUnit)
	if s.care == careless {
		read = 2 * messages * ceilDiv(itemBytes+size, readUnit)
	}
	t.readUnits += read
}

// upkeep counts what workers, producer and autoscaler write about themselves.
func (s scenario) upkeep(t *traffic, c course) {
	const jobWrites = 10 // META, its index, confirmations, seal, done
	t.writeUnits += jobWrites
	workers, lived := int64(c.workers), c.lived
	pace := ledgerEvery
	if s.care == careless {
		pace = ledgerEdge
	}
	const hello = 4 // first and last ledger, pointer, handlers
	t.writeUnits += workers*hello + int64(lived/pace)
	t.readUnits += workers + int64(lived/controlEvery)
	if s.fleet.Max > 0 && c.elapsed > 0 {
		beats := int64((c.elapsed + s.tail()) / beatEvery)
		t.writeUnits += (1 + beats) * beatWrites
		ticks := int64((c.elapsed + s.tail()) / loopEvery)
		t.readUnits += ticks * (tickReads + ceilDiv(workers, 8)) // a ledger is half a KB, read half-priced
	}
}
