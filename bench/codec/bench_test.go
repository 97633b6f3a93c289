package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

const tasks = 100

// chunk is one message with one kind of tasks, for every codec.
type chunk interface {
	// starburst encodes typed arguments into a message, as a producer does.
	starburst() ([]byte, error)
	// readStarburst decodes a message and its typed arguments, as a worker does.
	readStarburst(raw []byte) (chunk, error)
	// empty is where the peers decode into.
	empty() chunk
	msgp.Marshaler
	msgp.Unmarshaler
}

func (c *PathChunk) starburst() ([]byte, error)  { return encode(c.F, c.J, c.Q, c.T) }
func (c *QuoteChunk) starburst() ([]byte, error) { return encode(c.F, c.J, c.Q, c.T) }

func (c *PathChunk) readStarburst(raw []byte) (chunk, error) {
	m, args, err := decode[Path](raw)
	if err != nil {
		return nil, err
	}
	return &PathChunk{V: codec.Version, F: m.Handler, J: m.Job, Q: m.First, T: args}, nil
}

func (c *QuoteChunk) readStarburst(raw []byte) (chunk, error) {
	m, args, err := decode[Quote](raw)
	if err != nil {
		return nil, err
	}
	return &QuoteChunk{V: codec.Version, F: m.Handler, J: m.Job, Q: m.First, T: args}, nil
}

func (c *PathChunk) empty() chunk  { return &PathChunk{} }
func (c *QuoteChunk) empty() chunk { return &QuoteChunk{} }

func encode[T any](handler, job string, first int, tasks []T) ([]byte, error) {
	m := codec.Message{Handler: handler, Job: job, First: first, Attempt: 1, Args: make([]msgpack.RawMessage, len(tasks))}
	for k := range tasks {
		var err error
		if m.Args[k], err = codec.Marshal(&tasks[k]); err != nil {
			return nil, err
		}
	}
	return codec.AppendMessage(nil, &m)
}

func decode[T any](raw []byte) (*codec.Message, []T, error) {
	m, err := codec.DecodeMessage(raw)
	if err != nil {
		return nil, nil, err
	}
	args := make([]T, len(m.Args))
	for k, arg := range m.Args {
		if err := codec.Unmarshal(arg, &args[k]); err != nil {
			return nil, nil, err
		}
	}
	return m, args, nil
}

// kind is a chunk in every form.
type kind struct {
	name      string
	chunk     chunk
	raw, text []byte
}

func kinds(tb testing.TB) []kind {
	tb.Helper()
	paths := &PathChunk{V: codec.Version, F: "simulate", J: "montecarlo-2026-11-24", Q: 1200}
	quotes := &QuoteChunk{V: codec.Version, F: "price", J: "book-2026-11-24", Q: 1200}
	for i := range tasks {
		p := Path{Seed: uint64(1200 + i), Days: 252, Drift: 0.05, Vol: 0.2}
		paths.T = append(paths.T, p)
		q := Quote{Symbol: fmt.Sprintf("UNDERLYING-%03d", i), Strike: 187.25, Steps: 500 + i, Call: i%2 == 0, Path: p}
		for k := range 8 {
			q.Curve = append(q.Curve, 0.01*float64(i+k)+0.003)
		}
		quotes.T = append(quotes.T, q)
	}
	all := []kind{{name: "paths", chunk: paths}, {name: "quotes", chunk: quotes}}
	for i := range all {
		k := &all[i]
		var err error
		if k.raw, err = k.chunk.starburst(); err != nil {
			tb.Fatal(err)
		}
		if k.text, err = json.Marshal(k.chunk); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// The comparison is fair only if all read and write the same.
func TestAllCodecsAgree(t *testing.T) {
	t.Parallel()
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			read, err := k.chunk.readStarburst(k.raw)
			if err != nil || !reflect.DeepEqual(k.chunk, read) {
				t.Errorf("starburst reads back %+v, %v", read, err)
			}
			// The peer reads our message, and we read the peer's.
			read = k.chunk.empty()
			if _, err := read.UnmarshalMsg(k.raw); err != nil || !reflect.DeepEqual(k.chunk, read) {
				t.Errorf("msgp reads of our message %+v, %v", read, err)
			}
			raw, err := k.chunk.MarshalMsg(nil)
			if err != nil {
				t.Fatal(err)
			}
			if read, err = k.chunk.readStarburst(raw); err != nil || !reflect.DeepEqual(k.chunk, read) {
				t.Errorf("starburst reads of the peer's message %+v, %v", read, err)
			}
			read = k.chunk.empty()
			if err := json.Unmarshal(k.text, read); err != nil || !reflect.DeepEqual(k.chunk, read) {
				t.Errorf("encoding/json reads back %+v, %v", read, err)
			}
		})
	}
}

// run measures one step. size is the same for all codecs, the bytes of the msgpack
// form, so that MB/s compare as times do. Times are the process's CPU time, the
// collector's included: what else runs on the machine does not count.
func run(b *testing.B, name string, size int, step func() error) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		before := cpuTime(b)
		for b.Loop() {
			if err := step(); err != nil {
				b.Fatal(err)
			}
		}
		used := cpuTime(b) - before
		b.ReportMetric(float64(used)/float64(b.N), "ns/op")
		b.ReportMetric(float64(size)*float64(b.N)/used.Seconds()/1e6, "MB/s")
	})
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkEncode(b *testing.B) {
	for _, k := range kinds(b) {
		run(b, "tasks="+k.name+"/codec=starburst", len(k.raw), func() error {
			_, err := k.chunk.starburst()
			return err
		})
		run(b, "tasks="+k.name+"/codec=msgp", len(k.raw), func() error {
			_, err := k.chunk.MarshalMsg(nil)
			return err
		})
		run(b, "tasks="+k.name+"/codec=json", len(k.raw), func() error {
			_, err := json.Marshal(k.chunk)
			return err
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, k := range kinds(b) {
		run(b, "tasks="+k.name+"/codec=starburst", len(k.raw), func() error {
			_, err := k.chunk.readStarburst(k.raw)
			return err
		})
		run(b, "tasks="+k.name+"/codec=msgp", len(k.raw), func() error {
			_, err := k.chunk.empty().UnmarshalMsg(k.raw)
			return err
		})
		run(b, "tasks="+k.name+"/codec=json", len(k.raw), func() error {
			return json.Unmarshal(k.text, k.chunk.empty())
		})
	}
}

// BenchmarkGuard compares the look at foreign bytes before anything is decoded.
// msgp.Skip is the nearest that the peer has; it bounds the nesting as well.
func BenchmarkGuard(b *testing.B) {
	const n = 10_000
	floats, strs, ints := make([]float64, n), make([]string, n), make([]int, n)
	for i := range n {
		floats[i], strs[i], ints[i] = 0.1+float64(i)/n, fmt.Sprintf("string-%d", i), i%100
	}
	quotes := kinds(b)[1].chunk.(*QuoteChunk).T
	for _, v := range []struct {
		name  string
		value any
	}{{"doubles", floats}, {"strings", strs}, {"smallints", ints}, {"quotes", quotes}} {
		raw, err := codec.Marshal(v.value)
		if err != nil {
			b.Fatal(err)
		}
		text, err := json.Marshal(v.value)
		if err != nil {
			b.Fatal(err)
		}
		run(b, "array="+v.name+"/codec=starburst", len(raw), func() error { return codec.Guard(raw, codec.MaxDepth) })
		run(b, "array="+v.name+"/codec=msgp", len(raw), func() error {
			_, err := msgp.Skip(raw)
			return err
		})
		run(b, "array="+v.name+"/codec=json", len(raw), func() error {
			if !json.Valid(text) {
				return errors.New("not valid JSON")
			}
			return nil
		})
	}
}
