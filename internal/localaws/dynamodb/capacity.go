package dynamodb

import (
	"maps"
	"slices"
	"strconv"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// readUnits is the capacity of reading size bytes: a unit for 4 KiB, half of it when the read may be stale.
// Reading nothing costs as much as reading a little.
func readUnits(size int, consistent bool) float64 {
	units := float64(max(1, (size+4095)/4096))
	if !consistent {
		units /= 2
	}
	return units
}

// writeUnits is the capacity of writing size bytes: a unit for 1 KiB.
func writeUnits(size int) float64 { return float64(max(1, (size+1023)/1024)) }

// consumed is the capacity that a request consumed in a table and its indexes.
type consumed struct {
	read   bool
	table  float64
	global map[string]float64
	local  map[string]float64
}

// units is the capacity that a checked mutation consumes; factor is 2 in a transaction.
func (m *mutation) units(factor float64) consumed {
	size := 0
	if m.old != nil {
		size = m.old.size
	}
	if m.new != nil {
		size = max(size, m.new.size)
	}
	c := consumed{table: factor * writeUnits(size)}
	// An entry that moves costs a delete and a put; one that stays in its place only a put.
	for _, e := range m.stale {
		moved := !slices.ContainsFunc(m.fresh, func(f entry) bool { return f.index == e.index && samePlace(f.key, e.key) })
		if moved {
			c.add(e.index, factor*writeUnits(e.size))
		}
	}
	for _, e := range m.fresh {
		c.add(e.index, factor*writeUnits(e.size))
	}
	return c
}

func samePlace(a, b key) bool { return string(a.pk) == string(b.pk) && string(a.sk) == string(b.sk) }

func (c *consumed) add(x *index, units float64) {
	m := &c.global
	if x.Local {
		m = &c.local
	}
	if *m == nil {
		*m = make(map[string]float64)
	}
	(*m)[x.IndexName] += units
}

// plus adds another request's consumption.
func (c *consumed) plus(o consumed) {
	c.read = o.read
	c.table += o.table
	c.global = sum(c.global, o.global)
	c.local = sum(c.local, o.local)
}

func sum(a, b map[string]float64) map[string]float64 {
	if a == nil {
		a = make(map[string]float64, len(b))
	}
	for k, v := range b {
		a[k] += v
	}
	return a
}

// total is the capacity of table and indexes.
func (c consumed) total() float64 {
	total := c.table
	for _, m := range []map[string]float64{c.global, c.local} {
		for _, v := range m {
			total += v
		}
	}
	return total
}

// meter tells whoever listens what was consumed.
func (s *Service) meter(all map[string]consumed) {
	for _, c := range all {
		s.opt.OnUnits(c.read, c.total())
	}
}

// reportsCapacity tells whether ReturnConsumedCapacity asks for anything.
func reportsCapacity(which string) bool { return which == "TOTAL" || which == "INDEXES" }

// append writes a ConsumedCapacity; split adds ReadCapacityUnits or WriteCapacityUnits, as transactions report.
func (c consumed) append(out []byte, table, which string, split bool) []byte {
	total := c.total()
	out = append(out, `{"TableName":`...)
	out = attr.AppendString(out, table)
	out = append(out, ',')
	out = c.appendUnits(out, total, split)
	if which == "INDEXES" {
		out = append(out, `,"Table":{`...)
		out = append(c.appendUnits(out, c.table, split), '}')
		out = c.appendIndexes(out, "GlobalSecondaryIndexes", c.global, split)
		out = c.appendIndexes(out, "LocalSecondaryIndexes", c.local, split)
	}
	return append(out, '}')
}

func (c consumed) appendIndexes(out []byte, name string, units map[string]float64, split bool) []byte {
	if len(units) == 0 {
		return out
	}
	out = field(out, name)
	sep := byte('{')
	for _, k := range slices.Sorted(maps.Keys(units)) {
		out = attr.AppendString(append(out, sep), k)
		out = append(c.appendUnits(append(out, ":{"...), units[k], split), '}')
		sep = ','
	}
	return append(out, '}')
}

func (c consumed) appendUnits(out []byte, units float64, split bool) []byte {
	if split {
		name := `"WriteCapacityUnits":`
		if c.read {
			name = `"ReadCapacityUnits":`
		}
		out = append(out, name...)
		out = strconv.AppendFloat(out, units, 'f', -1, 64)
		out = append(out, ',')
	}
	out = append(out, `"CapacityUnits":`...)
	return strconv.AppendFloat(out, units, 'f', -1, 64)
}
