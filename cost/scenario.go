package cost

import "time"

// careOf is how well a run is assumed to go.
type careOf int

const (
	frugal careOf = iota
	likely
	careless
)

// scenario is one way in which a job may go.
type scenario struct {
	job      JobShape
	fleet    Fleet
	rate     Rate
	taskTime time.Duration
	care     careOf
}

// course is how a fleet goes through a scenario.
type course struct {
	workers int
	// launched holds when workers were launched, and how many.
	launched []launch
	// elapsed is from the first launch to the end of the last task, lived the sum of the workers' lives.
	elapsed, lived time.Duration
}

type launch struct {
	at      time.Duration
	workers int
}

// maxWaves bounds the loop below: doubling passes any fleet long before.
const maxWaves = 64

// run goes through the waves: 1 worker, then twice as many each time half a
// start-up has passed (autoscale's pace), while more of them find messages before the
// work is done. No worker is launched that has no message for its slots.
func (s scenario) run() course {
	if s.taskTime <= 0 {
		return course{}
	}
	f := s.fleet
	work := time.Duration(s.job.Tasks) * s.taskTime // slot-time
	most := min(f.Max, max(1, (s.job.Messages+f.Slots-1)/f.Slots))
	chunk := s.taskTime * time.Duration(max(1, s.job.Tasks/max(1, s.job.Messages)))
	c := course{workers: 1, launched: []launch{{0, 1}}}
	for wave := 1; wave < maxWaves && c.workers < most; wave++ {
		at := time.Duration(wave) * f.StartUp / 2
		// Chunks that are being worked on are nobody else's.
		left := work - s.done(c, at) - time.Duration(c.workers*f.Slots)*chunk
		if left <= 0 {
			break
		}
		more := min(c.workers, most-c.workers, int(min(left/chunk+1, time.Duration(most))))
		c.launched = append(c.launched, launch{at, more})
		c.workers += more
	}
	c.elapsed = s.end(c, work) + chunk/2 // the last chunk is done by one slot while others wait
	if c.workers*f.Slots <= 1 {
		c.elapsed -= chunk / 2
	}
	for _, l := range c.launched {
		c.lived += time.Duration(l.workers) * max(0, c.elapsed+s.tail()-l.at-(f.StartUp-f.Pull))
	}
	return c
}

// done is the slot-time worked off when at has passed since the first launch.
func (s scenario) done(c course, at time.Duration) time.Duration {
	var sum time.Duration
	for _, l := range c.launched {
		sum += time.Duration(l.workers*s.fleet.Slots) * max(0, at-l.at-s.fleet.StartUp)
	}
	return sum
}

// end is when the work is done: between two starts the fleet's pace is constant.
func (s scenario) end(c course, work time.Duration) time.Duration {
	slots, done, at := int64(0), time.Duration(0), time.Duration(0)
	for _, l := range c.launched {
		ready := l.at + s.fleet.StartUp
		more := time.Duration(slots * int64(ready-at))
		if slots > 0 && done+more >= work {
			break
		}
		done += more
		at, slots = ready, slots+int64(l.workers*s.fleet.Slots)
	}
	return at + time.Duration(int64(work-done)/slots)
}

// tail is how long workers are paid for after the end.
func (s scenario) tail() time.Duration {
	return [...]time.Duration{s.fleet.Tail / 2, s.fleet.Tail, s.fleet.Tail * 2}[s.care]
}

// charges prices the scenario line by line.
func (s scenario) charges(book *Book, c course) ([]charge, error) {
	charges := s.workers(c)
	add := func(id, unit string, quantity int64) error {
		line, err := book.Line(id)
		if err != nil || quantity <= 0 {
			return err
		}
		charges = append(charges, charge{id, unit, quantity, mulDiv(line.amount, quantity, line.per)})
		return nil
	}
	q := s.requests(c)
	for _, l := range []struct {
		id, unit string
		quantity int64
	}{
		{"sqs.request", "request", q.sqs}, {"dynamodb.wru", "request", q.writeUnits}, {"dynamodb.rru", "request", q.readUnits},
		{"s3.put", "request", q.puts}, {"s3.get", "request", q.gets},
	} {
		if err := add(l.id, l.unit, l.quantity); err != nil {
			return nil, err
		}
	}
	var err error
	switch s.fleet.Network {
	case NetworkPublic:
		err = add("ipv4", "second", int64(c.lived/time.Second))
	case NetworkNAT:
		// The hour that has begun is billed whole.
		if err = add("nat.hour", "second", int64((c.elapsed+time.Hour-1)/time.Hour)*3600); err == nil {
			err = add("nat.gb", "byte", q.bytes+int64(c.workers)*s.fleet.ImageBytes)
		}
	}
	return charges, err
}

// workers prices the lives of all workers.
func (s scenario) workers(c course) []charge {
	f := s.fleet
	prefix := "fargate." + string(f.Platform)
	if f.Provider == FargateSpot {
		prefix += ".spot"
	}
	lines := []charge{{id: prefix + ".vcpu", unit: "vCPU-ms"}, {id: prefix + ".gb", unit: "MiB-second"},
		{id: "fargate.disk", unit: "GB-second"}, {id: prefix + ".os", unit: "vCPU-ms"}}
	begin := time.Unix(1, 0)
	for _, l := range c.launched {
		pull := l.at + f.StartUp - f.Pull
		b := FargateBill(s.rate, f.Size, begin.Add(pull), begin.Add(max(pull, c.elapsed+s.tail())))
		for i, v := range []struct {
			amount   PicoUSD
			resource int64
		}{{b.VCPU, f.Size.VCPUMilli}, {b.GB, f.Size.MemoryMiB}, {b.Disk, f.Size.DiskGiB - IncludedDiskGiB}, {b.OS, f.Size.VCPUMilli}} {
			if v.amount > 0 {
				lines[i].amount = add(lines[i].amount, mulDiv(v.amount, int64(l.workers), 1))
				lines[i].quantity += int64(l.workers) * b.Seconds * bounded(v.resource)
			}
		}
	}
	return lines
}
