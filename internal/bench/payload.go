package bench

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
)

// Variables that tell workers what to answer.
const (
	envOut   = "STARBURST_BENCH_OUT"
	envNoise = "STARBURST_BENCH_NOISE"
)

// payload makes values of a given size.
type payload struct {
	size  int
	noise bool
}

func (c Config) payload() payload { return payload{c.Out, c.Noise} }

// env tells a worker of the payload of its results.
func (p payload) env() []string {
	env := []string{envOut + "=" + strconv.Itoa(p.size)}
	if p.noise {
		env = append(env, envNoise+"=1")
	}
	return env
}

func payloadFromEnv() (payload, error) {
	p := payload{noise: os.Getenv(envNoise) != ""}
	if v := os.Getenv(envOut); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return p, fmt.Errorf("%s is %q, not a number", envOut, v)
		}
		p.size = n
	}
	return p, nil
}

// source has the run's arguments.
func (c Config) source() producer.Source {
	if c.In <= 0 {
		return producer.Range{From: 1, To: int64(c.Tasks), Step: 1}
	}
	return values{c.Tasks, payload{c.In, c.Noise}}
}

// values is a source of as many values.
type values struct {
	n int
	payload
}

// Args implements producer.Source.
func (v values) Args() iter.Seq2[msgpack.RawMessage, error] {
	return func(yield func(msgpack.RawMessage, error) bool) {
		for i := range v.n {
			if !yield(v.result(i), nil) {
				return
			}
		}
	}
}

// result is the i-th value: a text, or nil when it has no size. Its figures follow from
// i, so that the source can be read twice.
func (p payload) result(i int) []byte {
	if p.size <= 0 {
		return nil
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(i))
	text := make([]byte, 0, p.size+32)
	random := rand.NewChaCha8(seed)
	if p.noise {
		text = text[:p.size]
		_, _ = random.Read(text) // it never fails
		for k, b := range text {
			text[k] = 32 + b%95 // printable, 6.6 bits a byte
		}
	} else {
		figures := rand.New(random)
		text = fmt.Appendf(text, `{"id":%d`, i)
		for k := 0; len(text) < p.size; k++ {
			text = fmt.Appendf(text, `,"v%d":%.8f`, k, figures.Float64())
		}
	}
	return fit(text, p.size)
}

// fit cuts a text so that its msgpack form has the size, as far as its header allows.
func fit(text []byte, size int) []byte {
	for n := size; n >= 0; n-- {
		raw, err := codec.Marshal(string(text[:min(n, len(text))]))
		if err == nil && len(raw) <= size {
			return raw
		}
	}
	return []byte{0xc0}
}
