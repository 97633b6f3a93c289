package consumer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// fakeBlobs is a bucket that notes what is asked of it.
type fakeBlobs struct {
	mu      sync.Mutex
	objects map[string][]byte
	asked   []string
	fail    error
}

func (b *fakeBlobs) Put(_ context.Context, key string, v []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[key] = bytes.Clone(v)
	return nil
}

func (b *fakeBlobs) Get(_ context.Context, key string, limit int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, fmt.Sprint(key, " ", limit))
	v, found := b.objects[key]
	switch {
	case b.fail != nil:
		return nil, b.fail
	case !found:
		return nil, fmt.Errorf("object %s: %w", key, store.ErrNotFound)
	case int64(len(v)) > limit:
		return nil, &store.TooLargeError{What: "the object", Size: len(v), Limit: int(limit)}
	}
	return v, nil
}

// count returns how many result items and records of bad messages there are.
func (r *fakeResults) count() (items, bad int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.items), len(r.bad)
}

// TestHostilePointers sends messages that point somewhere, to a worker whose bucket holds another job's secret.
func TestHostilePointers(t *testing.T) {
	t.Parallel()
	args := codec.EncodeArgs([]msgpack.RawMessage{{0x00}})
	pointer := codec.Offload{Key: "in/j/good", SHA256: sha256.Sum256(args), Len: int64(len(args)), Count: 1}
	for _, tt := range []struct {
		name   string
		change func(m *codec.Message)
		asked  string
		detail string // of the bad message; "" when the task runs
	}{
		{"the job's own arguments", func(*codec.Message) {}, "in/j/good 2", ""},
		{"another job's arguments", func(m *codec.Message) { m.Offload.Key = "in/k/good" }, "", `must begin with "in/j/"`},
		{"another job's, upwards", func(m *codec.Message) { m.Offload.Key = "in/j/../k/good" }, "", `".."`},
		{"results", func(m *codec.Message) { m.Offload.Key = "out/j/0/t" }, "", `must begin with "in/j/"`},
		{"no job", func(m *codec.Message) { m.Job, m.ID = "", "x" }, "", `needs "j"`},
		{"an object that is not there", func(m *codec.Message) { m.Offload.Key = "in/j/none" }, "in/j/none 2", "not found"},
		{"an object that is larger", func(m *codec.Message) { m.Offload.Key = "in/j/large" }, "in/j/large 2", "limit"},
		{"a length that lies", func(m *codec.Message) { m.Offload.Len = 1 << 20 }, "in/j/good 1048576", `has 2 bytes`},
		{"a hash that lies", func(m *codec.Message) { m.Offload.SHA256[31]++ }, "in/j/good 2", "SHA-256"},
		{"a count that lies", func(m *codec.Message) { m.Offload.Count = 7 }, "in/j/good 2", "holds 1 arguments"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				off := pointer
				m := codec.Message{Handler: "echo", Job: "j", Offload: &off}
				tt.change(&m)
				body, err := codec.Encode(&m)
				if err != nil {
					t.Fatal(err)
				}
				blobs := &fakeBlobs{objects: map[string][]byte{"in/j/good": args, "in/k/good": args, "out/j/0/t": args, "in/j/large": make([]byte, 1<<20)}}
				b := setup(Registry{"echo": echo}, body)
				b.cfg.Blobs = blobs
				b.runUntil(t, time.Minute, func() bool { items, bad := b.results.count(); return items+bad > 0 })
				if tt.detail == "" {
					if len(b.results.items) != 1 {
						t.Errorf("items %v, bad %+v; want the task done", b.results.items, b.results.bad)
					}
				} else if len(b.results.items) != 0 || len(b.results.bad) == 0 || b.results.bad[0].Reason != "offload" || !strings.Contains(b.results.bad[0].Detail, tt.detail) {
					t.Errorf("items %v, bad %+v; want a bad message that says %q", b.results.items, b.results.bad, tt.detail)
				}
				if got := strings.Join(blobs.asked, ", "); got != tt.asked {
					t.Errorf("asked the bucket for %q, want %q", got, tt.asked)
				}
			})
		})
	}
}

// A bucket that does not answer is not the message's fault.
func TestABucketThatFailsMakesNoBadMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		args := codec.EncodeArgs([]msgpack.RawMessage{{0x00}})
		m := codec.Message{Handler: "echo", Job: "j", Offload: &codec.Offload{Key: "in/j/good", SHA256: sha256.Sum256(args), Len: int64(len(args)), Count: 1}}
		body, err := codec.Encode(&m)
		if err != nil {
			t.Fatal(err)
		}
		blobs := &fakeBlobs{objects: map[string][]byte{"in/j/good": args}, fail: errors.New("503 Slow Down")}
		time.AfterFunc(10*time.Second, func() { blobs.mu.Lock(); blobs.fail = nil; blobs.mu.Unlock() })
		b := setup(Registry{"echo": echo}, body)
		b.cfg.Blobs = blobs
		b.runUntil(t, 10*time.Minute, func() bool { items, _ := b.results.count(); return items > 0 })
		if len(b.results.items) != 1 || len(b.results.bad) != 0 || len(blobs.asked) < 2 {
			t.Errorf("items %v, bad %+v after %d requests; want the task done at last", b.results.items, b.results.bad, len(blobs.asked))
		}
	})
}

// A message must not be able to write results that its job has no place for.
func TestTasksBeyondTheJobAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(Registry{"echo": echo}, chunkBody(t, "echo", 8, 2), chunkBody(t, "echo", 9, 2))
		b.results.jobs["j"] = store.Job{ID: "j", MaxAttempts: 1, Shards: 1, N: 10}
		b.runUntil(t, time.Minute, func() bool { items, bad := b.results.count(); return items > 0 && bad > 0 })
		ok, failed, _ := b.results.settled("j")
		if len(ok) != 2 || len(failed) != 0 || b.results.bad[0].Reason != "unknown task" || b.results.bad[0].Detail != "task 10; job j has 10" {
			t.Errorf("settled %v and %v, bad %+v", ok, failed, b.results.bad)
		}
	})
}
