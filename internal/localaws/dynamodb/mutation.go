package dynamodb

import (
	"bytes"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

// row is an item as it is stored.
type row struct {
	json []byte
	size int
	item attr.Item // parsed from json on demand, see load
}

func (r *row) load() (attr.Item, error) {
	if r == nil {
		return nil, nil
	}
	if r.item == nil {
		var err error
		if r.item, err = attr.ParseItem(string(r.json)); err != nil {
			return nil, err
		}
	}
	return r.item, nil
}

// newRow encodes an item and checks its size.
func newRow(it attr.Item, tooLarge string) (*row, error) {
	r := &row{item: it, size: it.Size()}
	if r.size > attr.MaxItemSize {
		return nil, invalid("%s", tooLarge)
	}
	r.json = attr.AppendItem(make([]byte, 0, r.size+r.size/3+32*len(it)), it)
	return r, nil
}

// mutation is the change of one item, in two steps, both inside the writer: check looks and writes
// nothing, apply writes. A transaction checks all of its mutations before it applies any.
type mutation struct {
	table *table
	def   *definition // replaced by the newest one in check
	key   key
	cond  *expr.Condition

	// What happens to the item: put puts it, update changes it (keyItem is the item before, if there is
	// none), remove deletes it, none of them only checks the condition.
	put     *row
	update  *expr.Update
	touch   bool // an UpdateItem without an expression makes sure that the item exists
	keyItem attr.Item
	remove  bool
	// wantOld: the caller needs the old item or its size, though the change itself may not.
	wantOld bool

	// old and new are the item before and after; nil when there is or was none. Set by check.
	old, new *row
	// entries are the index rows to delete and to write. Set by check.
	stale, fresh []entry
}

// entry is an item's row in an index.
type entry struct {
	index *index
	key
	size int
}

// errCondition is returned by check when the condition does not hold.
var errCondition = conditionFailed(nil)

// check reads the item, asks the condition and works out what to write. It must not write.
func (m *mutation) check(tx *db.Tx) error {
	if err := m.current(); err != nil {
		return err
	}
	if m.put != nil && m.cond == nil && !m.wantOld && len(m.def.Indexes) == 0 {
		m.new = m.put // whatever was there
		return nil
	}
	var err error
	if m.old, err = readRow(tx.Conn, m.table.id, m.key); err != nil {
		return err
	}
	return m.decide()
}

// current loads the definition that holds inside this transaction.
func (m *mutation) current() error {
	if m.table.dropped.Load() {
		return noTable(m.def.Name)
	}
	m.def = m.table.def.Load()
	return nil
}

// decide is check after the old item was read.
func (m *mutation) decide() error {
	var before attr.Item
	if m.cond != nil || m.update != nil || len(m.def.Indexes) > 0 {
		var err error
		if before, err = m.old.load(); err != nil {
			return err
		}
	}
	if !m.cond.Match(before) {
		return errCondition
	}
	switch {
	case m.put != nil:
		m.new = m.put
	case m.update != nil || m.touch:
		if err := m.updated(before); err != nil {
			return err
		}
	case !m.remove:
		m.new = m.old
		return nil
	}
	return m.indexChanges(before)
}

func (m *mutation) updated(before attr.Item) error {
	if m.old == nil {
		before = m.keyItem
	}
	after := before
	if m.update != nil {
		var err error
		if after, err = m.update.Apply(before); err != nil {
			return err
		}
	}
	if after.Depth() > attr.MaxDepth {
		return attr.ErrDepth
	}
	var err error
	m.new, err = newRow(after, "Item size to update has exceeded the maximum allowed size")
	return err
}

// indexChanges works out which index rows go and come.
func (m *mutation) indexChanges(before attr.Item) error {
	if len(m.def.Indexes) == 0 {
		return nil
	}
	var after attr.Item
	if m.new != nil {
		after = m.new.item
	}
	for i := range m.def.Indexes {
		x := &m.def.Indexes[i]
		was, had, err := x.entryOf(before)
		if err != nil {
			return err
		}
		is, has, err := x.entryOf(after)
		if err != nil {
			return err
		}
		if had && has && bytes.Equal(was.pk, is.pk) && bytes.Equal(was.sk, is.sk) && was.size == is.size {
			continue
		}
		if had {
			m.stale = append(m.stale, was)
		}
		if has {
			m.fresh = append(m.fresh, is)
		}
	}
	return nil
}

// entryOf is the row of an item in the index, if it has one.
func (x *index) entryOf(it attr.Item) (e entry, ok bool, err error) {
	if it == nil {
		return entry{}, false, nil
	}
	k, ok, err := x.keys.encode(it, x.IndexName)
	if err != nil || !ok {
		return entry{}, false, err
	}
	return entry{x, k, x.includes.Apply(it).Size()}, true, nil
}

// apply writes what check worked out.
func (m *mutation) apply(tx *db.Tx) error {
	if m.new == m.old {
		return nil
	}
	if m.new == nil {
		if _, err := tx.Exec(`DELETE FROM ddb_items WHERE tbl = ? AND pk = ? AND sk = ?`, m.table.id, m.key.pk, m.key.sk); err != nil {
			return err
		}
	} else {
		if _, err := tx.Exec(`INSERT OR REPLACE INTO ddb_items(tbl, pk, sk, size, exp, item) VALUES (?, ?, ?, ?, ?, ?)`,
			m.table.id, m.key.pk, m.key.sk, m.new.size, m.def.expires(m.new.item), m.new.json); err != nil {
			return err
		}
	}
	for _, e := range m.stale {
		if _, err := tx.Exec(`DELETE FROM ddb_index WHERE idx = ? AND ipk = ? AND isk = ? AND pk = ? AND sk = ?`,
			e.index.ID, e.pk, e.sk, m.key.pk, m.key.sk); err != nil {
			return err
		}
	}
	for _, e := range m.fresh {
		if err := e.insert(tx, m.key); err != nil {
			return err
		}
	}
	return nil
}

func (e entry) insert(tx *db.Tx, item key) error {
	_, err := tx.Exec(`INSERT OR REPLACE INTO ddb_index(idx, ipk, isk, pk, sk, size) VALUES (?, ?, ?, ?, ?, ?)`,
		e.index.ID, e.pk, e.sk, item.pk, item.sk, e.size)
	return err
}

// expires is the value of the column exp for an item: nil when it never expires.
func (d *definition) expires(it attr.Item) any {
	if d.TTL.Attribute == "" {
		return nil
	}
	v := it.Get(d.TTL.Attribute)
	if v.Kind != attr.N {
		return nil
	}
	seconds, ok := v.Decimal().Int64()
	if !ok {
		return nil
	}
	return seconds
}

// insertNew is check and apply in one statement for the most frequent write of all, a put on the
// condition that the item is new, into a table without indexes. done is false when there is such an
// item, or the mutation is of another sort: then nothing was written. Unlike check, it may have run a
// statement even so; the caller must not return an error after it (db.Update).
func (m *mutation) insertNew(tx *db.Tx) (done bool, err error) {
	if err := m.current(); err != nil {
		return false, err
	}
	name, ok := m.cond.NotExists()
	if !ok || m.put == nil || len(m.def.Indexes) > 0 || !m.def.keys.has(name) {
		return false, nil
	}
	n, err := tx.Exec(`INSERT INTO ddb_items(tbl, pk, sk, size, exp, item) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		m.table.id, m.key.pk, m.key.sk, m.put.size, m.def.expires(m.put.item), m.put.json)
	m.new = m.put
	return n == 1, err
}

func readRow(c *db.Conn, tbl int64, k key) (*row, error) {
	r := new(row)
	found, err := c.Row(`SELECT size, item FROM ddb_items WHERE tbl = ? AND pk = ? AND sk = ?`, []any{tbl, k.pk, k.sk}, &r.size, &r.json)
	if err != nil || !found {
		return nil, err
	}
	return r, nil
}
