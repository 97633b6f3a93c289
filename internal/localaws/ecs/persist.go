package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// rowKey names an object in the table ecs_state.
type rowKey struct{ kind, key string }

const (
	kindCluster    = "cluster"
	kindDefinition = "definition"
	kindService    = "service"
	kindTask       = "task"
)

func (c *cluster) row() rowKey    { return rowKey{kindCluster, c.Name} }
func (d *definition) row() rowKey { return rowKey{kindDefinition, d.id()} }
func (v *ecsService) row() rowKey { return rowKey{kindService, v.Cluster + "/" + v.Name} }
func (t *task) row() rowKey       { return rowKey{kindTask, t.ID} }

// One table of JSON documents: the whole state is read at the start and lives
// in memory, so nothing is ever queried by a column.
const schema = `CREATE TABLE IF NOT EXISTS ecs_state(
	kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID`

// store writes the state behind to the database.
type store struct {
	db *db.DB
	mu *sync.Mutex // the Service's; protects st
	st *state
}

// commit returns when everything that was dirty at the call is committed. The
// rows are taken from the state by the writer itself, so that two commits can
// never write an object's versions in the wrong order. The caller must not hold mu.
func (s *store) commit() error {
	var rows map[rowKey][]byte
	// Not cancelled by a client that goes away: its change is in memory already.
	err := s.db.Update(context.Background(), func(tx *db.Tx) (err error) {
		if rows, err = s.take(); err != nil {
			return err
		}
		for k, body := range rows {
			if body == nil {
				_, err = tx.Exec(`DELETE FROM ecs_state WHERE kind = ? AND key = ?`, k.kind, k.key)
			} else {
				_, err = tx.Exec(`INSERT INTO ecs_state(kind, key, body) VALUES (?, ?, ?)
					ON CONFLICT DO UPDATE SET body = excluded.body`, k.kind, k.key, body)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.st.touch(slices.Collect(maps.Keys(rows))...)
		return fmt.Errorf("ecs: store state: %w", err)
	}
	return nil
}

// take empties the dirty set and returns the documents; nil for a deletion.
func (s *store) take() (map[rowKey][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make(map[rowKey][]byte, len(s.st.dirty))
	for k := range s.st.dirty {
		object := s.st.object(k)
		if object == nil {
			rows[k] = nil
			continue
		}
		body, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", k.kind, k.key, err)
		}
		rows[k] = body
	}
	clear(s.st.dirty)
	return rows, nil
}

// object returns what a key names, nil when it is gone.
func (st *state) object(k rowKey) any {
	switch k.kind {
	case kindCluster:
		if c := st.clusters[k.key]; c != nil {
			return c
		}
	case kindDefinition:
		if d, err := st.definition(k.key); err == nil {
			return d
		}
	case kindService:
		cluster, name := cutLast(k.key, "/")
		if v := st.services[serviceKey{cluster, name}]; v != nil {
			return v
		}
	case kindTask:
		if t := st.tasks[k.key]; t != nil {
			return t
		}
	}
	return nil
}

// load creates the table if needed and reads the state into st.
func (s *store) load(ctx context.Context) error {
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(schema)
		return err
	})
	if err != nil {
		return fmt.Errorf("ecs: create table: %w", err)
	}
	err = s.db.View(ctx, func(c *db.Conn) error {
		rows, err := c.Query(`SELECT kind, key, body FROM ecs_state`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // its errors are Err's
		for rows.Next() {
			var kind, key string
			var body []byte
			if err := rows.Scan(&kind, &key, &body); err != nil {
				return err
			}
			if err := s.st.add(kind, body); err != nil {
				return fmt.Errorf("%s %s: %w", kind, key, err)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("ecs: read state: %w", err)
	}
	return s.st.check()
}

func (st *state) add(kind string, body []byte) error {
	switch kind {
	case kindCluster:
		return addTo(body, func(c *cluster) { st.clusters[c.Name] = c })
	case kindService:
		return addTo(body, func(v *ecsService) { st.services[v.key()] = v })
	case kindTask:
		return addTo(body, func(t *task) { st.tasks[t.ID] = t })
	case kindDefinition:
		return addTo(body, func(d *definition) {
			all := st.families[d.Family]
			for len(all) < d.Revision {
				all = append(all, nil)
			}
			all[d.Revision-1] = d
			st.families[d.Family] = all
		})
	}
	return errors.New("unknown kind")
}

func addTo[T any](body []byte, put func(*T)) error {
	object := new(T)
	if err := json.Unmarshal(body, object); err != nil {
		return err
	}
	put(object)
	return nil
}

// check refuses a database that this code did not write: everything else relies
// on complete families and services with a deployment.
func (st *state) check() error {
	for family, all := range st.families {
		for i, d := range all {
			if d == nil {
				return fmt.Errorf("ecs: read state: task definition %s:%d is missing", family, i+1)
			}
		}
	}
	for _, v := range st.services {
		if len(v.Deployments) == 0 {
			return fmt.Errorf("ecs: read state: service %s has no deployment", v.Name)
		}
	}
	return nil
}
