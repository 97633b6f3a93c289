package producer

import (
	"context"
	"fmt"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// Prepared is a job that has been read through once: valid, counted, hashed and
// cut into messages, with nothing sent or written yet.
type Prepared struct {
	// Spec with its defaults filled in; Spec.Job is the job's id.
	Spec Spec
	// NewID says that the id was made up, so that no job can have it yet.
	NewID bool
	// N is the number of tasks and Messages that of messages.
	N, Messages int
	// Bytes is the size of all arguments in msgpack.
	Bytes int64
	// Offloaded counts the arguments that go to the bucket because they do not fit a message.
	Offloaded int
	// InputSHA is the SHA-256 of the canonical arguments: the identity of the input.
	InputSHA [32]byte
	// Plan is the cut into messages.
	Plan store.Plan
}

// checkEvery is how many arguments are read between looks at the context.
const checkEvery = 1024

// Prepare reads the source once and plans the job. Its errors are a *SpecError,
// an *InputError, one that wraps ErrEmptyJob, or the context's; none of them leaves
// anything behind.
func (p *Producer) Prepare(ctx context.Context, spec Spec) (*Prepared, error) {
	newID := spec.Job == ""
	spec = spec.withDefaults(p.cfg)
	if err := spec.validate(); err != nil {
		return nil, err
	}
	frame, err := frameOf(spec.envelope())
	if err != nil {
		return nil, &SpecError{Field: "the job", Rule: "cannot be sent: " + err.Error()}
	}
	pass := firstPass{cfg: p.cfg, envelope: spec.envelope(), inline: inlineLimit(p.cfg.MaxBody, frame), source: nameOf(spec.Source)}
	if err := pass.read(ctx, spec.Source); err != nil {
		return nil, err
	}
	n := pass.sizes.n
	if n == 0 {
		return nil, fmt.Errorf("%s: %w", pass.source, ErrEmptyJob)
	}
	chunk := spec.Chunk
	if chunk == 0 {
		chunk = ChunkSize(n, spec.MaxWorkers, spec.Slots, spec.TaskTime)
	}
	plan := cut(&pass.sizes, chunk, chunkBytes-frame)
	return &Prepared{
		Spec: spec, NewID: newID, N: n, Messages: plan.Roots(n), Bytes: pass.sizes.total,
		Offloaded: pass.offloaded, InputSHA: pass.hash.Sum(), Plan: plan,
	}, nil
}

// job is the META item of the prepared job.
func (p *Prepared) job(c Config) store.Job {
	now := c.Now().UTC().Truncate(time.Millisecond) // as the table keeps it
	return store.Job{
		ID: p.Spec.Job, Handler: p.Spec.Handler, Fleet: p.Spec.Fleet, N: p.N, InputSHA: p.InputSHA,
		Plan: p.Plan, Shards: store.ShardsFor(p.Messages),
		MaxAttempts: p.Spec.MaxAttempts, Timeout: p.Spec.Timeout, MaxCostPico: p.Spec.MaxCostPico,
		Label: p.Spec.Label, Created: now, Expires: now.Add(p.Spec.Keep), State: store.Open,
	}
}

// firstPass validates, counts and hashes.
type firstPass struct {
	cfg      Config
	envelope codec.Message
	// inline is the largest argument that a message carries.
	inline int
	source string

	hash      codec.Hasher
	sizes     sizes
	offloaded int
	group     chunk  // arguments that are counted but not validated yet
	raw       []byte // scratch
}

func (f *firstPass) read(ctx context.Context, source Source) error {
	for arg, err := range source.Args() {
		if err != nil {
			return err
		}
		if f.sizes.n%checkEvery == 0 && ctx.Err() != nil {
			return fmt.Errorf("read %s: %w", f.source, context.Cause(ctx))
		}
		if f.sizes.n > codec.MaxIndex {
			return f.wrong(fmt.Errorf("more than %d tasks", codec.MaxIndex+1))
		}
		if err := f.add(arg); err != nil {
			return f.wrong(err)
		}
	}
	if err := f.validate(); err != nil {
		return f.wrong(err)
	}
	return nil
}

func (f *firstPass) wrong(err error) error { return &InputError{Source: f.source, Err: err} }

func (f *firstPass) add(arg []byte) error {
	limit := f.cfg.MaxArgument
	if f.cfg.Blobs == nil {
		limit = min(limit, f.inline)
	}
	if len(arg) > limit {
		return &ArgumentTooLargeError{Index: f.sizes.n, Size: len(arg), Limit: limit, NoBucket: len(arg) <= f.cfg.MaxArgument}
	}
	large := len(arg) > f.inline
	if large || len(f.group.bytes)+len(arg) > f.inline || f.group.len() == maxChunk {
		if err := f.validate(); err != nil {
			return err
		}
	}
	f.hash.Add(arg)
	f.sizes.add(len(arg))
	if !large {
		f.group.add(arg)
		return nil
	}
	f.offloaded++
	f.group.reset(f.sizes.n)
	if _, err := codec.DecodeArgs(codec.EncodeArgs([]msgpack.RawMessage{arg})); err != nil {
		return fmt.Errorf("task %d: %w", f.sizes.n-1, err)
	}
	return nil
}

// validate encodes the gathered arguments as the second pass will, so that
// what is accepted here is accepted there, when the job exists already.
func (f *firstPass) validate() error {
	defer f.group.reset(f.sizes.n)
	if f.group.len() == 0 {
		return nil
	}
	m := f.envelope
	m.First, m.Args = f.group.first, f.group.all()
	var err error
	f.raw, err = codec.AppendMessage(f.raw[:0], &m)
	return err
}

// arrayHeader is the longest header of a msgpack array.
const arrayHeader = 5

// frameOf returns how many bytes a root message of the job has at most beside its arguments.
func frameOf(m codec.Message) (int, error) {
	m.First = codec.MaxIndex // the longest way to write an index
	m.Args = []msgpack.RawMessage{{0xc0}}
	raw, err := codec.AppendMessage(nil, &m)
	return len(raw) - 1 + arrayHeader - 1, err
}

// childRoom is kept free in a message of one large argument: should the task fail, it is
// sent again as a child, whose identity and attempt take room, too.
const childRoom = 1 << 10

// inlineLimit is the largest argument that fits a body of base64 beside the frame.
func inlineLimit(maxBody, frame int) int { return maxBody/4*3 - frame - childRoom }
