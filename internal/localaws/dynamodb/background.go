package dynamodb

import (
	"context"
	"errors"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// batch is how many rows one background transaction touches: few, because requests wait behind it.
const batch = 200

// background sweeps at intervals, and without waiting while there is a backlog; then it rests as long as
// it worked, so that requests keep half of the writer.
func (s *Service) background(ctx context.Context) {
	interval := s.opt.Sweep
	if interval < 0 {
		interval = 1 << 62 // never, but on wake-ups
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
		}
		started := time.Now()
		more, err := s.step(ctx, s.opt.Sweep > 0)
		if err != nil && ctx.Err() == nil && !errors.Is(err, db.ErrClosed) {
			s.opt.OnError(err)
		}
		wait := interval
		if more && err == nil {
			wait = max(time.Since(started), time.Millisecond)
		}
		timer.Reset(wait)
	}
}

// kick starts the background work now.
func (s *Service) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Sweep does all the background work there is: it deletes expired items and the remains of dropped tables,
// and fills new indexes. It serves tests whose clock stands still, and a caller who wants the space back.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		more, err := s.step(ctx, true)
		if err != nil || !more {
			return err
		}
	}
}

// step does a batch of each sort of background work; more tells that there is another.
func (s *Service) step(ctx context.Context, expire bool) (more bool, err error) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	jobs := []func(context.Context) (bool, error){s.purge, s.fill}
	if expire {
		jobs = append(jobs, s.expire, s.forgetTokens)
	}
	var errs []error
	for _, job := range jobs {
		m, err := job(ctx)
		more = more || m
		errs = append(errs, err)
	}
	return more, errors.Join(errs...)
}

// allTables is a copy of the list of tables.
func (s *Service) allTables() []*table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*table, 0, len(s.tables))
	for _, t := range s.tables {
		list = append(list, t)
	}
	return list
}

// The kinds of things that leave rows behind.
const (
	dropTable = "table"
	dropIndex = "index"
)

// drop notes that the rows under the number are to be deleted.
func drop(tx *db.Tx, id int64, kind string) error {
	_, err := tx.Exec(`INSERT OR REPLACE INTO ddb_dropped(id, kind) VALUES (?, ?)`, id, kind)
	return err
}

// purge deletes rows of dropped tables and indexes.
func (s *Service) purge(ctx context.Context) (more bool, err error) {
	var id int64
	var kind string
	err = s.db.View(ctx, func(c *db.Conn) (err error) {
		more, err = c.Row(`SELECT id, kind FROM ddb_dropped LIMIT 1`, nil, &id, &kind)
		return err
	})
	if err != nil || !more {
		return false, err
	}
	query := `DELETE FROM ddb_items WHERE tbl = ?1 AND (pk, sk) IN (SELECT pk, sk FROM ddb_items WHERE tbl = ?1 LIMIT ?2)`
	if kind == dropIndex {
		query = `DELETE FROM ddb_index WHERE idx = ?1 AND (ipk, isk, pk, sk) IN (SELECT ipk, isk, pk, sk FROM ddb_index WHERE idx = ?1 LIMIT ?2)`
	}
	return true, s.db.Update(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(query, id, batch)
		if err == nil && n == 0 {
			_, err = tx.Exec(`DELETE FROM ddb_dropped WHERE id = ?`, id)
		}
		return err
	})
}

// tokenLife is how long a transaction's ClientRequestToken is remembered (DynamoDB: 10 minutes).
const tokenLife = 10 * time.Minute

func (s *Service) forgetTokens(ctx context.Context) (more bool, err error) {
	before := s.opt.Now().Add(-tokenLife).UnixMilli()
	err = s.db.View(ctx, func(c *db.Conn) (err error) {
		var one int64
		more, err = c.Row(`SELECT 1 FROM ddb_tokens WHERE at < ? LIMIT 1`, []any{before}, &one)
		return err
	})
	if err != nil || !more {
		return false, err
	}
	return true, s.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`DELETE FROM ddb_tokens WHERE token IN (SELECT token FROM ddb_tokens WHERE at < ? LIMIT ?)`, before, batch)
		return err
	})
}
