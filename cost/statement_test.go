package cost_test

import (
	"fmt"
	"math"
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
				"A": {Tasks: 30, BusyMS: 30_000, WastedMS: 10_000, FailedMS: 4_000, InterruptedMS: 4_000},
				"B": {Tasks: 10, BusyMS: 15_000},
			}
			w.Triggers, w.Wave = map[string]int64{"A": 1}, "1"
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
				Waste: cost.Waste{Failed: 60_411_556, Duplicated: 30_205_778, Interrupted: 60_411_555}, Tasks: 30, BusyMS: 30_000, WastedMS: 10_000},
			{Job: "B", Direct: 226_543_333, Idle: 151_028_889, Requests: 3_500_000, Tasks: 10, BusyMS: 15_000},
			{Job: cost.Idle, Startup: 48_173_889, Idle: 240_869_444, Requests: 625_000},
		},
		Workers: []cost.WorkerCost{
			{Name: "w1", Wave: "1", Cost: 1_524_288_889, BusyMS: 45_000,
				Bill: cost.Bill{Seconds: 100, VCPU: 1_124_400_000, GB: 247_000_000, PublicIPv4: 138_888_889}},
			{Name: "w2", Cost: 289_668_333,
				Bill: cost.Bill{Seconds: 60, VCPU: 168_660_000, GB: 37_050_000, PublicIPv4: 83_333_333}},
		},
		Waves: []cost.WaveCost{
			{Wave: "1", Workers: 1, Cost: 1_524_288_889},
			{Wave: cost.UnknownWave, Workers: 1, Cost: 289_668_333},
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

func TestAWorkersMinuteBelongsToTasksOfMicrosecondsToo(t *testing.T) {
	t.Parallel()
	st, err := cost.NewStatement(embedded(t), []cost.Worker{worker("w", func(w *cost.Worker) {
		w.Jobs = map[string]cost.JobWork{"quick": {Tasks: 3}, "none": {}}
	})}, cost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range st.Jobs {
		if want := map[string]cost.PicoUSD{"quick": st.Total}[j.Job]; j.Total() != want {
			t.Errorf("job %s pays %s of %s; want all of it for the one that had tasks", j.Job, j.Total(), st.Total)
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
		checkJobs(t, book, workers, st)
		alternatives, err := cost.Alternatives(book, workers, cost.Options{PublicIPv4: hasLine(st, "ipv4")})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range alternatives {
			if a.Saves <= 0 || a.Cost+a.Saves != st.Total {
				t.Fatalf("%+v of %s", a, st.Total)
			}
		}
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
		Slots: rapid.OneOf(rapid.IntRange(0, 17), rapid.Just(math.MaxInt32)).Draw(t, "slots"), Start: noon,
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
	var jobs, workers, waves, lines cost.PicoUSD
	for _, j := range st.Jobs {
		jobs += j.Total()
		if w := j.Waste; w.Failed < 0 || w.Duplicated < 0 || w.Interrupted < 0 || w.Total() > j.Direct {
			t.Fatalf("job %s wasted %+v of %s", j.Job, w, j.Direct)
		}
	}
	for _, w := range st.Workers {
		workers += w.Cost
	}
	for _, w := range st.Waves {
		waves += w.Cost
	}
	for _, l := range st.Lines {
		lines += l.Cost
	}
	if jobs != st.Total || workers != st.Total || waves != st.Total || lines != st.Total {
		t.Fatalf("jobs %s, workers %s, waves %s, lines %s, total %s", jobs, workers, waves, lines, st.Total)
	}
}

// checkJobs asserts that the statements of single jobs are the parts of the whole one.
func checkJobs(t *rapid.T, book *cost.Book, workers []cost.Worker, whole *cost.Statement) {
	quantities, costs := map[string]int64{}, map[string]cost.PicoUSD{}
	for _, j := range whole.Jobs {
		st, err := cost.NewStatement(book, workers, cost.Options{PublicIPv4: hasLine(whole, "ipv4"), Job: j.Job})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, st)
		if len(st.Jobs) != 1 || st.Jobs[0] != j || st.Total != j.Total() || st.Wasted != j.Waste.Total() {
			t.Fatalf("alone %+v, among the others %+v", st.Jobs, j)
		}
		for _, l := range st.Lines {
			quantities[l.ID] += l.Quantity
			costs[l.ID] += l.Cost
		}
	}
	for _, l := range whole.Lines {
		if quantities[l.ID] != l.Quantity || costs[l.ID] != l.Cost {
			t.Fatalf("%s: the jobs have %d for %s, the whole %d for %s", l.ID, quantities[l.ID], costs[l.ID], l.Quantity, l.Cost)
		}
	}
}

// With everything at a discount of 100 % there is nothing to divide.
func TestWhatIsFreeMakesNoLine(t *testing.T) {
	t.Parallel()
	free, err := embedded(t).Override(cost.Overrides{Discounts: []cost.Discount{{Lines: "*", Percent: "100"}}})
	if err != nil {
		t.Fatal(err)
	}
	st, err := cost.NewStatement(free, []cost.Worker{worker("w", func(w *cost.Worker) {
		w.Jobs = map[string]cost.JobWork{"A": {Tasks: 1, BusyMS: 30_000, WastedMS: 30_000}}
		w.Requests = map[string]int64{"sqs.receive": 5, "ddb.wru": 5}
	})}, cost.Options{PublicIPv4: true, Extras: []cost.Extra{{ID: "nat.hour", Quantity: 3600}, {Job: "A", ID: "sqs.request", Quantity: -7}}})
	if err != nil {
		t.Fatal(err)
	}
	checkSums(t, st)
	if st.Total != 0 || len(st.Lines) != 0 {
		t.Errorf("total %s, lines %+v", st.Total, st.Lines)
	}
}

func TestExtras(t *testing.T) {
	t.Parallel()
	workers := []cost.Worker{worker("w", func(w *cost.Worker) {
		w.Jobs = map[string]cost.JobWork{"A": {Tasks: 1, BusyMS: 30_000}, "B": {Tasks: 9, BusyMS: 10_000}}
	})}
	extras := []cost.Extra{
		{Job: "B", ID: "sqs.request", Quantity: 1000},    // the producer's sends
		{ID: "nat.hour", Quantity: 3600},                 // shared: by handlers' time
		{Job: "A", ID: "made.up", Quantity: 1},           // no price
		{Job: "C", ID: "dynamodb.wru", Quantity: 10_000}, // a job that no worker has met
	}
	st, err := cost.NewStatement(embedded(t), workers, cost.Options{Extras: extras})
	if err != nil {
		t.Fatal(err)
	}
	checkSums(t, st)
	got := map[string]string{}
	for _, j := range st.Jobs {
		got[j.Job] = j.Other.String()
	}
	for _, w := range st.Workers {
		if w.Name == cost.Elsewhere {
			got[w.Name] = w.Cost.String()
		}
	}
	want := map[string]string{"A": "$0.03375", "B": "$0.01165", "C": "$0.00625", cost.Elsewhere: "$0.05165"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"made.up"}, st.Unpriced); diff != "" {
		t.Errorf("unpriced (-want +got):\n%s", diff)
	}
	idle, err := cost.NewStatement(embedded(t), nil, cost.Options{Extras: extras[1:2]})
	if err != nil || len(idle.Jobs) != 1 || idle.Jobs[0].Job != cost.Idle || idle.Total.String() != "$0.045" {
		t.Errorf("a NAT gateway that nobody used: %+v, %v", idle, err)
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
