package dynamodb

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

// pageSize is how many bytes of items one Query or Scan looks at (DynamoDB: 1 MB). The item that
// reaches it is still part of the page.
const pageSize = 1 << 20

// walk is a pass over a table or an index in key order: over one partition (one and span), or over all
// or a segment of them (from, until).
type walk struct {
	table *table
	def   *definition
	index *index // nil for the table itself
	keys  keys   // of the index or the table

	one         []byte
	span        span
	from, until []byte
	// after is where to go on: the place in the index or table, and of the item in the table.
	after     *key
	afterItem key
	backward  bool

	filter     *expr.Condition
	projection []*expr.Projection // applied one after the other
	limit      int64
	count      bool
}

// walk checks what Query and Scan have in common.
func (s *Service) walk(q *request, p prepared) (*walk, error) {
	t, def, err := s.table(q.table)
	if err != nil {
		return nil, err
	}
	w := &walk{table: t, def: def, keys: def.keys, filter: p.filter, backward: q.backward, count: q.selects == "COUNT"}
	if q.index != "" {
		if w.index = def.index(q.index); w.index == nil {
			return nil, invalid("The table does not have the specified index: %s", q.index)
		}
		if w.index.Filling {
			return nil, invalid("Cannot read from backfilling global secondary index: %s", q.index)
		}
		if q.consistent && !w.index.Local {
			return nil, invalid("Consistent reads are not supported on global secondary indexes")
		}
		w.keys = w.index.keys
	}
	if q.limit != nil {
		if *q.limit < 1 {
			return nil, invalid("Limit must be greater than or equal to 1")
		}
		w.limit = *q.limit
	}
	return w, w.selects(q, p)
}

// selects works out which attributes are returned.
func (w *walk) selects(q *request, p prepared) error {
	if err := oneOf("select", q.selects, "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES"); err != nil {
		return err
	}
	switch {
	case q.selects == "SPECIFIC_ATTRIBUTES" && q.projection == nil:
		return invalid("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case q.selects != "" && q.selects != "SPECIFIC_ATTRIBUTES" && q.projection != nil:
		return invalid("Cannot specify the ProjectionExpression when choosing to get %s", map[string]string{
			"COUNT": "only the Count", "ALL_ATTRIBUTES": "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES": "ALL_PROJECTED_ATTRIBUTES"}[q.selects])
	case q.selects == "ALL_PROJECTED_ATTRIBUTES" && w.index == nil:
		return invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	}
	if w.index != nil && w.index.includes != nil {
		whole := q.selects == "ALL_ATTRIBUTES"
		if whole && !w.index.Local {
			return invalid("One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL", q.index)
		}
		// A local index fetches from the table what it does not hold, when asked by name.
		if !whole && (!w.index.Local || p.projection == nil) {
			w.projection = append(w.projection, w.index.includes)
		}
		for _, name := range p.projection.Tops() {
			if !w.index.Local && !slices.Contains(w.index.includes.Tops(), name) {
				return invalid("One or more parameter values were invalid: Global secondary index %s does not project [%s]", q.index, name)
			}
		}
	}
	if p.projection != nil {
		w.projection = append(w.projection, p.projection)
	}
	return nil
}

// startAt takes the place from an ExclusiveStartKey.
func (w *walk) startAt(start attr.Item) error {
	if start == nil {
		return nil
	}
	want := w.def.keys.pick(start)
	if w.index != nil {
		for _, a := range w.index.keys.pick(start) {
			want = want.With(a.Name, a.Value)
		}
	}
	if !attr.EqualItems(want, start) {
		return invalid("The provided starting key is invalid: The provided key element does not match the schema")
	}
	item, err := w.def.keys.ofItem(start)
	if err != nil {
		return err
	}
	w.after, w.afterItem = &item, item
	if w.index != nil {
		k, _, err := w.index.keys.encode(start, w.index.IndexName)
		if err != nil {
			return err
		}
		w.after = &k
	}
	return nil
}

// sql is the statement that walks; its text takes few forms, so that it is prepared once.
func (w *walk) sql() (string, []any) {
	b := &statement{}
	order := []string{"pk", "sk"}
	if w.index == nil {
		b.add(`SELECT size, item FROM ddb_items WHERE tbl = ?`, w.table.id)
	} else {
		order = []string{"i.ipk", "i.isk", "i.pk", "i.sk"}
		b.add(`SELECT i.size, d.item FROM ddb_index i CROSS JOIN ddb_items d ON d.tbl = ? AND d.pk = i.pk AND d.sk = i.sk WHERE i.idx = ?`, w.table.id, w.index.ID)
	}
	pk, sk := order[0], order[1]
	if w.one != nil {
		b.add(" AND "+pk+" = ?", w.one)
		order = order[1:]
	}
	low, high := w.span, w.span
	if w.after != nil {
		// The place to go on from is the tighter bound; with both, SQLite might seek by the other.
		if w.backward {
			high = span{}
		} else {
			low, w.from = span{}, nil
		}
		w.goOn(b, order)
	}
	b.bound(pk, ">", false, w.from)
	b.bound(pk, "<", true, w.until)
	b.bound(sk, ">", low.lowStrict, low.low)
	b.bound(sk, "<", high.highStrict, high.high)
	dir := ""
	if w.backward {
		dir = " DESC"
	}
	b.add(" ORDER BY " + strings.Join(order, dir+", ") + dir)
	return b.text.String(), b.args
}

// goOn adds the condition that a row lies behind the place w.after, by the columns of the order.
func (w *walk) goOn(b *statement, order []string) {
	place := []any{w.after.pk, w.after.sk}
	if w.index != nil {
		place = append(place, w.afterItem.pk, w.afterItem.sk)
	}
	place = place[len(place)-len(order):]
	op := " > "
	if w.backward {
		op = " < "
	}
	b.add(" AND ("+strings.Join(order, ", ")+")"+op+"("+strings.Repeat(", ?", len(order))[2:]+")", place...)
}

// statement collects the text and the arguments of a query.
type statement struct {
	text strings.Builder
	args []any
}

func (b *statement) add(text string, args ...any) {
	b.text.WriteString(text)
	b.args = append(b.args, args...)
}

// bound adds an upper or lower bound of a column, if there is one.
func (b *statement) bound(column, op string, strict bool, v []byte) {
	if v == nil {
		return
	}
	if !strict {
		op += "="
	}
	b.add(" AND "+column+" "+op+" ?", v)
}

// result is what a page holds.
type result struct {
	items          []byte // JSON, separated by commas, behind what read was given
	count, scanned int
	size           int
	last           attr.Item // where to go on; nil at the end
}

// read appends the items of a page to dst.
func (w *walk) read(c *db.Conn, dst []byte) (res result, err error) {
	res.items = dst
	query, args := w.sql()
	rows, err := c.Query(query, args...)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.size, &r.json); err != nil {
			return res, err
		}
		res.scanned++
		res.size += r.size
		if err := w.take(&res, &r); err != nil {
			return res, err
		}
		if res.size >= pageSize || w.limit > 0 && int64(res.scanned) == w.limit {
			res.last, err = w.placeOf(&r)
			return res, err
		}
	}
	return res, rows.Err()
}

// take adds an item to the page if the filter lets it pass.
func (w *walk) take(res *result, r *row) error {
	if w.filter != nil || len(w.projection) > 0 && !w.count {
		it, err := r.load()
		if err != nil {
			return err
		}
		if w.index != nil && !w.index.Local {
			it = w.index.includes.Apply(it) // a global index knows no more of the item
		}
		if !w.filter.Match(it) {
			return nil
		}
		if len(w.projection) > 0 {
			for _, p := range w.projection {
				it = p.Apply(it)
			}
			r.json = attr.AppendItem(nil, it)
		}
	}
	res.count++
	if w.count {
		return nil
	}
	if res.count > 1 {
		res.items = append(res.items, ',')
	}
	res.items = append(res.items, r.json...)
	return nil
}

// placeOf is the key from which the next page goes on.
func (w *walk) placeOf(r *row) (attr.Item, error) {
	it, err := r.load()
	if err != nil {
		return nil, err
	}
	place := w.def.keys.pick(it)
	if w.index != nil {
		for _, a := range w.index.keys.pick(it) {
			place = place.With(a.Name, a.Value)
		}
	}
	return place, nil
}

// read begins the response of Query, Scan and ExecuteStatement with a page of items.
func (s *Service) read(ctx context.Context, w *walk) (out raw, res result, err error) {
	if !w.count {
		out = append(field(nil, "Items"), '[')
	}
	err = s.db.View(ctx, func(c *db.Conn) (err error) {
		res, err = w.read(c, out)
		return err
	})
	if out = res.items; !w.count {
		out = append(out, ']')
	}
	return out, res, err
}

// page reads a page and words the response of Query and Scan.
func (s *Service) page(ctx context.Context, q *request, w *walk) (raw, error) {
	out, res, err := s.read(ctx, w)
	if err != nil {
		return nil, err
	}
	out = strconv.AppendInt(field(out, "Count"), int64(res.count), 10)
	out = strconv.AppendInt(field(out, "ScannedCount"), int64(res.scanned), 10)
	if res.last != nil {
		out = attr.AppendItem(field(out, "LastEvaluatedKey"), res.last)
	}
	s.opt.OnUnits(true, readUnits(res.size, q.consistent))
	if reportsCapacity(q.returnCapacity) {
		c := consumed{read: true}
		if units := readUnits(res.size, q.consistent); w.index == nil {
			c.table = units
		} else {
			c.add(w.index, units)
		}
		out = c.append(field(out, "ConsumedCapacity"), q.table, q.returnCapacity, false)
	}
	return append(out, '}'), nil
}
