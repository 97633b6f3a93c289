package dynamodb

import (
	"context"
	"errors"
	"slices"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// raw is a response that is JSON already.
type raw []byte

// AppendJSON implements awsjson.Appender.
func (r raw) AppendJSON(dst []byte) ([]byte, error) { return append(dst, r...), nil }

// onItems makes an operation of a function that takes a request on items.
func onItems(serve func(context.Context, *request) (raw, error)) awsjson.Operation {
	return func(ctx context.Context, r *awsjson.Request) (any, error) {
		q, err := decode(r.Body)
		if err != nil {
			return nil, translate(err)
		}
		out, err := serve(ctx, q)
		if err != nil {
			return nil, translate(err)
		}
		if out == nil {
			return nil, nil
		}
		return out, nil
	}
}

func (s *Service) putItem(ctx context.Context, q *request) (raw, error) {
	if err := oneOf("returnValues", q.returnValues, "NONE", "ALL_OLD"); err != nil {
		return nil, err
	}
	m, err := s.mutation(q)
	if err != nil {
		return nil, err
	}
	if err := m.puts(q); err != nil {
		return nil, err
	}
	return s.write(ctx, q, m)
}

func (s *Service) deleteItem(ctx context.Context, q *request) (raw, error) {
	if err := oneOf("returnValues", q.returnValues, "NONE", "ALL_OLD"); err != nil {
		return nil, err
	}
	m, err := s.mutation(q)
	if err != nil {
		return nil, err
	}
	if err := m.removes(q); err != nil {
		return nil, err
	}
	return s.write(ctx, q, m)
}

func (s *Service) updateItem(ctx context.Context, q *request) (raw, error) {
	if err := oneOf("returnValues", q.returnValues, "NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"); err != nil {
		return nil, err
	}
	m, err := s.mutation(q)
	if err != nil {
		return nil, err
	}
	if err := m.updates(q); err != nil {
		return nil, err
	}
	return s.write(ctx, q, m)
}

// mutation prepares what all changes of an item have in common; puts, removes or updates completes it.
func (s *Service) mutation(q *request) (*mutation, error) {
	if err := oneOf("returnValuesOnConditionCheckFailure", q.returnOnFailure, "ALL_OLD", "NONE"); err != nil {
		return nil, err
	}
	p, err := q.prepare(s.engine)
	if err != nil {
		return nil, err
	}
	t, def, err := s.table(q.table)
	if err != nil {
		return nil, err
	}
	return &mutation{table: t, def: def, cond: p.condition, update: p.update}, nil
}

func (m *mutation) puts(q *request) (err error) {
	if q.item == nil {
		return invalid("Value null at 'item' failed to satisfy constraint: Member must not be null")
	}
	if m.key, err = m.def.keys.ofItem(q.item); err != nil {
		return err
	}
	m.put, err = newRow(q.item, "Item size has exceeded the maximum allowed size")
	return err
}

func (m *mutation) removes(q *request) error {
	m.remove = true
	return m.at(q)
}

// at takes the place from the Key parameter.
func (m *mutation) at(q *request) (err error) {
	if q.key == nil {
		return invalid("Value null at 'key' failed to satisfy constraint: Member must not be null")
	}
	m.keyItem = q.key
	m.key, err = m.def.keys.ofKey(q.key)
	return err
}

func (m *mutation) updates(q *request) error {
	m.touch = true
	if m.update != nil {
		for _, p := range m.update.Paths() {
			if m.def.keys.has(p.Top()) {
				return invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", p.Top())
			}
		}
	}
	return m.at(q)
}

// write runs a mutation alone and words the response.
func (s *Service) write(ctx context.Context, q *request, m *mutation) (raw, error) {
	m.wantOld = reportsCapacity(q.returnCapacity) || q.returnValues == "ALL_OLD"
	var failed error // kept apart: the insert may have run before it failed
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		if !m.wantOld {
			if done, err := m.insertNew(tx); done || err != nil {
				return err
			}
		}
		m.new = nil
		if failed = m.check(tx); failed != nil {
			return nil //nolint:nilerr // failed has it; an error from here says that nothing was written
		}
		return m.apply(tx)
	})
	if err != nil {
		return nil, err
	}
	if errors.Is(failed, errCondition) || failed == nil {
		s.opt.OnUnits(false, m.units(1).total()) // a write that is refused is billed as one that is not
	}
	if errors.Is(failed, errCondition) && q.returnOnFailure == "ALL_OLD" && m.old != nil {
		failed = conditionFailed(m.old.json)
	}
	if failed != nil {
		return nil, failed
	}
	return m.response(q)
}

// response gives the attributes that ReturnValues asks for, and the capacity consumed.
func (m *mutation) response(q *request) (raw, error) {
	attributes, err := m.returned(q.returnValues)
	if err != nil {
		return nil, err
	}
	var out raw
	if attributes != nil {
		out = append(out, `{"Attributes":`...)
		out = append(out, attributes...)
	}
	if units := m.units(1); reportsCapacity(q.returnCapacity) {
		out = field(out, "ConsumedCapacity")
		out = units.append(out, q.table, q.returnCapacity, false)
	}
	if out == nil {
		return nil, nil
	}
	return append(out, '}'), nil
}

// field begins a member of the object that out is, or begins the object.
func field(out []byte, name string) []byte {
	if len(out) == 0 {
		out = append(out, '{')
	} else {
		out = append(out, ',')
	}
	out = append(out, '"')
	out = append(out, name...)
	return append(out, `":`...)
}

// returned is the JSON of the attributes that ReturnValues asks for; nil for none.
func (m *mutation) returned(which string) ([]byte, error) {
	r := m.old
	if which == "ALL_NEW" || which == "UPDATED_NEW" {
		r = m.new
	}
	switch {
	case r == nil || which == "" || which == "NONE":
		return nil, nil
	case which == "ALL_OLD" || which == "ALL_NEW":
		return r.json, nil
	case m.update == nil:
		return nil, nil
	}
	it, err := r.load()
	if err != nil {
		return nil, err
	}
	// As DynamoDB does: the parts that the update names, not the attributes they are in.
	it = m.update.Projection().Apply(it)
	if len(it) == 0 {
		return nil, nil
	}
	return attr.AppendItem(nil, it), nil
}

func (s *Service) getItem(ctx context.Context, q *request) (raw, error) {
	p, err := q.prepare(s.engine)
	if err != nil {
		return nil, err
	}
	t, def, err := s.table(q.table)
	if err != nil {
		return nil, err
	}
	m := mutation{def: def}
	if err := m.at(q); err != nil {
		return nil, err
	}
	var r *row
	err = s.db.View(ctx, func(c *db.Conn) (err error) {
		r, err = readRow(c, t.id, m.key)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out raw
	size := 0
	if r != nil {
		size = r.size
		if p.projection != nil {
			it, err := r.load()
			if err != nil {
				return nil, err
			}
			r.json = attr.AppendItem(nil, p.projection.Apply(it))
		}
		out = slices.Concat([]byte(`{"Item":`), r.json)
	}
	c := consumed{read: true, table: readUnits(size, q.consistent)}
	s.opt.OnUnits(true, c.total())
	if reportsCapacity(q.returnCapacity) {
		out = field(out, "ConsumedCapacity")
		out = c.append(out, q.table, q.returnCapacity, false)
	}
	if out == nil {
		return nil, nil
	}
	return append(out, '}'), nil
}
