package producer_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
)

func TestChunkSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name              string
		n, workers, slots int
		taskTime          time.Duration
		want              int
	}{
		{"few tasks go one by one", 100, 10, 1, 0, 1},
		{"each slot gets 16 messages", 16000, 10, 1, 0, 100},
		{"rounded up", 16001, 10, 1, 0, 101},
		{"slots count like workers", 16000, 5, 2, 0, 100},
		{"at most 1000 tasks", 10_000_000, 10, 1, 0, 1000},
		{"a message of slow tasks takes at most 30 s", 160_000, 10, 1, time.Second, 30},
		{"also when one task takes longer", 160_000, 10, 1, time.Minute, 1},
		{"a message of fast tasks takes at least 1 s", 16_000, 10, 1, time.Millisecond, 1000},
		{"unless slots would go without", 2_000, 10, 1, time.Millisecond, 200},
		{"nothing is known about the fleet", 10, 0, 0, 0, 1},
		{"a nanosecond a task does not overflow", 1 << 31, 1, 1, 1, 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := producer.ChunkSize(test.n, test.workers, test.slots, test.taskTime); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestNewJobID(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	var ids []string
	for i := range 1000 {
		id := producer.NewJobID(start.Add(time.Duration(i) * time.Millisecond))
		if !regexp.MustCompile(`^[0-9a-v]{16}$`).MatchString(id) || !codec.ValidJob(id) {
			t.Fatalf("id %q", id)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != 1000 {
		t.Error("ids are not in the order of their times")
	}
	if one, other := producer.NewJobID(start), producer.NewJobID(start); one == other {
		t.Error("two jobs of one millisecond have the same id")
	}
}
