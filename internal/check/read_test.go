package check_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/internal/check"
	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/store"
)

func TestReadSeesItemsQueuesAndLedgers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	srv, err := localaws.Start(ctx, localaws.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close(ctx)
	clients, err := stack.Open(ctx, stack.Stack{Endpoint: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	world, err := stack.Create(ctx, clients, stack.Stack{Endpoint: srv.URL()}, stack.Options{Name: "read"})
	if err != nil {
		t.Fatal(err)
	}
	st := world.Store(clients)
	job := store.Job{ID: "j", Handler: "h", Fleet: "default", N: 30, Plan: store.Plan{Chunk: 10}, Shards: 3, MaxAttempts: 1, Created: time.Now(), Expires: time.Now().Add(time.Hour), State: store.Open}
	if err := st.CreateJob(ctx, job); err != nil {
		t.Fatal(err)
	}
	put := func(id codec.Identity, children []store.Child, indices ...int) {
		t.Helper()
		r := store.Result{Job: "j", Identity: id, Handler: "h", Token: string(id), Worker: "w", Attempt: 1, Children: children}
		for _, i := range indices {
			r.Settled = append(r.Settled, store.Settled{Index: i, Value: []byte{0xc0}})
		}
		if _, err := st.PutResult(ctx, job, r); err != nil {
			t.Fatal(err)
		}
	}
	put("0", nil, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	put("10", []store.Child{{Identity: "10.1", Indices: []int{18, 19}, Attempt: 1}}, 10, 11, 12, 13, 14, 15, 16, 17)
	put("10.1", nil, 18, 19)
	ledger := store.Ledger{Fleet: "default", Worker: "w", Seq: 1, Slots: 1, Started: time.Now(), Updated: time.Now(), Jobs: map[string]store.JobCount{"j": {OK: 21}}}
	if err := st.PutLedger(ctx, ledger); err != nil {
		t.Fatal(err)
	}
	if _, err := clients.SQS.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &world.QueueURL, MessageBody: aws.String("x"), DelaySeconds: 60}); err != nil {
		t.Fatal(err)
	}
	s, err := check.Read(ctx, check.Source{SQS: clients.SQS, DB: clients.DB, Store: st, QueueURL: world.QueueURL, DLQURL: world.DLQURL}, job)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Items) != 3 || s.Queue != (check.Depth{Delayed: 1}) || s.DLQ.Total() != 0 || s.Count.OK != 20 || len(s.Ledgers) != 1 {
		t.Errorf("%d items, queue %+v, DLQ %+v, count %+v, %d ledgers", len(s.Items), s.Queue, s.DLQ, s.Count, len(s.Ledgers))
	}
	rules := map[string]bool{}
	for _, v := range check.Table(s, check.Want{}) {
		rules[v.Rule] = true
	}
	for _, r := range []string{check.FewResults, check.Complete, check.Ledgers, check.Drained} {
		if !rules[r] {
			t.Errorf("not found: %s", r)
		}
	}
}
