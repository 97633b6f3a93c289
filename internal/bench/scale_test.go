package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/cost"
)

func TestNoDecadeBreaksALimit(t *testing.T) {
	t.Parallel()
	book, err := cost.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []time.Duration{time.Second, 10 * time.Second, 5 * time.Minute} {
		list := Decades(task)
		if last := list[len(list)-1]; len(list) != 7 || last.Tasks != 1_000_000_000 || last.Workers != 10_000 {
			t.Fatalf("%d decades, the last %+v", len(list), last)
		}
		for _, d := range list {
			if d.InFlight > inFlightCap {
				t.Errorf("%d tasks of %v: %d messages in flight; a queue has at most %d", d.Tasks, task, d.InFlight, inFlightCap)
			}
			if d.Results+d.Ledgers > newTableWrites {
				t.Errorf("%d tasks of %v: %.0f writes/s; a new table takes %d", d.Tasks, task, d.Results+d.Ledgers, newTableWrites)
			}
			if most := d.Results / float64(d.Shards); most*1.3 > partitionWrites {
				t.Errorf("%d tasks of %v: %.0f result items/s in a shard; a partition takes %d", d.Tasks, task, most, partitionWrites)
			}
			if d.Workers > autoscale.ServiceTasks*d.Services {
				t.Errorf("%d workers on %d services of %d tasks", d.Workers, d.Services, autoscale.ServiceTasks)
			}
		}
		var out bytes.Buffer
		if err := PrintDecades(&out, book, task); err != nil || !strings.Contains(out.String(), "1,000,000,000") {
			t.Errorf("%v:\n%s", err, out.String())
		}
	}
}
