package dynamodb

import (
	"context"

	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

// decodeGets reads KeysAndAttributes: keys, and how to read them all.
func decodeGets(rd *attr.Reader, table string) ([]*request, error) {
	how := &request{table: table}
	var keys []attr.Item
	err := rd.Object(func(f string) error {
		if rd.Null() {
			return nil
		}
		if f != "Keys" {
			return how.field(rd, f)
		}
		return rd.Array(func() error {
			k, err := rd.Item()
			keys = append(keys, k)
			return err
		})
	})
	if err == nil && len(keys) == 0 {
		err = invalid("1 validation error detected: Value at 'requestItems.%s.member.keys' failed to satisfy constraint: Member must have length greater than or equal to 1", table)
	}
	list := make([]*request, len(keys))
	for i, k := range keys {
		q := *how
		q.key = k
		list[i] = &q
	}
	return list, err
}

// reading is one item to be read.
type reading struct {
	q          *request
	m          *mutation // its table and key; nothing is changed
	projection *expr.Projection
	row        *row
}

// reading prepares the read of q.key.
func (s *Service) reading(q *request) (reading, error) {
	p, err := q.prepare(s.engine)
	if err != nil {
		return reading{}, err
	}
	t, def, err := s.table(q.table)
	if err != nil {
		return reading{}, err
	}
	m := &mutation{table: t, def: def}
	return reading{q: q, m: m, projection: p.projection}, m.at(q)
}

// json is the item that was read, as much of it as was asked for.
func (r *reading) json() ([]byte, error) {
	switch {
	case r.row == nil:
		return nil, nil
	case r.projection == nil:
		return r.row.json, nil
	}
	it, err := r.row.load()
	if err != nil {
		return nil, err
	}
	return attr.AppendItem(nil, r.projection.Apply(it)), nil
}

// units is the capacity that the read consumes.
func (r *reading) units() float64 {
	if r.row == nil {
		return readUnits(0, r.q.consistent)
	}
	return readUnits(r.row.size, r.q.consistent)
}

func (s *Service) batchGetItem(ctx context.Context, rd *attr.Reader) (raw, error) {
	b, err := decodeBatch(rd, decodeGets)
	if err != nil {
		return nil, err
	}
	all, err := s.batchReadings(b)
	if err != nil {
		return nil, err
	}
	done, size := 0, 0
	err = s.db.View(ctx, func(c *db.Conn) (err error) {
		for ; done < len(all) && size < maxBatchBytes; done++ {
			r := &all[done]
			if r.row, err = readRow(c, r.m.table.id, r.m.key); err != nil {
				return err
			}
			if r.row != nil {
				size += r.row.size
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.answer(all, done, s.meter)
}

func (s *Service) batchReadings(b *batchRequest) ([]reading, error) {
	var all []reading
	var keys []*mutation
	for _, t := range b.tables {
		for _, q := range t.items {
			r, err := s.reading(q)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
			keys = append(keys, r.m)
		}
	}
	if len(all) > maxBatchGets {
		return nil, invalid("Too many items requested for the BatchGetItem call: %d, at most %d", len(all), maxBatchGets)
	}
	if repeated(keys) {
		return nil, invalid("Provided list of item keys contains duplicates")
	}
	return all, nil
}

// answer words the response: items by table, then the keys from done on, which did not fit.
func (b *batchRequest) answer(all []reading, done int, meter func(map[string]consumed)) (raw, error) {
	totals := make(map[string]consumed)
	var responses, left raw
	at := 0
	for _, t := range b.tables {
		part := all[at : at+len(t.items)]
		read := part[:min(len(part), max(0, done-at))]
		at += len(part)
		responses = append(field(responses, t.name), '[')
		found := 0
		for i := range read {
			j, err := read[i].json()
			if err != nil {
				return nil, err
			}
			if j != nil {
				if found++; found > 1 {
					responses = append(responses, ',')
				}
				responses = append(responses, j...)
			}
			c := totals[read[i].m.def.Name]
			c.plus(consumed{read: true, table: read[i].units()})
			totals[read[i].m.def.Name] = c
		}
		responses = append(responses, ']')
		if len(read) < len(part) {
			left = appendKeys(field(left, t.name), part[len(read):])
		}
	}
	if left == nil {
		left = append(left, '{')
	}
	out := append(append(field(nil, "Responses"), responses...), '}')
	out = append(append(field(out, "UnprocessedKeys"), left...), '}')
	meter(totals)
	return append(appendCapacities(out, b.capacity, false, totals), '}'), nil
}

// appendKeys writes the KeysAndAttributes with which the rest can be asked for.
func appendKeys(out []byte, rest []reading) []byte {
	how := rest[0].q
	out = append(out, `{"Keys":[`...)
	for i, r := range rest {
		if i > 0 {
			out = append(out, ',')
		}
		out = attr.AppendItem(out, r.q.key)
	}
	out = append(out, ']')
	if how.consistent {
		out = append(out, `,"ConsistentRead":true`...)
	}
	if how.projection != nil {
		out = attr.AppendString(append(out, `,"ProjectionExpression":`...), *how.projection)
	}
	if how.names != nil {
		out = append(out, `,"ExpressionAttributeNames":`...)
		sep := byte('{')
		for k, v := range how.names {
			out = attr.AppendString(append(attr.AppendString(append(out, sep), k), ':'), v)
			sep = ','
		}
		out = append(out, '}')
	}
	return append(out, '}')
}
