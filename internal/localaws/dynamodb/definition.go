package dynamodb

import (
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

// definition is all that is known of a table but its items. It is immutable: a change makes a new one.
// It is stored as JSON; the parts that have AWS's shapes are echoed by DescribeTable as they are.
type definition struct {
	ID      int64   `json:"id"`
	Name    string  `json:"name"`
	UUID    string  `json:"uuid"`
	Created float64 `json:"created"` // Unix seconds

	Attributes []attributeDefinition `json:"attributes"`
	KeySchema  []keyElement          `json:"keySchema"`
	Indexes    []index               `json:"indexes,omitempty"`

	Settings settings `json:"settings"`
	TTL      ttl      `json:"ttl"`
	Tags     []tag    `json:"tags,omitempty"`
	// Recovery is the time in Unix seconds since which point-in-time recovery is on; 0 when it is off.
	Recovery float64 `json:"recovery,omitempty"`

	keys keys // derived
}

type attributeDefinition struct {
	AttributeName string
	AttributeType string
}

type keyElement struct {
	AttributeName string
	KeyType       string
}

type projection struct {
	ProjectionType   string   `json:",omitempty"`
	NonKeyAttributes []string `json:",omitempty"`
}

type throughput struct {
	ReadCapacityUnits  int64
	WriteCapacityUnits int64
}

type tag struct {
	Key   string
	Value string
}

// ttl is the time-to-live setting. Attribute stays while it is off, for DescribeTimeToLive's sake.
type ttl struct {
	Attribute string `json:"attribute,omitempty"`
	On        bool   `json:"on,omitempty"`
	// Filling: items written before it was switched on are still being looked through.
	Filling bool `json:"filling,omitempty"`
}

// index is a secondary index, global or local.
type index struct {
	ID         int64
	IndexName  string
	Local      bool `json:",omitempty"`
	KeySchema  []keyElement
	Projection projection
	Throughput *throughput `json:",omitempty"`
	OnDemand   *onDemand   `json:",omitempty"`
	// Filling: items written before the index was added are still being entered.
	Filling bool `json:",omitempty"`

	keys     keys             // derived
	includes *expr.Projection // derived; nil for ALL
}

// keys are the names and types of a key's attributes; sort.name is "" when there is none.
type keys struct{ hash, sort keyAttr }

type keyAttr struct {
	name string
	kind attr.Kind
}

func (k keys) has(name string) bool { return name == k.hash.name || name == k.sort.name && name != "" }

func (k keys) count() int {
	if k.sort.name == "" {
		return 1
	}
	return 2
}

// pick is the part of an item that is its key.
func (k keys) pick(it attr.Item) attr.Item {
	out := attr.Item{{Name: k.hash.name, Value: it.Get(k.hash.name)}}
	if k.sort.name != "" {
		out = out.With(k.sort.name, it.Get(k.sort.name))
	}
	return out
}

// derive fills the fields that follow from the others.
func (d *definition) derive() *definition {
	d.keys = d.keysOf(d.KeySchema)
	for i := range d.Indexes {
		x := &d.Indexes[i]
		x.keys = d.keysOf(x.KeySchema)
		x.includes = nil
		if x.Projection.ProjectionType != "ALL" {
			names := []string{d.keys.hash.name, d.keys.sort.name, x.keys.hash.name, x.keys.sort.name}
			names = append(names, x.Projection.NonKeyAttributes...)
			slices.Sort(names)
			names = slices.Compact(names)
			x.includes = expr.Names(slices.DeleteFunc(names, func(n string) bool { return n == "" }))
		}
	}
	return d
}

func (d *definition) keysOf(schema []keyElement) (k keys) {
	for _, e := range schema {
		a := keyAttr{e.AttributeName, d.typeOf(e.AttributeName)}
		if e.KeyType == "HASH" {
			k.hash = a
		} else {
			k.sort = a
		}
	}
	return k
}

func (d *definition) typeOf(attribute string) attr.Kind {
	for _, a := range d.Attributes {
		if a.AttributeName == attribute {
			return attr.ParseKind(a.AttributeType)
		}
	}
	return attr.None
}

func (d *definition) index(name string) *index {
	for i := range d.Indexes {
		if d.Indexes[i].IndexName == name {
			return &d.Indexes[i]
		}
	}
	return nil
}

// clone is a copy whose slices may be changed.
func (d *definition) clone() *definition {
	c := *d
	c.Attributes = slices.Clone(d.Attributes)
	c.Indexes = slices.Clone(d.Indexes)
	c.Tags = slices.Clone(d.Tags)
	return &c
}

// validName tells whether a table or index may be called so.
func validName(name string) bool {
	return len(name) >= 3 && len(name) <= 255 && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
	}) < 0
}
