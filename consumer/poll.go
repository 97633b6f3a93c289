package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// maxReceive is the most messages one receive returns (SQS API reference).
const maxReceive = 10

// pollCap bounds the polls open at once.
const pollCap = 8

// offPause is how often a worker that takes no work looks whether it may again.
const offPause = time.Second

// backoffMax bounds the pause after failed receives. It is short, because the
// cause may be over at any time and a paused worker is paid for.
const backoffMax = 10 * time.Second

// credits counts how many more messages this worker can take: free slots plus
// an allowance that hides the queue's round trip when tasks are short.
type credits struct {
	mu       sync.Mutex // protects the fields below
	slots    int
	prefetch int
	taken    int // messages held or asked for
	change   chan struct{}
}

func newCredits(slots int) *credits {
	return &credits{slots: slots, change: make(chan struct{}, 1)}
}

// take reserves up to most credits. With fewer messages than slots it waits for one credit;
// otherwise for a quarter of them all, since a receive that brings one message costs as much
// as one that brings ten, and the messages at hand last meanwhile. It returns 0 when ctx ends.
func (c *credits) take(ctx context.Context, most int) int {
	for ctx.Err() == nil {
		c.mu.Lock()
		n, least := min(most, c.slots+c.prefetch-c.taken), 1
		if c.taken >= c.slots {
			least = max(1, min(most, (c.slots+c.prefetch)/4))
		}
		if n >= least {
			c.taken += n
			c.mu.Unlock()
			return n
		}
		c.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-c.change:
		}
	}
	return 0
}

func (c *credits) give(n int) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	c.taken -= n
	c.mu.Unlock()
	c.signal()
}

func (c *credits) setPrefetch(n int) {
	c.mu.Lock()
	raised := n > c.prefetch
	c.prefetch = n
	c.mu.Unlock()
	if raised {
		c.signal()
	}
}

func (c *credits) signal() {
	select {
	case c.change <- struct{}{}:
	default:
	}
}

// poller receives messages while there are credits. Idle, it keeps one long
// poll open; while receives come back full it opens more, up to what the
// credits allow, and an empty one brings it back to one.
type poller struct {
	cfg     Config
	credits *credits
	account *account
	// busy tells whether a handler is running, for the choice of the wait time.
	busy func() bool
	// paused tells whether the worker is to take no new work.
	paused func() bool
	// duty gives leave to open a poll, and is told when it has ended.
	duty *duty
	// heard is when the leader's word was last read.
	heard func() time.Time
	// random returns a number in [0, n), for jitter.
	random func(n int64) int64
	// deliver takes over a received message with its credit.
	deliver func(m types.Message, asked time.Time)

	mu       sync.Mutex // protects full and lastOK
	full     bool
	lastOK   time.Time
	failures int
}

// run polls until ctx ends, then waits for the open polls: cancelling one could
// orphan the messages it was about to bring (aws-sdk-go-v2#2068). It returns an
// error only when the queue has been out of reach for cfg.GiveUp.
func (p *poller) run(ctx context.Context) error {
	p.lastOK = time.Now()
	var open sync.WaitGroup
	defer open.Wait()
	lanes := make(chan struct{}, pollCap)
	var pause time.Duration
	for {
		if !sleep(ctx, pause) {
			return nil
		}
		if p.paused() || p.duty.isOff() {
			pause = offPause
			if err := p.cutOff(); err != nil {
				return err
			}
			continue
		}
		lanes <- struct{}{} // before the look at the gear: the wait for a lane may be a long one
		n := p.credits.take(ctx, maxReceive)
		if n == 0 {
			return nil
		}
		if !p.duty.enter() {
			p.credits.give(n)
			<-lanes
			continue
		}
		if !p.isFull() {
			// Low gear: the next poll waits for this one's outcome.
			pause = p.poll(ctx, n)
			p.duty.exit()
			<-lanes
		} else {
			open.Go(func() {
				p.poll(ctx, n)
				p.duty.exit()
				<-lanes
			})
			pause = p.currentPause()
		}
		if err := p.givenUp(); err != nil {
			return err
		}
	}
}

// poll makes one receive for n messages, whose credits it owns, and returns how
// long to pause before the next.
func (p *poller) poll(ctx context.Context, n int) time.Duration {
	wait := p.cfg.IdleWait
	if p.busy() {
		wait = p.cfg.BusyWait
	}
	asked := time.Now()
	in := &sqs.ReceiveMessageInput{
		QueueUrl:                    &p.cfg.QueueURL,
		MaxNumberOfMessages:         int32(n),
		WaitTimeSeconds:             int32(wait / time.Second),
		VisibilityTimeout:           int32(p.cfg.Visibility / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameSenderId},
	}
	// The poll ends by itself; ctx (the stop) must not cut it. The bound only
	// catches a connection that hangs.
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+10*time.Second)
	out, err := p.cfg.Queue.ReceiveMessage(callCtx, in)
	cancel()
	if err != nil {
		p.credits.give(n)
		return p.failed(ctx, err)
	}
	p.succeeded(len(out.Messages), n)
	p.credits.give(n - len(out.Messages))
	for _, m := range out.Messages {
		p.deliver(m, asked)
	}
	return 0
}

func (p *poller) succeeded(got, asked int) {
	p.account.polled(got, time.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastOK = time.Now()
	p.failures = 0
	p.full = got > 0 && got == asked
}

// failed notes a failed receive and returns the pause: full jitter, doubling.
func (p *poller) failed(ctx context.Context, err error) time.Duration {
	p.mu.Lock()
	p.full = false
	p.failures++
	n := p.failures
	pause := p.pauseLocked()
	p.mu.Unlock()
	if n == 1 || n%10 == 0 {
		p.cfg.Log.WarnContext(ctx, "receive failed; trying again", "failures", n, "pause", pause, "err", err)
	}
	return pause
}

func (p *poller) pauseLocked() time.Duration {
	if p.failures == 0 {
		return 0
	}
	return backOff(p.failures, p.random)
}

// backOff is the pause after so many failures in a row: it doubles, with jitter.
func backOff(failures int, random func(int64) int64) time.Duration {
	ceil := min(backoffMax, 50*time.Millisecond<<min(failures, 10))
	return ceil/2 + time.Duration(random(int64(ceil/2)))
}

func (p *poller) currentPause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pauseLocked()
}

func (p *poller) isFull() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full
}

// ErrQueueGone is returned by Worker.Run when the queue could not be reached for Config.GiveUp.
var ErrQueueGone = errors.New("the queue could not be reached")

func (p *poller) givenUp() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cfg.GiveUp == 0 || p.failures == 0 {
		return nil
	}
	if gone := time.Since(p.lastOK); gone > p.cfg.GiveUp {
		return fmt.Errorf("%w for %v", ErrQueueGone, gone.Round(time.Second))
	}
	return nil
}

// cutOff is givenUp for a worker that does not poll: then the leader's word is what it asks for.
func (p *poller) cutOff() error {
	if gone := time.Since(p.heard()); p.cfg.GiveUp > 0 && gone > p.cfg.GiveUp {
		return fmt.Errorf("%w, nor the leader's word read, for %v", ErrQueueGone, gone.Round(time.Second))
	}
	return nil
}

// sleep waits for d or until ctx ends, and reports whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
