package store

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// PutDecision records a step of the autoscaler, kept for the store's
// retention. Decisions are told apart by fleet, millisecond and Seq; the same again overwrites.
func (s *Store) PutDecision(ctx context.Context, d Decision) error {
	if err := checkName("fleet", d.Fleet); err != nil {
		return fmt.Errorf("record decision: %w", err)
	}
	if len(d.Memory) > MaxMemory {
		return fmt.Errorf("record decision: its memory has %d bytes; the limit is %d", len(d.Memory), MaxMemory)
	}
	it := newItem(key{decisionPK(d.Fleet, d.At), fmt.Sprintf("%s#%010d", timeKey(d.At), d.Seq)})
	it.putMS("at", d.At)
	it.putN("seq", d.Seq)
	it.putN("wave", d.Wave)
	it.putN("visible", d.Visible)
	it.putN("in_flight", d.InFlight)
	it.putN("delayed", d.Delayed)
	it.putN("backlog", d.Backlog)
	it.putN("running", int64(d.Running))
	it.putN("pending", int64(d.Pending))
	it.putN("desired", int64(d.Desired))
	it.putN("busy", int64(d.Busy))
	it.putN("spent_pico", d.SpentPico)
	it.putN("want", int64(d.Want))
	it.putN("on_demand", int64(d.OnDemand))
	it.putNumbers("jobs", d.Jobs)
	it.putS("binding", d.Binding)
	it.putS("reason", d.Reason)
	it.putB("memory", d.Memory)
	it.putExp(s.now().Add(s.retention))
	return s.patient(ctx, fmt.Sprintf("record decision of fleet %q", d.Fleet), func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table, Item: it})
		return err
	})
}

// Decisions yields the fleet's decisions made in [from, to), oldest first.
func (s *Store) Decisions(ctx context.Context, fleet string, from, to time.Time) iter.Seq2[Decision, error] {
	return func(yield func(Decision, error) bool) {
		if old := s.now().Add(-s.retention); from.Before(old) {
			from = old // nothing is kept for longer, and each day is a query
		}
		day := from.UTC().Truncate(24 * time.Hour)
		for ; day.Before(to); day = day.AddDate(0, 0, 1) {
			q := query{pk: decisionPK(fleet, day), from: timeKey(from), to: timeKey(to)}
			for it, err := range s.items(ctx, q) {
				if err != nil {
					yield(Decision{}, fmt.Errorf("read the decisions of fleet %q: %w", fleet, err))
					return
				}
				d, err := decodeDecision(it, fleet)
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
	}
}

func decodeDecision(it item, fleet string) (Decision, error) {
	f := fields{it: it}
	small := func(name string) int { return f.count(name, math.MaxInt32) }
	return Decision{
		Fleet: fleet, At: f.ms("at"), Seq: f.num("seq"), Wave: f.num("wave"),
		Visible: f.num("visible"), InFlight: f.num("in_flight"), Delayed: f.num("delayed"), Backlog: f.num("backlog"),
		Running: small("running"), Pending: small("pending"), Desired: small("desired"), Busy: small("busy"),
		SpentPico: f.num("spent_pico"), Want: small("want"), OnDemand: small("on_demand"), Jobs: f.numbers("jobs", MaxLedgerJobs+1), Binding: f.str("binding"), Reason: f.str("reason"),
		Memory: f.bin("memory"),
	}, f.err
}
