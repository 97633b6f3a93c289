package dynamodb

import (
	"context"
	"errors"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// fill goes through the items that were there before an index was added or time to live was switched
// on. Every write since then has kept the new index itself, so one pass is enough. The cursor is in memory only:
// a pass that a restart interrupted begins again, which is harmless.
func (s *Service) fill(ctx context.Context) (more bool, err error) {
	var errs []error
	for _, t := range s.allTables() {
		d := t.def.Load()
		if !d.filling() {
			t.cursor = nil
			continue
		}
		more = true
		errs = append(errs, s.fillBatch(ctx, t))
	}
	return more, errors.Join(errs...)
}

func (d *definition) filling() bool {
	for _, x := range d.Indexes {
		if x.Filling {
			return true
		}
	}
	return d.TTL.Filling
}

// cursor is how far a table's pass has come. What was added while the pass was under way needs
// another one, so the definition it is made for is part of it.
type cursor struct {
	def   *definition
	after key
}

func (s *Service) fillBatch(ctx context.Context, t *table) error {
	cur := t.cursor
	if d := t.def.Load(); cur == nil || cur.def != d {
		cur = &cursor{def: d, after: key{[]byte{}, []byte{}}}
		t.cursor = cur
	}
	end := false
	// Not cancelled halfway: the function writes to cur, which the next pass reads.
	err := s.db.Update(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		if t.dropped.Load() || t.def.Load() != cur.def {
			return nil
		}
		found, err := places(tx, `SELECT pk, sk, size, item FROM ddb_items WHERE tbl = ? AND (pk, sk) > (?, ?) ORDER BY pk, sk LIMIT ?`,
			t.id, cur.after.pk, cur.after.sk, batch)
		if err != nil {
			return err
		}
		for _, p := range found {
			if err := cur.def.fillItem(tx, p); err != nil {
				return err
			}
		}
		if end = len(found) == 0; !end {
			cur.after = found[len(found)-1].key
		}
		return nil
	})
	if err != nil || !end {
		return err
	}
	_, err = s.change(ctx, t, func(d *definition) error {
		if t.def.Load() != cur.def {
			return nil // changed meanwhile: another pass follows
		}
		d.TTL.Filling = false
		for i := range d.Indexes {
			d.Indexes[i].Filling = false
		}
		return nil
	})
	return err
}

// fillItem enters one item where it is missing.
func (d *definition) fillItem(tx *db.Tx, p place) error {
	it, err := p.load()
	if err != nil {
		return err
	}
	if d.TTL.Filling {
		if _, err := tx.Exec(`UPDATE ddb_items SET exp = ? WHERE tbl = ? AND pk = ? AND sk = ?`, d.expires(it), d.ID, p.pk, p.sk); err != nil {
			return err
		}
	}
	for i := range d.Indexes {
		x := &d.Indexes[i]
		if !x.Filling {
			continue
		}
		e, ok, err := x.entryOf(it)
		var unfit *attr.InvalidError
		if errors.As(err, &unfit) || err == nil && !ok {
			continue // as on AWS, an old item that does not fit the new key is not in the index
		}
		if err != nil {
			return err
		}
		if err := e.insert(tx, p.key); err != nil {
			return err
		}
	}
	return nil
}
