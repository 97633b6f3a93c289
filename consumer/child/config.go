package child

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Defaults of Config.
const (
	DefaultSlots        = 1
	DefaultStartTimeout = time.Minute
	DefaultBackoff      = 200 * time.Millisecond
	DefaultMaxBackoff   = 30 * time.Second
	DefaultQuickDeaths  = 5
	DefaultQuick        = 10 * time.Second
	DefaultCancelGrace  = 500 * time.Millisecond
	DefaultByeTimeout   = 5 * time.Second
	DefaultFrameTimeout = 30 * time.Second
	DefaultChunkTime    = 20 * time.Millisecond
	DefaultMemoryEvery  = 50 * time.Millisecond
)

// Config says what the children of a worker are.
type Config struct {
	// Command starts one child. Required.
	Command []string
	// Env is the children's environment before the protocol's own variables are added.
	Env []string
	// Slots is how many children there may be, 1 to 1024. Default: 1.
	Slots int
	// StartTimeout bounds the time from a start to the hello. Default: 60 s.
	StartTimeout time.Duration
	// Memory is how much a child and what it starts may have resident, in bytes; more
	// ends it. Zero means no limit. Only Linux tells.
	Memory int64
	// RecycleAfter replaces a child after so many tasks, RecycleRSS when it has more than so many bytes
	// resident between two messages. Zero means never.
	RecycleAfter int
	RecycleRSS   int64
	// Backoff is the wait before a child that died without having finished a task gets a successor; it doubles up to
	// MaxBackoff. Defaults: 200 ms and 30 s.
	Backoff, MaxBackoff time.Duration
	// QuickDeaths in a row make the worker unhealthy; a death is quick within Quick of the child's start. Defaults: 5 and 10 s.
	QuickDeaths int
	Quick       time.Duration
	// CancelGrace is how long a child has between cancel and SIGTERM, and again between
	// SIGTERM and SIGKILL. Twice this must be less than the two seconds after which a
	// worker abandons a handler. Default: 500 ms.
	CancelGrace time.Duration
	// ByeTimeout is how long a child may take to exit. Default: 5 s.
	ByeTimeout time.Duration
	// FrameTimeout bounds the time from a frame's first byte to its last. Default: 30 s.
	FrameTimeout time.Duration
	// ChunkTime is how long the tasks of one frame should take together. Default: 20 ms.
	ChunkTime time.Duration
	// MemoryEvery is how often memory is looked at while a task runs. Default: 50 ms.
	MemoryEvery time.Duration
	// SelfTest makes helpers serve the handlers that the vectors need.
	SelfTest bool
	// Log receives what children print and what becomes of them. Default: discarded.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Slots = cmp.Or(c.Slots, DefaultSlots)
	c.StartTimeout = cmp.Or(c.StartTimeout, DefaultStartTimeout)
	c.Backoff = cmp.Or(c.Backoff, DefaultBackoff)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, DefaultMaxBackoff)
	c.QuickDeaths = cmp.Or(c.QuickDeaths, DefaultQuickDeaths)
	c.Quick = cmp.Or(c.Quick, DefaultQuick)
	c.CancelGrace = cmp.Or(c.CancelGrace, DefaultCancelGrace)
	c.ByeTimeout = cmp.Or(c.ByeTimeout, DefaultByeTimeout)
	c.FrameTimeout = cmp.Or(c.FrameTimeout, DefaultFrameTimeout)
	c.ChunkTime = cmp.Or(c.ChunkTime, DefaultChunkTime)
	c.MemoryEvery = cmp.Or(c.MemoryEvery, DefaultMemoryEvery)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// maxCancelGrace keeps the end of a child within the worker's patience with a handler (2 s).
const maxCancelGrace = 800 * time.Millisecond

func (c Config) validate() error {
	switch {
	case len(c.Command) == 0 || c.Command[0] == "":
		return errors.New("child: Command is required")
	case c.Slots < 1 || c.Slots > 1024:
		return fmt.Errorf("child: Slots is %d, must be 1 to 1024", c.Slots)
	case c.Memory < 0 || c.RecycleAfter < 0 || c.RecycleRSS < 0:
		return fmt.Errorf("child: Memory %d, RecycleAfter %d and RecycleRSS %d must not be negative", c.Memory, c.RecycleAfter, c.RecycleRSS)
	case c.CancelGrace < 0 || c.CancelGrace > maxCancelGrace:
		return fmt.Errorf("child: CancelGrace is %v, must be at most %v", c.CancelGrace, maxCancelGrace)
	case c.StartTimeout < 0 || c.Backoff < 0 || c.MaxBackoff < c.Backoff || c.QuickDeaths < 1:
		return fmt.Errorf("child: StartTimeout %v and Backoff %v must not be negative, MaxBackoff %v not below Backoff, QuickDeaths %d at least 1", c.StartTimeout, c.Backoff, c.MaxBackoff, c.QuickDeaths)
	}
	return nil
}
