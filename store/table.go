package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/internal/awserr"
)

// tableWait bounds how long CreateTable waits for the table to become active; AWS needs about ten seconds.
const tableWait = 3 * time.Minute

// CreateTable makes the table (on demand, string keys pk and sk, TTL attribute
// exp) and returns when it can be used. A table that exists is checked and kept, so the call may be repeated.
func (s *Store) CreateTable(ctx context.Context) error {
	api, ok := s.api.(TableAPI)
	if !ok {
		return errors.New("create table: this store's API cannot create tables")
	}
	err := s.patient(ctx, "create table "+*s.table, func() error {
		_, err := api.CreateTable(ctx, &dynamodb.CreateTableInput{
			TableName:   s.table,
			BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String(attrPK), AttributeType: types.ScalarAttributeTypeS},
				{AttributeName: aws.String(attrSK), AttributeType: types.ScalarAttributeTypeS},
			},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String(attrPK), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String(attrSK), KeyType: types.KeyTypeRange},
			},
		})
		if awserr.IsExists(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := s.awaitTable(ctx, api); err != nil {
		return err
	}
	return s.enableTTL(ctx, api)
}

// awaitTable waits until the table is active and checks its keys.
func (s *Store) awaitTable(ctx context.Context, api TableAPI) error {
	// The waiter's own first delay is 20 s; a local table is there at once.
	w := dynamodb.NewTableExistsWaiter(api, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 2*time.Second
	})
	out, err := w.WaitForOutput(ctx, &dynamodb.DescribeTableInput{TableName: s.table}, tableWait)
	if err != nil {
		return fmt.Errorf("wait for table %s: %w", *s.table, err)
	}
	want := map[string]types.KeyType{attrPK: types.KeyTypeHash, attrSK: types.KeyTypeRange}
	for _, k := range out.Table.KeySchema {
		if want[aws.ToString(k.AttributeName)] != k.KeyType {
			return fmt.Errorf("table %s exists with the key %q (%s), which is not ours (pk, sk); choose another name", *s.table, aws.ToString(k.AttributeName), k.KeyType)
		}
	}
	if len(out.Table.KeySchema) != len(want) {
		return fmt.Errorf("table %s exists without a sort key; choose another name", *s.table)
	}
	return nil
}

// enableTTL asks first, because enabling twice is an error on AWS.
func (s *Store) enableTTL(ctx context.Context, api TableAPI) error {
	return s.patient(ctx, "enable expiry of table "+*s.table, func() error {
		out, err := api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: s.table})
		if err != nil {
			return err
		}
		if d := out.TimeToLiveDescription; d != nil {
			switch d.TimeToLiveStatus {
			case types.TimeToLiveStatusEnabled, types.TimeToLiveStatusEnabling:
				return nil
			default: // it has to be switched on
			}
		}
		_, err = api.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName:               s.table,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(attrExp), Enabled: aws.Bool(true)},
		})
		return err
	})
}
