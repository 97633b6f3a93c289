package role

import (
	"context"
	"slices"
	"testing"

	"github.com/starburst-go/starburst/consumer"
)

func TestEveryWorkerAnswersHello(t *testing.T) {
	t.Parallel()
	arg := []byte{0xa2, 'h', 'i'}
	all := withHello(consumer.Registry{"simulate": func(context.Context, consumer.Task) ([]byte, error) { return nil, nil }})
	if names := all.Names(); !slices.Equal(names, []string{"simulate", Hello}) {
		t.Errorf("handlers %v", names)
	}
	got, err := all[Hello](t.Context(), consumer.Task{Arg: arg})
	if err != nil || !slices.Equal(got, arg) {
		t.Errorf("hello answers %q, %v", got, err)
	}
	got[0] = 0
	if arg[0] != 0xa2 {
		t.Error("the answer is the argument's memory, which is not the handler's after the call")
	}
	own := withHello(consumer.Registry{Hello: func(context.Context, consumer.Task) ([]byte, error) { return []byte{1}, nil }})
	if got, err := own[Hello](t.Context(), consumer.Task{}); err != nil || !slices.Equal(got, []byte{1}) {
		t.Errorf("a program's own handler of that name answers %q, %v", got, err)
	}
}
