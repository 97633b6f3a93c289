package iamcheck_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/testmain"
)

// TestMain is also the worker that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv(role.Env) != "" {
		if _, err := role.Run(context.Background(), handlers()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testmain.Run(m))
}

// handlers make a worker do what workers do: record, record much, fail.
func handlers() consumer.Registry {
	return consumer.Registry{"work": func(_ context.Context, t consumer.Task) ([]byte, error) {
		var kind string
		if err := codec.Unmarshal(t.Arg, &kind); err != nil {
			return nil, err
		}
		switch kind[0] {
		case 'L': // a large argument, and a result that does not compress into an item
			return codec.Marshal(noise(t.Index))
		case 'F':
			return nil, errors.New("asked to fail")
		}
		return codec.Marshal("done")
	}}
}

// noise is text that no compression makes small.
func noise(seed int) string {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte('0' + r.IntN(64))
	}
	return string(b)
}
