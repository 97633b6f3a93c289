package role

import (
	"context"
	"maps"
	"slices"

	"github.com/starburst-go/starburst/consumer"
)

// Hello is the handler that every worker has besides its program's own: it answers with its argument, so that
// `starburst hello` can send tasks through a stack whatever runs on it.
const Hello = "starburst.hello"

// withHello adds Hello, unless the program has a handler of that name.
func withHello(handlers consumer.Registry) consumer.Registry {
	all := consumer.Registry{Hello: func(_ context.Context, t consumer.Task) ([]byte, error) { return slices.Clone(t.Arg), nil }}
	maps.Copy(all, handlers)
	return all
}
