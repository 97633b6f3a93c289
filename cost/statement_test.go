package cost_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/cost"
	"pgregory.net/rapid"
)

// worker is 100 s of 1 vCPU/2 GB x86 with 25 s of start-up: $0.0013714.
func worker(name string, edit func(*cost.Worker)) cost.Worker {
	w := cost.Worker{
		Name: name, Provider: cost.Fargate, Platform: cost.X86,
		Size: cost.Size{VCPUMilli: 1000, MemoryMiB: 2048}, Slots: 1,
		Start: noon, Ready: noon.Add(25 * time.Second), Stop: noon.Add(100 * time.Second),
	}
	edit(&w)
	return w
}

func TestStatementAddsUpByJobWorkerAndLine(t *testing.T) {
	t.Parallel()
	got, err := cost.NewStatement(embedded(t), []cost.Worker{
		worker("w1", func(w *cost.Worker) {
			w.Jobs = map[string]cost.JobWork{
				"A": {Tasks: 30, BusyMS: 30_000, WastedMS: 10_000},
				"B": {Tasks: 10, BusyMS: 15_000},
			}
			w.Triggers = map[string]int64{"A": 1}
			w.Requests = map[string]int64{"sqs.receive": 5, "sqs.delete": 5, "ddb.put": 8, "s3.put": 1, "sns.publish": 3}
		}),
		worker("w2", func(w *cost.Worker) { // died before it was ready
			w.Ready, w.Stop = time.Time{}, noon.Add(10*time.Second)
			w.Size = cost.Size{VCPUMilli: 250, MemoryMiB: 512}
			w.Requests = map[string]int64{"ddb.update": 1}
		}),
	}, cost.Options{PublicIPv4: true})
	if err != nil {
		t.Fatal(err)
	}
	want := &cost.Statement{
		Jobs: []cost.JobCost{
			{Job: "A", Direct: 453_086_667, Startup: 377_572_222, Idle: 302_057_778, Requests: 10_500_000,
				Wasted: 151_028_889, Tasks: 30, BusyMS: 30_000, WastedMS: 10_000},
			{Job: "B", Direct: 226_543_333, Idle: 151_028_889, Requests: 3_500_000, Tasks: 10, BusyMS: 15_000},
			{Job: cost.Idle, Startup: 48_173_889, Idle: 240_869_444, Requests: 625_000},
		},
		Workers: []cost.WorkerCost{
			{Name: "w1", Requests: 14_000_000,
				Bill: cost.Bill{Seconds: 100, VCPU: 1_124_400_000, GB: 247_000_000, PublicIPv4: 138_888_889}},
			{Name: "w2", Requests: 625_000,
				Bill: cost.Bill{Seconds: 60, VCPU: 168_660_000, GB: 37_050_000, PublicIPv4: 83_333_333}},
		},
		Lines: []cost.LineCost{
			{ID: "dynamodb.wru", Quantity: 9, Unit: "request", Cost: 5_625_000},
			{ID: "fargate.x86.gb", Quantity: 100*2048 + 60*512, Unit: "MiB-second", Cost: 284_050_000},
			{ID: "fargate.x86.vcpu", Quantity: 100*1000 + 60*250, Unit: "vCPU-ms", Cost: 1_293_060_000},
			{ID: "ipv4", Quantity: 160, Unit: "second", Cost: 222_222_222},
			{ID: "s3.put", Quantity: 1, Unit: "request", Cost: 5_000_000},
			{ID: "sqs.request", Quantity: 10, Unit: "request", Cost: 4_000_000},
		},
		Total: 1_813_957_222, Wasted: 151_028_889,
		PriceDate: "2026-11-24", Region: "us-east-1",
		Assumptions: []string{"DynamoDB calls are counted as one unit each (writes up to 1 KB, reads up to 4 KB)."},
		Unpriced:    []string{"sns.publish"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statement (-want +got):\n%s", diff)
	}
	checkSums(t, got)
}

func TestLocalWorkersArePricedAsFargateAndSayAsWhat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		because    string
		slots      int
		size       cost.Size
		platform   cost.Platform
		assumption string
	}{
		{"a slot is 1 vCPU and 2 GB", 1, cost.Size{}, cost.ARM,
			"Local workers are priced as Fargate On-Demand arm tasks of 1 vCPU and 2 GB, at least 60 s each, image pull not included."},
		{"3 slots need the next size Fargate has", 3, cost.Size{}, cost.X86,
			"Local workers are priced as Fargate On-Demand x86 tasks of 4 vCPU and 8 GB, at least 60 s each, image pull not included."},
		{"33 slots are three of the largest", 33, cost.Size{}, cost.X86,
			"Local workers are priced as Fargate On-Demand x86 tasks of 48 vCPU and 96 GB, at least 60 s each, image pull not included."},
		{"a size given is kept", 8, cost.Size{VCPUMilli: 250, MemoryMiB: 512}, cost.X86,
			"Local workers are priced as Fargate On-Demand x86 tasks of 0.25 vCPU and 0.5 GB, at least 60 s each, image pull not included."},
	} {
		st, err := cost.NewStatement(embedded(t), []cost.Worker{worker("w", func(w *cost.Worker) {
			w.Provider, w.Slots, w.Size, w.Platform = cost.Local, c.slots, c.size, c.platform
		})}, cost.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{c.assumption}, st.Assumptions); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.because, diff)
		}
	}
}

func TestConsumedUnitsReplaceCalls(t *testing.T) {
	t.Parallel()
	st, err := cost.NewStatement(embedded(t), []cost.Worker{worker("w", func(w *cost.Worker) {
		w.Requests = map[string]int64{"ddb.put": 10, "ddb.wru": 35, "ddb.get": 4}
	})}, cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, l := range st.Lines {
		got[l.ID] = l.Quantity
	}
	want := map[string]int64{"dynamodb.wru": 35, "dynamodb.rru": 4, "fargate.x86.vcpu": 100_000, "fargate.x86.gb": 204_800}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestSpotPricesAreMarkedAsEstimates(t *testing.T) {
	t.Parallel()
	st, err := cost.NewStatement(embedded(t), []cost.Worker{worker("w", func(w *cost.Worker) {
		w.Provider = cost.FargateSpot
	})}, cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range st.Lines {
		if !l.Estimate {
			t.Errorf("line %s is not marked as an estimate", l.ID)
		}
	}
	if len(st.Assumptions) != 2 {
		t.Errorf("assumptions: %q", st.Assumptions)
	}
}

func TestStatementConservesRandomFleets(t *testing.T) {
	t.Parallel()
	book := embedded(t)
	rapid.Check(t, func(t *rapid.T) {
		workers := make([]cost.Worker, rapid.IntRange(0, 30).Draw(t, "workers"))
		for i := range workers {
			workers[i] = drawWorker(t, i)
		}
		st, err := cost.NewStatement(book, workers, cost.Options{PublicIPv4: rapid.Bool().Draw(t, "ipv4")})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, st)
		again, _ := cost.NewStatement(book, workers, cost.Options{PublicIPv4: len(st.Lines) > 0 && hasLine(st, "ipv4")})
		if diff := cmp.Diff(st, again); diff != "" {
			t.Fatalf("the same fleet priced twice differs:\n%s", diff)
		}
	})
}

func drawWorker(t *rapid.T, i int) cost.Worker {
	ms := func(label string) time.Duration {
		return time.Duration(rapid.Int64Range(-1_000, 4_000_000).Draw(t, label)) * time.Millisecond
	}
	w := cost.Worker{
		Name:     fmt.Sprint("w", i),
		Provider: rapid.SampledFrom([]string{cost.Fargate, cost.FargateSpot, cost.Local}).Draw(t, "provider"),
		Platform: rapid.SampledFrom([]cost.Platform{cost.X86, cost.ARM}).Draw(t, "platform"),
		Size: cost.Size{
			VCPUMilli: rapid.SampledFrom([]int64{0, 250, 500, 1000, 4000, 333}).Draw(t, "vcpu"),
			MemoryMiB: rapid.Int64Range(0, 30_720).Draw(t, "memory"),
			DiskGiB:   rapid.Int64Range(0, 200).Draw(t, "disk"),
		},
		Slots: rapid.IntRange(0, 17).Draw(t, "slots"), Start: noon,
		Ready: noon.Add(ms("ready")), Stop: noon.Add(ms("stop")),
		Jobs: map[string]cost.JobWork{}, Triggers: drawWeights(t, "triggers"),
		Requests: drawRequests(t),
	}
	for job, busy := range drawWeights(t, "busy") {
		w.Jobs[job] = cost.JobWork{BusyMS: min(busy, 1<<40), WastedMS: busy / 2, Tasks: int64(len(job))}
	}
	return w
}

func drawRequests(t *rapid.T) map[string]int64 {
	m := map[string]int64{}
	for _, op := range []string{"sqs.receive", "ddb.put", "ddb.rru", "s3.get", "made.up"} {
		m[op] = rapid.Int64Range(-1, 1_000_000).Draw(t, op)
	}
	return m
}

// checkSums asserts that jobs, workers and lines all add up to the total.
func checkSums(t interface{ Fatalf(string, ...any) }, st *cost.Statement) {
	var jobs, workers, lines cost.PicoUSD
	for _, j := range st.Jobs {
		jobs += j.Total()
		if j.Wasted < 0 || j.Wasted > j.Direct {
			t.Fatalf("job %s wasted %s of %s", j.Job, j.Wasted, j.Direct)
		}
	}
	for _, w := range st.Workers {
		workers += w.Total()
	}
	for _, l := range st.Lines {
		lines += l.Cost
	}
	if jobs != st.Total || workers != st.Total || lines != st.Total {
		t.Fatalf("jobs %s, workers %s, lines %s, total %s", jobs, workers, lines, st.Total)
	}
}

func hasLine(st *cost.Statement, id string) bool {
	for _, l := range st.Lines {
		if l.ID == id {
			return true
		}
	}
	return false
}
