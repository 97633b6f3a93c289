package dynamodb

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
)

const (
	onDemandBilling    = "PAY_PER_REQUEST"
	provisionedBilling = "PROVISIONED"
)

type indexInput struct {
	IndexName             string
	KeySchema             []keyElement
	Projection            projection
	ProvisionedThroughput *throughput
	OnDemandThroughput    *onDemand
}

type createTableInput struct {
	TableName              string
	AttributeDefinitions   []attributeDefinition
	KeySchema              []keyElement
	GlobalSecondaryIndexes []indexInput
	LocalSecondaryIndexes  []indexInput
	Tags                   []tag
	settings
}

type tableOutput struct {
	TableDescription *description
}

func (s *Service) createTable(ctx context.Context, in *createTableInput) (*tableOutput, error) {
	s.changing.Lock()
	defer s.changing.Unlock()

	d := in.definition(s.now())
	if err := d.validate(in); err != nil {
		return nil, translate(err)
	}
	s.mu.RLock()
	exists := s.tables[d.Name] != nil
	s.mu.RUnlock()
	if exists {
		return nil, awsjson.Errorf("ResourceInUseException", "Table already exists: %s", d.Name)
	}
	// Not cancelled halfway, here as in all changes of tables: what is in memory must be what is committed.
	err := s.db.Update(context.WithoutCancel(ctx), func(tx *db.Tx) (err error) {
		if d.ID, err = newID(tx); err != nil {
			return err
		}
		for i := range d.Indexes {
			if d.Indexes[i].ID, err = newID(tx); err != nil {
				return err
			}
		}
		return d.save(tx)
	})
	if err != nil {
		return nil, err
	}
	t := &table{id: d.ID}
	t.def.Store(d.derive())
	s.mu.Lock()
	s.tables[d.Name] = t
	s.mu.Unlock()
	return s.describe(ctx, t, "ACTIVE")
}

// definition makes the definition of a new table.
func (in *createTableInput) definition(now float64) *definition {
	d := &definition{
		Name: in.TableName, UUID: uuid.NewString(), Created: now,
		Attributes: in.AttributeDefinitions, KeySchema: in.KeySchema, Tags: in.Tags, Settings: in.settings,
	}
	d.Settings.BillingMode = cmp.Or(in.BillingMode, provisionedBilling)
	if d.Settings.BillingMode == onDemandBilling {
		d.Settings.OnDemandSince = now
	}
	d.Settings.setStream(in.StreamSpecification, now)
	for _, x := range in.GlobalSecondaryIndexes {
		d.Indexes = append(d.Indexes, x.index(false))
	}
	for _, x := range in.LocalSecondaryIndexes {
		d.Indexes = append(d.Indexes, x.index(true))
	}
	return d
}

func (in indexInput) index(local bool) index {
	return index{IndexName: in.IndexName, Local: local, KeySchema: in.KeySchema, Projection: in.Projection,
		Throughput: in.ProvisionedThroughput, OnDemand: in.OnDemandThroughput}
}

// save writes the definition.
func (d *definition) save(tx *db.Tx) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT OR REPLACE INTO ddb_tables(name, id, definition) VALUES (?, ?, ?)`, d.Name, d.ID, text)
	return err
}

type nameInput struct{ TableName string }

type describeTableOutput struct{ Table *description }

func (s *Service) describeTable(ctx context.Context, in *nameInput) (*describeTableOutput, error) {
	t, _, err := s.table(nameOfARN(in.TableName))
	if err != nil {
		return nil, translate(err)
	}
	out, err := s.describe(ctx, t, "ACTIVE")
	if err != nil {
		return nil, err
	}
	return &describeTableOutput{out.TableDescription}, nil
}

type listTablesInput struct {
	ExclusiveStartTableName string
	Limit                   *int
}

type listTablesOutput struct {
	TableNames             []string
	LastEvaluatedTableName string `json:",omitempty"`
}

func (s *Service) listTables(_ context.Context, in *listTablesInput) (*listTablesOutput, error) {
	limit := 100 // DynamoDB's default and maximum
	if in.Limit != nil {
		if limit = *in.Limit; limit < 1 || limit > 100 {
			return nil, translate(invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and 100", limit))
		}
	}
	out := &listTablesOutput{TableNames: []string{}}
	s.mu.RLock()
	for name := range s.tables {
		if name > in.ExclusiveStartTableName {
			out.TableNames = append(out.TableNames, name)
		}
	}
	s.mu.RUnlock()
	slices.Sort(out.TableNames)
	if len(out.TableNames) > limit {
		out.TableNames = out.TableNames[:limit]
		out.LastEvaluatedTableName = out.TableNames[limit-1]
	}
	return out, nil
}

// deleteTable forgets the table at once; its items are deleted in the background.
func (s *Service) deleteTable(ctx context.Context, in *nameInput) (*tableOutput, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	t, d, err := s.table(nameOfARN(in.TableName))
	if err != nil {
		return nil, translate(err)
	}
	if d.Settings.DeletionProtectionEnabled {
		return nil, translate(invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."))
	}
	out, err := s.describe(ctx, t, "DELETING")
	if err != nil {
		return nil, err
	}
	err = s.db.Update(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		if _, err := tx.Exec(`DELETE FROM ddb_tables WHERE name = ?`, d.Name); err != nil {
			return err
		}
		if err := drop(tx, d.ID, dropTable); err != nil {
			return err
		}
		for _, x := range d.Indexes {
			if err := drop(tx, x.ID, dropIndex); err != nil {
				return err
			}
		}
		t.dropped.Store(true)
		return nil
	})
	if err != nil {
		t.dropped.Store(false)
		return nil, err
	}
	s.mu.Lock()
	delete(s.tables, d.Name)
	s.mu.Unlock()
	s.kick()
	return out, nil
}

// now is the clock in AWS's form of time: Unix seconds with milliseconds.
func (s *Service) now() float64 { return float64(s.opt.Now().UnixMilli()) / 1000 }
