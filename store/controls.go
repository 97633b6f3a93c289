package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// Control returns what the fleet's workers are told; the zero value when nobody
// has said anything yet. Every worker asks every few seconds, so the item exists
// in several copies, of which each process reads one; reads are eventually consistent.
func (s *Store) Control(ctx context.Context, fleet string) (Control, error) {
	c, _, err := s.readControl(ctx, fleet, s.replica, false)
	return c, err
}

func (s *Store) readControl(ctx context.Context, fleet string, replica int, consistent bool) (c Control, version int64, err error) {
	var out *dynamodb.GetItemOutput
	err = s.patient(ctx, fmt.Sprintf("read the control item of fleet %q", fleet), func() (err error) {
		out, err = s.api.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: s.table, Key: controlKey(fleet, replica).attrs(), ConsistentRead: aws.Bool(consistent),
		})
		return err
	})
	if err != nil || len(out.Item) == 0 {
		return Control{}, 0, err
	}
	f := fields{it: out.Item}
	c = Control{
		Cancelled: f.set("cancelled"), Released: f.set("released"),
		Paused: f.boolean("paused"), Draining: f.boolean("draining"), LeaderAt: f.ms("leader_at"),
		Scale: decodeScale(&f),
	}
	slices.Sort(c.Cancelled) // a set has no order
	slices.Sort(c.Released)
	return c, f.num("ver"), f.err
}

// PutControl replaces what the fleet's workers are told. A writer that only
// means to change a part of it must use UpdateControl.
func (s *Store) PutControl(ctx context.Context, fleet string, c Control) error {
	return s.UpdateControl(ctx, fleet, func(have *Control) { *have = c })
}

// controlTries bounds the races UpdateControl loses; the leader writes every
// ten seconds and people now and then.
const controlTries = 20

// UpdateControl applies change to the present control item and writes the
// outcome, such that no writer undoes another's change: the leader releases
// workers while a user cancels a job.
//
// When an answer was lost it may be applied twice, so it must be idempotent.
//
// The first copy decides; the others follow and refuse older versions. When
// the call fails in between, some workers learn of it with the next write only.
func (s *Store) UpdateControl(ctx context.Context, fleet string, change func(*Control)) error {
	if err := checkName("fleet", fleet); err != nil {
		return fmt.Errorf("write control item: %w", err)
	}
	for range controlTries {
		c, version, err := s.readControl(ctx, fleet, 0, true)
		if err != nil {
			return err
		}
		change(&c)
		won, err := s.writeControl(ctx, fleet, 0, c, version+1, version)
		if err != nil {
			return err
		}
		if won {
			return s.copyControl(ctx, fleet, c, version+1)
		}
		if !sleep(ctx, time.Duration(s.rand()*float64(backoffMin))) {
			return fmt.Errorf("write the control item of fleet %q: %w", fleet, context.Cause(ctx))
		}
	}
	return fmt.Errorf("write the control item of fleet %q: %d writers were faster; try again", fleet, controlTries)
}

func (s *Store) copyControl(ctx context.Context, fleet string, c Control, version int64) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for replica := 1; replica < controlCopies; replica++ {
		g.Go(func() error {
			_, err := s.writeControl(ctx, fleet, replica, c, version, version-1)
			return err
		})
	}
	return g.Wait()
}

// writeControl writes a copy unless it has a version above atMost; won is false then.
func (s *Store) writeControl(ctx context.Context, fleet string, replica int, c Control, version, atMost int64) (won bool, err error) {
	it := newItem(controlKey(fleet, replica))
	it["ver"] = avN(version)
	it.putSet("cancelled", c.Cancelled)
	it.putSet("released", c.Released)
	it.putBool("paused", c.Paused)
	it.putBool("draining", c.Draining)
	it.putMS("leader_at", c.LeaderAt)
	it.putScale(c.Scale)
	err = s.patient(ctx, fmt.Sprintf("write the control item of fleet %q", fleet), func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: s.table, Item: it,
			ConditionExpression:       aws.String("attribute_not_exists(pk) OR ver <= :v"),
			ExpressionAttributeValues: item{":v": avN(atMost)},
		})
		return err
	})
	if _, lost := errors.AsType[*types.ConditionalCheckFailedException](err); lost {
		return false, nil
	}
	return err == nil, err
}

// putSet stores names as a set; DynamoDB has no empty sets and refuses duplicates.
func (it item) putSet(name string, names []string) {
	if len(names) > 0 {
		it[name] = avSS(slices.Compact(slices.Sorted(slices.Values(names)))...)
	}
}

// maxWorkers bounds a size that is read.
const maxWorkers = 1 << 30

// efficiencyUnit is what an efficiency is stored in: numbers of the table are whole.
const efficiencyUnit = 1e6

func (it item) putScale(s Scale) {
	it.putBool("scale_hold", s.Hold)
	it.putN("scale_min", int64(s.Min))
	it.putN("scale_max", int64(s.Max))
	it.putBool("scale_max_set", s.SetMax)
	it.putS("scale_mode", s.Mode)
	it.putN("scale_efficiency", int64(math.Round(s.Efficiency*efficiencyUnit)))
	it.putMS("scale_deadline", s.Deadline)
	it.putN("scale_value", s.ValuePico)
	it.putN("scale_budget", s.BudgetPico)
	it.putS("scale_by", s.By)
	it.putMS("scale_at", s.At)
	it.putS("scale_why", s.Why)
}

func decodeScale(f *fields) Scale {
	return Scale{
		Hold: f.boolean("scale_hold"), Min: f.count("scale_min", maxWorkers), Max: f.count("scale_max", maxWorkers), SetMax: f.boolean("scale_max_set"),
		Mode: f.str("scale_mode"), Efficiency: float64(f.count("scale_efficiency", efficiencyUnit)) / efficiencyUnit,
		Deadline: f.ms("scale_deadline"), ValuePico: f.num("scale_value"), BudgetPico: f.num("scale_budget"),
		By: f.str("scale_by"), At: f.ms("scale_at"), Why: f.str("scale_why"),
	}
}
