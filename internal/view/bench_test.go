package view

import (
	"fmt"
	"testing"

	"github.com/starburst-go/starburst/store"
)

// BenchmarkLook is one look at a job of 1,000,000 tasks on 1,000 workers after 10,000 decisions, the table's answers not included.
func BenchmarkLook(b *testing.B) {
	tab, look := setup(b)
	tab.job.N, tab.ledgers, tab.decisions = 1_000_000, nil, nil
	for i := range 1000 {
		tab.ledgers = append(tab.ledgers, ledger(fmt.Sprint("w", i), i/10, 95, false, map[string]store.JobCount{"j": {OK: 500, BusyMS: 50_000}}))
	}
	for i := range 10_000 {
		tab.decisions = append(tab.decisions, store.Decision{Fleet: "f", At: at(i / 100), Seq: int64(i), Want: 1000, Desired: 1000})
	}
	for b.Loop() {
		if _, err := look.Look(b.Context(), at(100)); err != nil {
			b.Fatal(err)
		}
	}
}
