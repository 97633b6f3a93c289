package autoscale

import (
	"math"
	"slices"
)

// load is what there is to do, in tasks and seconds.
type load struct {
	running float64 // tasks in slots
	// up and down are the tasks waiting, to grow by and to shrink by: a wrong count must neither start nor stop a fleet.
	up, down float64
	// messages to share among the workers.
	messages float64
	// stock says that some tasks or messages are there, if only in an old count.
	stock bool

	estimate
	start, billed, minBilled, stop, tick float64 // seconds
	slots                                float64
	keep                                 float64 // steady workers that arrivals need
	peak                                 float64 // the most of late
	arrivals                             float64 // workers that arrivals keep busy
	often                                int     // ticks of the last ones in which something arrived
}

// overhead is what a worker is paid for and cannot work in: its pull, and at its end half a tick on average and the lag.
func (l *load) overhead() float64 { return l.billed + l.stop + min(l.tick, endTick.Seconds())/2 }

// inFlightLimit is near SQS's limit of 120,000 messages in flight: beyond it long polls come back empty with no error.
const inFlightLimit = 100_000

// weigh reads the observation, and brings the memory up to date with it.
func weigh(c *Config, s *State, o *Observation, w work) load {
	l := load{
		estimate: measure(o), slots: float64(max(1, c.Slots)),
		minBilled: c.MinBilled.Seconds(), stop: c.StopLag.Seconds(), tick: c.Tick.Seconds(),
	}
	l.start, l.billed = startUp(c, o)
	l.running = float64(o.BusySlots)
	if o.BusySlots == 0 {
		l.running = float64(o.Busy) * l.slots
	}
	known := float64(w.backlog - w.foreign)
	if c.Exclusive {
		known = float64(o.KnownTasks)
		l.running = min(l.running, known)
		known -= min(float64(o.Delayed), known-l.running)
	} else {
		l.running = min(l.running, known+float64(o.Visible+o.InFlight)*max(1, o.TasksPerMessage))
	}
	up, down := known, known
	l.messages = float64(o.KnownMessages)
	l.stock = known > 0
	if !c.Exclusive {
		strangers := strange(s, o, l.running)
		up, down = known+strangers[0], known+strangers[1]
		l.messages = math.Inf(1)
		if o.KnownMessages > 0 && strangers[0] == 0 {
			l.messages = float64(max(o.KnownMessages, o.Visible+o.InFlight))
		}
		l.stock = l.stock || o.Visible+o.InFlight > 0
	}
	l.up, l.down = max(0, up-l.running), max(0, down-l.running)
	if proven(s, o) {
		l.up, l.down = 0, 0 // what the ledgers still name is delayed, or lost
	}
	l.mix(o)
	s.arrive(&l, o, down)
	return l
}

// proven says that an idle worker's long poll came back empty, which beats any count: there is nothing to receive. Workers that
// drain do not poll.
func proven(s *State, o *Observation) bool {
	return o.IdlePolls > 0 && !s.Draining && o.InFlight < inFlightLimit
}

// startUp is the measured time from launch to ready and from pull to ready, drawn to the configured one while few were measured.
func startUp(c *Config, o *Observation) (start, billed float64) {
	const weight = 3
	start, billed = c.StartUp.Seconds(), c.Billed.Seconds()
	if billed <= 0 {
		billed = start * 5 / 8
	}
	if n := float64(o.Starts); n > 0 && o.StartUp > 0 {
		start = (weight*start + n*o.StartUp.Seconds()) / (weight + n)
		billed = (weight*billed + n*min(o.Billed, o.StartUp).Seconds()) / (weight + n)
	}
	return start, billed
}

// strange returns the tasks of no known job to grow by and to shrink by: the median and the maximum of the last three counts.
func strange(s *State, o *Observation, running float64) [2]float64 {
	visible := o.Visible
	if proven(s, o) {
		visible, s.Seen = 0, 0
	}
	// Heartbeats know better than SQS what is in flight.
	flying := float64(o.InFlight)
	if o.Heard > 0 && o.Heard >= o.Running {
		flying = min(flying, max(running, float64(o.Busy)))
		if visible > 0 || o.Busy > 0 {
			flying = max(flying, running/max(1, o.TasksPerMessage))
		}
	}
	now := math.Ceil(max(0, float64(visible)+flying-float64(o.KnownMessages)) * max(1, o.TasksPerMessage))
	copy(s.Strangers[1:], s.Strangers[:2])
	s.Strangers[0] = now
	s.Seen = min(s.Seen+1, len(s.Strangers))
	most := slices.Max(s.Strangers[:s.Seen])
	// What has just become known was a stranger's before: it must not count twice.
	if met := float64(o.KnownMessages-s.Known) * max(1, o.TasksPerMessage); met > 0 {
		for i := 1; i < s.Seen; i++ {
			s.Strangers[i] = max(0, s.Strangers[i]-met)
		}
	}
	s.Known = o.KnownMessages
	last := s.Strangers
	known := last[:s.Seen]
	slices.Sort(known)
	return [2]float64{known[len(known)/2], most}
}

// mix corrects the estimate of the waiting tasks when their kinds' durations differ: those that are left need not be like those done.
func (l *load) mix(o *Observation) {
	var tasks, work float64
	const weight = 5
	for _, k := range o.Kinds {
		if k.Tasks <= 0 || k.Done < 0 || k.DoneTime < 0 {
			continue
		}
		mean := l.mean
		if k.Prior > 0 {
			mean = k.Prior.Seconds()
		}
		mean = (weight*mean + k.DoneTime.Seconds()) / (weight + float64(k.Done))
		tasks += float64(k.Tasks)
		work += float64(k.Tasks) * mean
	}
	if tasks == 0 || l.mean <= 0 || len(o.Kinds) < 2 {
		return
	}
	factor := work / tasks / l.mean
	l.mean, l.low, l.high = l.mean*factor, l.low*factor, l.high*factor
}

// arrive keeps the rate at which tasks arrive: the median of the last ticks, because a burst is no rate.
func (s *State) arrive(l *load, o *Observation, outstanding float64) {
	done := float64(o.Done.Count())
	switch since := o.Now.Sub(s.SampledAt).Seconds(); {
	case s.SampledAt.IsZero():
		s.Outstanding, s.Completed, s.SampledAt = outstanding, done, o.Now
	case since >= l.tick*.99:
		copy(s.Rates[1:], s.Rates[:])
		s.Rates[0] = max(0, outstanding-s.Outstanding+done-s.Completed) / since
		s.Sample = min(s.Sample+1, samples)
		s.Outstanding, s.Completed, s.SampledAt = outstanding, done, o.Now
	}
	for _, r := range s.Rates[:s.Sample] {
		if r > 0 {
			l.often++
		}
	}
	const enough = 6
	if s.Sample >= enough {
		sorted := s.Rates
		seen := sorted[:s.Sample]
		slices.Sort(seen)
		l.arrivals = seen[len(seen)/2] * l.mean / l.slots
	}
	if l.arrivals > .01 {
		// Halfin and Whitt: with a + β√a servers and β = 1.5, one arrival in twelve waits.
		l.keep = l.arrivals + 1.5*math.Sqrt(l.arrivals)
	}
	copy(s.Peaks[1:], s.Peaks[:])
	s.Peaks[0] = l.keep
	l.peak = slices.Max(s.Peaks[:])
}
