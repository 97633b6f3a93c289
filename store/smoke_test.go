package store_test

import (
	"testing"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

func TestSmoke(t *testing.T) {
	s, _ := setup(t)
	j := jobOf(t, s, 1000, 10, 8)
	for i := 0; i < 1000; i += 10 {
		r := store.Result{Job: j.ID, Identity: codec.RootIdentity(i), Token: "t", Attempt: 1}
		for k := i; k < i+10; k++ {
			r.Settled = append(r.Settled, store.Settled{Index: k, Value: value(k)})
		}
		if out, err := s.PutResult(t.Context(), j, r); err != nil || out != store.Written {
			t.Fatal(out, err)
		}
	}
	n := 0
	for r, err := range s.Results(t.Context(), j, store.ReadOptions{Follow: true}) {
		if err != nil || r.Index != n || string(r.Value) != string(value(n)) {
			t.Fatal(r, err)
		}
		n++
	}
	c, err := s.Recount(t.Context(), j)
	t.Log(n, c, err)
	for j, err := range s.Jobs(t.Context(), created) {
		t.Log(j, err)
	}
}
