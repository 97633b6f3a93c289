package burst

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/producer"
)

// A session that has seen its jobs through ends its workers without waiting for their last acks, which takes a look at the fleet every
// few milliseconds; one that has not, waits for what workers hold.
func TestASessionWaitsForWorkersOnlyWhileItsJobsAreUnsettled(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	var got []bool
	look := func() {
		got = append(got, s.nothingHeld(autoscale.Observation{InFlight: 1}))
	}
	look() // no job yet: workers may hold another program's messages
	job, err := s.Submit(t.Context(), producer.Spec{Handler: "double", Source: producer.Range{From: 1, To: 20, Step: 1}})
	if err != nil {
		t.Fatal(err)
	}
	look()
	for _, err := range s.Follow(t.Context(), job) {
		if err != nil {
			t.Fatal(err)
		}
	}
	look()
	if _, err := s.Attach(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	look() // whoever attaches looks again
	s.MarkDone(t.Context(), job)
	look()
	if diff := cmp.Diff([]bool{false, false, true, false, true}, got); diff != "" {
		t.Errorf("may end the workers at the start, submitted, followed, attached, seen done: %s", diff)
	}
}
