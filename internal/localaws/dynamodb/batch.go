package dynamodb

import (
	"context"
	"maps"
	"slices"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Limits of requests on several items (DynamoDB API reference).
const (
	maxBatchWrites = 25
	maxBatchGets   = 100
	maxBatchBytes  = 16 << 20
)

// onBody makes an operation of a function that reads its input by hand.
func onBody(serve func(context.Context, *attr.Reader) (raw, error)) awsjson.Operation {
	return func(ctx context.Context, r *awsjson.Request) (any, error) {
		out, err := serve(ctx, attr.NewReader(string(r.Body)))
		if err != nil {
			return nil, translate(err)
		}
		return out, nil
	}
}

// batchRequest is the input of BatchWriteItem or BatchGetItem.
type batchRequest struct {
	tables   []batchTable
	capacity string
}

// batchTable is a table's part. name is as the caller gave it, which the response repeats.
type batchTable struct {
	name  string
	items []*request // one for each item; of BatchGetItem they share all but the key
}

func decodeBatch(rd *attr.Reader, part func(*attr.Reader, string) ([]*request, error)) (*batchRequest, error) {
	b := new(batchRequest)
	err := rd.Object(func(f string) (err error) {
		switch f {
		case "RequestItems":
			return rd.Object(func(name string) error {
				items, err := part(rd, nameOfARN(name))
				b.tables = append(b.tables, batchTable{name, items})
				return err
			})
		case "ReturnConsumedCapacity":
			b.capacity, err = rd.Str()
			return err
		}
		return rd.Skip()
	})
	if err == nil {
		err = rd.End()
	}
	if err == nil && len(b.tables) == 0 {
		err = invalid("1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	return b, err
}

// decodeWrites reads a list of PutRequest and DeleteRequest.
func decodeWrites(rd *attr.Reader, table string) (list []*request, err error) {
	err = rd.Array(func() error {
		q := &request{table: table}
		err := rd.Object(func(f string) error {
			if rd.Null() {
				return nil
			}
			if f != "PutRequest" && f != "DeleteRequest" {
				return rd.Skip()
			}
			return q.read(rd)
		})
		if err == nil && (q.item == nil) == (q.key == nil) {
			err = invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of PutRequest and DeleteRequest")
		}
		list = append(list, q)
		return err
	})
	if err == nil && len(list) == 0 {
		err = invalid("The batch write request list for a table cannot be null or empty: %s", table)
	}
	return list, err
}

func (s *Service) batchWriteItem(ctx context.Context, rd *attr.Reader) (raw, error) {
	b, err := decodeBatch(rd, decodeWrites)
	if err != nil {
		return nil, err
	}
	all, err := s.batchMutations(b)
	if err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, func(tx *db.Tx) error {
		for _, m := range all {
			if err := m.check(tx); err != nil {
				return err
			}
		}
		for _, m := range all {
			if err := m.apply(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	totals := sumUnits(all, 1)
	s.meter(totals)
	out := append(field(nil, "UnprocessedItems"), "{}"...)
	return append(appendCapacities(out, b.capacity, false, totals), '}'), nil
}

func (s *Service) batchMutations(b *batchRequest) ([]*mutation, error) {
	var all []*mutation
	for _, t := range b.tables {
		for _, q := range t.items {
			m, err := s.mutation(q)
			if err != nil {
				return nil, err
			}
			m.wantOld = reportsCapacity(b.capacity)
			if q.item != nil {
				err = m.puts(q)
			} else {
				err = m.removes(q)
			}
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	if len(all) > maxBatchWrites {
		return nil, invalid("Too many items requested for the BatchWriteItem call: %d, at most %d", len(all), maxBatchWrites)
	}
	if repeated(all) {
		return nil, invalid("Provided list of item keys contains duplicates")
	}
	return all, nil
}

// repeated tells whether two mutations are of one item.
func repeated(all []*mutation) bool {
	type id struct {
		table  int64
		pk, sk string
	}
	seen := make(map[id]bool, len(all))
	for _, m := range all {
		k := id{m.table.id, string(m.key.pk), string(m.key.sk)}
		if seen[k] {
			return true
		}
		seen[k] = true
	}
	return false
}

// sumUnits adds up what mutations consumed in each table.
func sumUnits(all []*mutation, factor float64) map[string]consumed {
	totals := make(map[string]consumed)
	for _, m := range all {
		c := totals[m.def.Name]
		c.plus(m.units(factor))
		totals[m.def.Name] = c
	}
	return totals
}

// appendCapacities writes the ConsumedCapacity of requests on several tables, which is a list.
func appendCapacities(out []byte, which string, split bool, totals map[string]consumed) []byte {
	if !reportsCapacity(which) {
		return out
	}
	out = append(field(out, "ConsumedCapacity"), '[')
	for i, name := range slices.Sorted(maps.Keys(totals)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = totals[name].append(out, name, which, split)
	}
	return append(out, ']')
}
