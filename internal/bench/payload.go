package bench

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

// Variables that tell workers what to answer, and how long to take.
const (
	envOut   = "STARBURST_BENCH_OUT"
	envNoise = "STARBURST_BENCH_NOISE"
	envWork  = "STARBURST_BENCH_WORK"
)

// payload makes values of a given size.
type payload struct {
	size  int
	noise bool
}

// handlerEnv tells a worker of its handler.
func (c Config) handlerEnv() []string {
	env := []string{envOut + "=" + strconv.Itoa(c.Out), envWork + "=" + c.Work.String()}
	if c.Noise {
		env = append(env, envNoise+"=1")
	}
	return env
}

func handlerFromEnv() (answer payload, work time.Duration, err error) {
	answer.noise = os.Getenv(envNoise) != ""
	if v := os.Getenv(envOut); v != "" {
		if answer.size, err = strconv.Atoi(v); err != nil {
			return answer, 0, fmt.Errorf("%s is %q, not a number", envOut, v)
		}
	}
	if v := os.Getenv(envWork); v != "" {
		if work, err = time.ParseDuration(v); err != nil {
			return answer, 0, fmt.Errorf("%s is %q, not a duration", envWork, v)
		}
	}
	return answer, work, nil
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
