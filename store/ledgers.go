package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// PutLedger replaces the worker's ledger if l.Seq is higher than the stored
// one's; an older snapshot that arrives late, or one after the worker's noted end,
// changes nothing and is no error.
// The first time a job appears in a ledger of this process, the worker is
// noted under the job, so that JobLedgers finds it. Jobs beyond MaxLedgerJobs are folded into OtherJobs.
func (s *Store) PutLedger(ctx context.Context, l Ledger) error {
	if err := errors.Join(checkName("fleet", l.Fleet), checkName("worker", l.Worker)); err != nil {
		return fmt.Errorf("put ledger: %w", err)
	}
	l.Jobs = foldJobs(l.Jobs)
	op := "put ledger of worker " + l.Worker
	// Pointers first: a ledger that counts for a job must be found from the job.
	for job := range l.Jobs {
		if job == OtherJobs {
			continue
		}
		if err := s.pointTo(ctx, job, l); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	raw, err := encodeLedger(l)
	if err == nil {
		raw, err = s.zstd.pack(raw)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	it := newItem(ledgerKey(l.Fleet, l.Worker))
	it["seq"] = avN(l.Seq)
	it.putB("d", raw)
	it.putExp(s.now().Add(s.retention))
	err = s.patient(ctx, op, func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: s.table, Item: it,
			ConditionExpression:       aws.String("attribute_not_exists(pk) OR seq < :seq AND attribute_not_exists(" + endStopped + ")"),
			ExpressionAttributeValues: item{":seq": avN(l.Seq)},
		})
		return err
	})
	if _, newer := errors.AsType[*types.ConditionalCheckFailedException](err); newer {
		return nil
	}
	return err
}

// maxPointed bounds the memory of pointers written; forgetting only writes some again.
const maxPointed = 10_000

// pointTo writes the job's pointer to the worker, once in this process.
func (s *Store) pointTo(ctx context.Context, job string, l Ledger) error {
	if err := checkJobID(job); err != nil {
		return err
	}
	k := pointerKey(job, l.Worker)
	s.mu.Lock()
	_, done := s.pointed[k]
	s.mu.Unlock()
	if done {
		return nil
	}
	it := newItem(k)
	it.putS("fleet", l.Fleet)
	it.putExp(s.now().Add(s.retention))
	err := s.patient(ctx, fmt.Sprintf("note worker under job %q", job), func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table, Item: it})
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pointed) >= maxPointed {
		clear(s.pointed)
	}
	s.pointed[k] = struct{}{}
	return nil
}

// Ledgers returns the ledgers of all the fleet's workers, ordered by name, those
// that stopped within the store's retention included.
func (s *Store) Ledgers(ctx context.Context, fleet string) ([]Ledger, error) {
	var mu sync.Mutex
	var all []Ledger // guarded by mu
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for shard := range ledgerShards {
		g.Go(func() error {
			for it, err := range s.items(gctx, query{pk: ledgerPK(fleet, shard)}) {
				if err != nil {
					return err
				}
				l, err := s.decodeLedgerItem(it, fleet)
				if err != nil {
					return err
				}
				mu.Lock()
				all = append(all, l)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("read the ledgers of fleet %q: %w", fleet, err)
	}
	byWorker(all)
	return all, nil
}

// JobLedgers returns the ledgers of the workers that have worked for the job, ordered by name.
func (s *Store) JobLedgers(ctx context.Context, job string) ([]Ledger, error) {
	op := fmt.Sprintf("read the ledgers of job %q", job)
	fleets := map[key]string{}
	var keys []key
	for it, err := range s.items(ctx, query{pk: pointerKey(job, "").pk}) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		f := fields{it: it}
		fleet := f.str("fleet")
		if f.err != nil {
			return nil, fmt.Errorf("%s: %w", op, f.err)
		}
		k := ledgerKey(fleet, it.key().sk)
		fleets[k] = fleet
		keys = append(keys, k)
	}
	items, err := s.batchGet(ctx, keys, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	all := make([]Ledger, 0, len(items))
	for _, it := range items {
		l, err := s.decodeLedgerItem(it, fleets[it.key()])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		all = append(all, l)
	}
	byWorker(all)
	return all, nil
}

func byWorker(all []Ledger) {
	slices.SortFunc(all, func(a, b Ledger) int { return strings.Compare(a.Worker, b.Worker) })
}

func (s *Store) decodeLedgerItem(it item, fleet string) (Ledger, error) {
	f := fields{it: it}
	seq, end := f.num("seq"), f.end()
	l := ledgerOfSilent(end)
	var err error
	if _, spoke := it["d"]; spoke || end.IsZero() {
		var raw []byte
		packed := f.bin("d")
		if raw, err = s.zstd.unpack(packed); err == nil {
			l, err = decodeLedger(raw)
			l.End = end
		}
	}
	if f.err != nil {
		return Ledger{}, f.err
	}
	if err != nil {
		return Ledger{}, &CorruptError{Key: it.key().String(), Detail: "the ledger", Err: err}
	}
	l.Fleet, l.Worker, l.Seq = fleet, it.key().sk, seq
	return l, nil
}

// Progress is a cheap view of how far a job is.
type Progress struct {
	// OK and Failed count settled tasks. They lag by the few seconds between
	// a worker's snapshots and never exceed the truth; Recount is exact.
	OK, Failed int64
	// BusyMS and WastedMS are slot-time spent on the job.
	BusyMS, WastedMS int64
	// Ledgers of the workers that have worked for the job.
	Ledgers []Ledger
}

// Progress adds up what the workers' ledgers say about the job: one query and
// a batch read per 100 workers, cheap enough for once a second.
func (s *Store) Progress(ctx context.Context, job string) (Progress, error) {
	ledgers, err := s.JobLedgers(ctx, job)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Ledgers: ledgers}
	for _, l := range ledgers {
		c := l.Jobs[job]
		p.OK += c.OK
		p.Failed += c.Failed
		p.BusyMS += c.BusyMS
		p.WastedMS += c.WastedMS
	}
	p.Failed = max(p.Failed, 0) // what counted the failures may have died before it said so
	return p, nil
}
