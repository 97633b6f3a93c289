package dynamodb

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

type updateTableInput struct {
	TableName                   string
	AttributeDefinitions        []attributeDefinition
	GlobalSecondaryIndexUpdates []indexUpdate

	BillingMode               string
	ProvisionedThroughput     *throughput
	OnDemandThroughput        *onDemand
	TableClass                string
	DeletionProtectionEnabled *bool
	StreamSpecification       *stream
	SSESpecification          *encryption
	WarmThroughput            json.RawMessage

	// Refused: there is one region here.
	ReplicaUpdates json.RawMessage
}

type indexUpdate struct {
	Create *indexInput
	Update *struct {
		IndexName             string
		ProvisionedThroughput *throughput
		OnDemandThroughput    *onDemand
	}
	Delete *struct{ IndexName string }
}

func (s *Service) updateTable(ctx context.Context, in *updateTableInput) (*tableOutput, error) {
	if in.ReplicaUpdates != nil {
		return nil, translate(unsupported("ReplicaUpdates", "it has one region"))
	}
	t, _, err := s.table(nameOfARN(in.TableName))
	if err != nil {
		return nil, translate(err)
	}
	_, err = s.change(ctx, t, func(d *definition) error {
		d.addAttributes(in.AttributeDefinitions)
		d.Settings.change(in, s.now())
		if err := d.validateBilling(); err != nil {
			return err
		}
		for _, u := range in.GlobalSecondaryIndexUpdates {
			if err := d.changeIndex(u); err != nil {
				return err
			}
		}
		d.dropUnusedAttributes()
		return nil
	})
	if err != nil {
		return nil, translate(err)
	}
	s.kick()
	return s.describe(ctx, t, "ACTIVE")
}

// addAttributes merges definitions: UpdateTable may repeat those that are known.
func (d *definition) addAttributes(given []attributeDefinition) {
	for _, a := range given {
		known := func(o attributeDefinition) bool { return o.AttributeName == a.AttributeName }
		if !slices.ContainsFunc(d.Attributes, known) {
			d.Attributes = append(d.Attributes, a)
		}
	}
}

// dropUnusedAttributes forgets the attributes of a deleted index.
func (d *definition) dropUnusedAttributes() {
	used := map[string]bool{}
	for _, e := range d.KeySchema {
		used[e.AttributeName] = true
	}
	for _, x := range d.Indexes {
		for _, e := range x.KeySchema {
			used[e.AttributeName] = true
		}
	}
	d.Attributes = slices.DeleteFunc(d.Attributes, func(a attributeDefinition) bool { return !used[a.AttributeName] })
}

func (d *definition) changeIndex(u indexUpdate) error {
	switch {
	case u.Create != nil:
		x := u.Create.index(false)
		x.Filling = true
		d.Indexes = append(d.Indexes, x)
		if err := d.validateAttributes(); err != nil {
			return err
		}
		return d.validateIndexes()
	case u.Delete != nil:
		x := d.index(u.Delete.IndexName)
		if x == nil || x.Local {
			return noIndex(u.Delete.IndexName)
		}
		d.Indexes = slices.DeleteFunc(d.Indexes, func(o index) bool { return o.IndexName == u.Delete.IndexName })
		return nil
	case u.Update != nil:
		x := d.index(u.Update.IndexName)
		if x == nil || x.Local {
			return noIndex(u.Update.IndexName)
		}
		if u.Update.ProvisionedThroughput != nil {
			x.Throughput = u.Update.ProvisionedThroughput
		}
		if u.Update.OnDemandThroughput != nil {
			x.OnDemand = u.Update.OnDemandThroughput
		}
		return nil
	}
	return invalid("One or more parameter values were invalid: a GlobalSecondaryIndexUpdate must hold Create, Update or Delete")
}

func noIndex(name string) error {
	return awsjson.Errorf("ResourceNotFoundException", "Requested resource not found: index: %s not found", name)
}

// change replaces a table's definition by what edit makes of a copy. Indexes that edit adds get their
// numbers, those that it takes away are dropped. Writes that come after it in the database see the new one.
func (s *Service) change(ctx context.Context, t *table, edit func(*definition) error) (*definition, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	old := t.def.Load()
	if t.dropped.Load() {
		return nil, noTable(old.Name)
	}
	d := old.clone()
	if err := edit(d); err != nil {
		return nil, err
	}
	// Not cancelled halfway: what is in memory must be what is committed.
	err := s.db.Update(context.WithoutCancel(ctx), func(tx *db.Tx) (err error) {
		for i := range d.Indexes {
			if d.Indexes[i].ID != 0 {
				continue
			}
			if d.Indexes[i].ID, err = newID(tx); err != nil {
				return err
			}
		}
		for _, x := range old.Indexes {
			if slices.ContainsFunc(d.Indexes, func(o index) bool { return o.ID == x.ID }) {
				continue
			}
			if err := drop(tx, x.ID, dropIndex); err != nil {
				return err
			}
		}
		if err := d.save(tx); err != nil {
			return err
		}
		t.def.Store(d.derive())
		return nil
	})
	if err != nil {
		t.def.Store(old)
		return nil, err
	}
	return d, nil
}
