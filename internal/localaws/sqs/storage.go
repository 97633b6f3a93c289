package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// schema is the service's tables. Bodies over inlineBody have a row of their own,
// because a receive rewrites the message's row.
const schema = `
CREATE TABLE IF NOT EXISTS sqs_queue(
	id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, attributes TEXT NOT NULL, tags TEXT NOT NULL,
	created INTEGER NOT NULL, modified INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sqs_message(
	id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, uuid BLOB NOT NULL, sent INTEGER NOT NULL,
	visible_at INTEGER NOT NULL, first INTEGER NOT NULL, received INTEGER NOT NULL,
	receives INTEGER NOT NULL, earlier INTEGER NOT NULL,
	size INTEGER NOT NULL, md5 BLOB NOT NULL, extra TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS sqs_body(id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sqs_dedup(
	queue INTEGER NOT NULL, key TEXT NOT NULL, expires INTEGER NOT NULL,
	uuid BLOB NOT NULL, sequence TEXT NOT NULL, PRIMARY KEY(queue, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sqs_move(
	id INTEGER PRIMARY KEY, source TEXT NOT NULL, destination TEXT NOT NULL, rate INTEGER NOT NULL,
	started INTEGER NOT NULL, to_move INTEGER NOT NULL, moved INTEGER NOT NULL,
	status TEXT NOT NULL, failure TEXT NOT NULL)`

// prepareTables creates what is missing and deletes what nothing refers to.
func prepareTables(tx *db.Tx) error {
	for statement := range strings.SplitSeq(schema, ";\n") {
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	// What a send left that was under way while its queue was deleted.
	if _, err := tx.Exec(`DELETE FROM sqs_message WHERE queue NOT IN (SELECT id FROM sqs_queue)`); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM sqs_body WHERE id NOT IN (SELECT id FROM sqs_message)`)
	return err
}

func writeQueue(tx *db.Tx, q *queue) error {
	attributes, err := json.Marshal(q.settings.given)
	if err != nil {
		return err
	}
	tags, err := json.Marshal(q.tags)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO sqs_queue(id, name, attributes, tags, created, modified) VALUES (?,?,?,?,?,?)
		ON CONFLICT(id) DO UPDATE SET attributes=excluded.attributes, tags=excluded.tags, modified=excluded.modified`,
		q.id, nameOf(q.arn), attributes, tags, q.created, q.modified)
	return err
}

func deleteQueue(tx *db.Tx, id int64) error {
	if _, err := tx.Exec(`DELETE FROM sqs_queue WHERE id=?`, id); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM sqs_dedup WHERE queue=?`, id); err != nil {
		return err
	}
	return purgeRows(tx, id, 1<<62)
}

// purgeRows deletes a queue's messages up to an id.
func purgeRows(tx *db.Tx, queue, last int64) error {
	if _, err := tx.Exec(`DELETE FROM sqs_body WHERE id IN (SELECT id FROM sqs_message WHERE queue=? AND id<=? AND body IS NULL)`, queue, last); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM sqs_message WHERE queue=? AND id<=?`, queue, last)
	return err
}

func insertMessage(tx *db.Tx, queue int64, m *message, body string) error {
	var extraJSON, inline any
	if m.extra != nil {
		b, err := json.Marshal(m.extra)
		if err != nil {
			return err
		}
		extraJSON = b
	}
	if len(body) <= inlineBody {
		inline = body
	}
	if _, err := tx.Exec(`INSERT INTO sqs_message(id, queue, uuid, sent, visible_at, first, received, receives, earlier, size, md5, extra, body)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		m.id, queue, m.uuid[:], m.sent, m.visibleAt, m.first, m.received, m.receives, m.earlier, m.size, m.bodyMD5[:], extraJSON, inline); err != nil {
		return err
	}
	if inline != nil {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO sqs_body(id, body) VALUES (?,?)`, m.id, body)
	return err
}

// received is what a receive or a visibility change writes.
type received struct {
	id, visibleAt, first, received int64
	receives                       uint32
}

func writeReceived(tx *db.Tx, r received) error {
	_, err := tx.Exec(`UPDATE sqs_message SET visible_at=?, first=?, received=?, receives=? WHERE id=?`,
		r.visibleAt, r.first, r.received, r.receives, r.id)
	return err
}

// deletion names a row to delete, and whether it has a body of its own. (That a
// kept body never has one is not known for bodies that were too many to keep.)
type deletion struct {
	id   int64
	body bool
}

func deleteMessages(tx *db.Tx, rows []deletion) error {
	for _, r := range rows {
		if _, err := tx.Exec(`DELETE FROM sqs_message WHERE id=?`, r.id); err != nil {
			return err
		}
		if !r.body {
			continue
		}
		if _, err := tx.Exec(`DELETE FROM sqs_body WHERE id=?`, r.id); err != nil {
			return err
		}
	}
	return nil
}

func deletions(messages []*message) []deletion {
	rows := make([]deletion, len(messages))
	for i, m := range messages {
		rows[i] = deletion{m.id, m.stored}
	}
	return rows
}

// redrive is a message's move to its dead-letter queue.
type redrive struct {
	id, queue, sent, visibleAt int64
	receives, earlier          uint32
	extra                      []byte
}

func newRedrive(queue int64, m *message) (redrive, error) {
	b, err := json.Marshal(m.extra)
	return redrive{m.id, queue, m.sent, m.visibleAt, m.receives, m.earlier, b}, err
}

func writeRedrive(tx *db.Tx, r redrive) error {
	_, err := tx.Exec(`UPDATE sqs_message SET queue=?, sent=?, visible_at=?, receives=?, earlier=?, extra=? WHERE id=?`,
		r.queue, r.sent, r.visibleAt, r.receives, r.earlier, r.extra, r.id)
	return err
}

// errNoBody says that a message was deleted while it was being delivered.
var errNoBody = errors.New("the message was deleted")

func readBody(ctx context.Context, d *db.DB, id int64) (body string, err error) {
	err = d.View(ctx, func(c *db.Conn) error {
		found, err := c.Row(`SELECT coalesce(m.body, b.body) FROM sqs_message m LEFT JOIN sqs_body b ON b.id=m.id WHERE m.id=?`, []any{id}, &body)
		if err == nil && !found {
			err = errNoBody
		}
		return err
	})
	return body, err
}

// load reads everything back.
func (s *Service) load(ctx context.Context) error {
	return s.db.Snapshot(ctx, func(c *db.Conn) error {
		byID := map[int64]*queue{}
		for _, read := range []func(*db.Conn, map[int64]*queue) error{s.loadQueues, s.loadMessages, s.loadDedup, s.loadMoves} {
			if err := read(c, byID); err != nil {
				return err
			}
		}
		return nil
	})
}

// each runs a query and calls row for every one, with a function that scans it.
func each(c *db.Conn, query string, row func(scan func(dest ...any) error) error) error {
	rows, err := c.Query(query)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return rows.Close()
}

func (s *Service) loadQueues(c *db.Conn, byID map[int64]*queue) error {
	return each(c, `SELECT id, name, attributes, tags, created, modified FROM sqs_queue`, func(scan func(...any) error) error {
		var id, created, modified int64
		var name string
		var attributes, tags []byte
		if err := scan(&id, &name, &attributes, &tags, &created, &modified); err != nil {
			return err
		}
		given := map[string]string{}
		if err := json.Unmarshal(attributes, &given); err != nil {
			return fmt.Errorf("queue %s: attributes: %w", name, err)
		}
		set, err := parseSettings(given, isFIFO(name))
		if err != nil {
			return fmt.Errorf("queue %s: %w", name, err)
		}
		q := newQueue(id, s.arnOf(name), set, &s.kept)
		if err := json.Unmarshal(tags, &q.tags); err != nil {
			return fmt.Errorf("queue %s: tags: %w", name, err)
		}
		q.created, q.modified = created, modified
		byID[id], s.queues[name] = q, q
		s.ids.raise(id)
		return nil
	})
}

func (s *Service) loadMessages(c *db.Conn, byID map[int64]*queue) error {
	at := now()
	// In the order in which they became, or will become, visible.
	return each(c, `SELECT id, queue, uuid, sent, visible_at, first, received, receives, earlier, size, md5, extra, body
		FROM sqs_message ORDER BY visible_at, id`, func(scan func(...any) error) error {
		m := &message{}
		var queue, size int64
		var receives, earlier int
		var uuid, sum, extraJSON []byte
		var body *string
		var inline any
		if err := scan(&m.id, &queue, &uuid, &m.sent, &m.visibleAt, &m.first, &m.received, &receives, &earlier, &size, &sum, &extraJSON, &inline); err != nil {
			return err
		}
		s.ids.raise(m.id)
		if text, ok := inline.(string); ok {
			body = &text
		}
		q := byID[queue]
		if q == nil {
			return nil // deleted since; prepareTables takes care of the row
		}
		copy(m.uuid[:], uuid)
		copy(m.bodyMD5[:], sum)
		m.size, m.receives, m.earlier = int32(size), uint32(receives), uint32(earlier)
		if extraJSON != nil {
			m.extra = &extra{}
			if err := json.Unmarshal(extraJSON, m.extra); err != nil {
				return fmt.Errorf("message %d: %w", m.id, err)
			}
		}
		if body != nil && s.kept.hasRoom(len(*body)) {
			m.body = *body
		} else {
			m.stored = true
		}
		q.add(m, at)
		return nil
	})
}

func (s *Service) loadDedup(c *db.Conn, byID map[int64]*queue) error {
	return each(c, `SELECT queue, key, expires, uuid, sequence FROM sqs_dedup ORDER BY expires`, func(scan func(...any) error) error {
		var id, expires int64
		var key, sequence string
		var uuid []byte
		if err := scan(&id, &key, &expires, &uuid, &sequence); err != nil {
			return err
		}
		if q := byID[id]; q != nil {
			e := dedupEntry{expires: expires, sequence: sequence}
			copy(e.uuid[:], uuid)
			q.dedup[key] = e
			q.dedupOrder = append(q.dedupOrder, key)
		}
		return nil
	})
}
