package consumer

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// counter counts how often it is closed.
type counter int

func (c *counter) Close() error { *c++; return errors.New("nobody is told") }

func TestAGroupShowsWhatFollows(t *testing.T) {
	t.Parallel()
	d := &delivery{
		msg: &codec.Message{
			Job: "j", Handler: "f", Attempt: 2, Indices: []int{3, 5, 8, 9},
			Args: []msgpack.RawMessage{{3}, {5}, {8}, {9}},
		},
		job: store.Job{Timeout: -1},
	}
	r := newChunkRun(d, nil)
	indices := func(tasks []Task) (all []int) {
		for _, t := range tasks {
			all = append(all, t.Index)
			if int(t.Arg[0]) != t.Index || t.Job != "j" || t.Handler != "f" || t.Attempt != 2 || t.Timeout != 0 {
				all = append(all, -1)
			}
		}
		return all
	}
	for _, tc := range []struct {
		after, n int
		want     []int
	}{
		{0, 2, []int{5, 8}}, {0, 100, []int{5, 8, 9}}, {2, 1, []int{9}}, {3, 5, nil}, {1, 0, nil}, {1, -1, nil},
	} {
		if d := cmp.Diff(tc.want, indices(r.group.Next(r.task(tc.after), tc.n))); d != "" {
			t.Errorf("%d after the task at %d: %s", tc.n, tc.after, d)
		}
	}
}

func TestAGroupKeepsWhatItIsGivenUntilItsEnd(t *testing.T) {
	t.Parallel()
	g := newChunkRun(&delivery{msg: &codec.Message{}}, nil).group
	var early, late counter
	if g.Kept() != nil || !g.Keep(&early) || g.Kept() != &early || early != 0 {
		t.Fatal("it was not kept, or closed")
	}
	g.close()
	if early != 1 {
		t.Errorf("closed %d times at the end", early)
	}
	if !g.Keep(&late) || late != 1 {
		t.Errorf("what comes after the end was closed %d times", late)
	}
	var none *Group
	if none.Kept() != nil || none.Keep(&late) || len(none.Next(Task{}, 3)) != 0 || late != 1 {
		t.Error("no group keeps or shows something")
	}
}
