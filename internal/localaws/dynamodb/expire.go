package dynamodb

import (
	"context"
	"errors"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// tooOld: DynamoDB leaves items alone whose time to live ended more than five years ago, so that a number
// that is no time does not delete them.
const tooOld = 5 * 365 * 24 * time.Hour

// expire deletes a batch of expired items of each table.
func (s *Service) expire(ctx context.Context) (more bool, err error) {
	var errs []error
	for _, t := range s.allTables() {
		if d := t.def.Load(); !d.TTL.On || d.TTL.Filling {
			continue
		}
		m, err := s.expireIn(ctx, t)
		more = more || m
		errs = append(errs, err)
	}
	return more, errors.Join(errs...)
}

const expiredItems = ` FROM ddb_items WHERE tbl = ? AND exp IS NOT NULL AND exp <= ? AND exp > ? LIMIT ?`

func (s *Service) expireIn(ctx context.Context, t *table) (more bool, err error) {
	now := s.opt.Now()
	args := []any{t.id, now.Unix(), now.Add(-tooOld).Unix(), 1}
	err = s.db.View(ctx, func(c *db.Conn) (err error) {
		var one int64
		more, err = c.Row(`SELECT 1`+expiredItems, args, &one)
		return err
	})
	if err != nil || !more {
		return false, err
	}
	args[3] = batch
	return true, s.db.Update(ctx, func(tx *db.Tx) error {
		d := t.def.Load()
		if t.dropped.Load() || !d.TTL.On || d.TTL.Filling {
			return nil
		}
		found, err := places(tx, `SELECT pk, sk, size, item`+expiredItems, args...)
		if err != nil {
			return err
		}
		for _, p := range found {
			m := &mutation{table: t, def: d, key: p.key, remove: true, old: &p.row}
			if err := m.decide(); err != nil {
				return err
			}
			if err := m.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// place is a row with its key.
type place struct {
	key
	row
}

// places reads all rows of a query for pk, sk, size, item.
func places(tx *db.Tx, query string, args ...any) ([]place, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	var found []place
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.pk, &p.sk, &p.size, &p.json); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		if p.sk == nil {
			p.sk = []byte{}
		}
		found = append(found, p)
	}
	return found, rows.Close()
}

type ttlSpecification struct {
	AttributeName string
	Enabled       bool
}

type updateTTLInput struct {
	TableName               string
	TimeToLiveSpecification *ttlSpecification
}

type updateTTLOutput struct {
	TimeToLiveSpecification *ttlSpecification
}

func (s *Service) updateTimeToLive(ctx context.Context, in *updateTTLInput) (*updateTTLOutput, error) {
	spec := in.TimeToLiveSpecification
	if spec == nil || spec.AttributeName == "" {
		return nil, translate(invalid("TimeToLiveSpecification with an AttributeName is required"))
	}
	t, _, err := s.table(nameOfARN(in.TableName))
	if err != nil {
		return nil, translate(err)
	}
	_, err = s.change(ctx, t, func(d *definition) error {
		switch {
		case d.TTL.On && spec.Enabled:
			return invalid("TimeToLive is already enabled")
		case !d.TTL.On && !spec.Enabled:
			return invalid("TimeToLive is already disabled")
		case d.TTL.On && spec.AttributeName != d.TTL.Attribute:
			return invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", d.TTL.Attribute)
		case spec.Enabled && spec.AttributeName != d.TTL.Attribute:
			// What is in the column exp stems from another attribute, or there is nothing in it yet.
			d.TTL = ttl{Attribute: spec.AttributeName, On: true, Filling: true}
		default:
			d.TTL.On = spec.Enabled
		}
		return nil
	})
	if err != nil {
		return nil, translate(err)
	}
	s.kick()
	return &updateTTLOutput{spec}, nil
}

type ttlDescription struct {
	TimeToLiveStatus string
	AttributeName    string `json:",omitempty"`
}

type describeTTLOutput struct {
	TimeToLiveDescription ttlDescription
}

func (s *Service) describeTimeToLive(_ context.Context, in *nameInput) (*describeTTLOutput, error) {
	_, d, err := s.table(nameOfARN(in.TableName))
	if err != nil {
		return nil, translate(err)
	}
	if !d.TTL.On {
		return &describeTTLOutput{ttlDescription{TimeToLiveStatus: "DISABLED"}}, nil
	}
	return &describeTTLOutput{ttlDescription{"ENABLED", d.TTL.Attribute}}, nil
}
