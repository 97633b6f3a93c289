package producer

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// noise returns n bytes of msgpack (a bin) that do not compress.
func noise(n int) msgpack.RawMessage {
	b := make([]byte, n)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	n -= 5
	copy(b, []byte{0xc6, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	return b
}

func TestTheLargestInlineArgumentFitsAlsoAsAChild(t *testing.T) {
	t.Parallel()
	envelope := codec.Message{Handler: strings.Repeat("h", codec.MaxHandlerLen), Job: strings.Repeat("j", codec.MaxJobLen)}
	frame, err := frameOf(envelope)
	if err != nil {
		t.Fatal(err)
	}
	m := envelope
	m.First = codec.MaxIndex
	m.Args = []msgpack.RawMessage{noise(inlineLimit(codec.MaxBody, frame))}
	child := m
	child.Identity = codec.RootIdentity(m.First)
	for range codec.MaxIdentityDepth {
		child.Identity = child.Identity.Child(99_999)
	}
	child.Attempt, child.Indices = 1000, []int{m.First}
	for name, m := range map[string]codec.Message{"root": m, "child": child} {
		body, err := codec.Encode(&m)
		if err != nil || len(body) > codec.MaxBody {
			t.Errorf("the %s has %d bytes, %d are allowed: %v", name, len(body), codec.MaxBody, err)
		}
	}
	p := firstPass{cfg: Config{MaxArgument: 1 << 30, Blobs: nobody{}}, envelope: envelope, inline: inlineLimit(codec.MaxBody, frame)}
	for extra, offloaded := range []int{0, 1} {
		if err := p.add(noise(p.inline + extra)); err != nil || p.offloaded != offloaded {
			t.Errorf("%d bytes above the limit: %d offloaded, %v", extra, p.offloaded, err)
		}
	}
}

type nobody struct{ Blobs }

// endless is a file of one line without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 4*MaxLine {
		return 0, io.ErrNoProgress
	}
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestAnEndlessLineIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{JSONL, CSV, Lines} {
		e := &endless{}
		for _, err := range format.read("file", e) {
			if err == nil || !strings.Contains(err.Error(), "longer than") || e.read > 2*MaxLine {
				t.Errorf("%s: %v after %d bytes", format, err, e.read)
			}
		}
	}
}
