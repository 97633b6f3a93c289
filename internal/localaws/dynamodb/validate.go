package dynamodb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
)

// Limits of a table (DynamoDB, "Service, account, and table quotas").
const (
	maxGlobalIndexes = 20
	maxLocalIndexes  = 5
	maxProjected     = 100 // attributes named by the projections of all indexes
)

// validate checks the definition of a new table.
func (d *definition) validate(in *createTableInput) error {
	switch {
	case d.Name == "":
		return invalid("The parameter 'TableName' is required but was not present in the request")
	case !validName(d.Name):
		return invalid("Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'")
	case len(in.GlobalSecondaryIndexes) > maxGlobalIndexes:
		return invalid("One or more parameter values were invalid: GlobalSecondaryIndex count exceeds the per-table limit of %d", maxGlobalIndexes)
	case len(in.LocalSecondaryIndexes) > maxLocalIndexes:
		return invalid("One or more parameter values were invalid: Number of LocalSecondaryIndexes exceeds per-table limit of %d", maxLocalIndexes)
	}
	if err := d.validateAttributes(); err != nil {
		return err
	}
	if err := d.validateKeys(d.KeySchema, ""); err != nil {
		return err
	}
	if err := d.validateBilling(); err != nil {
		return err
	}
	if err := oneOf("tableClass", d.Settings.TableClass, "STANDARD", "STANDARD_INFREQUENT_ACCESS"); err != nil {
		return err
	}
	if err := d.validateIndexes(); err != nil {
		return err
	}
	return d.validateUse()
}

func (d *definition) validateAttributes() error {
	for i, a := range d.Attributes {
		if !slices.Contains([]string{"S", "N", "B"}, a.AttributeType) {
			return invalid("1 validation error detected: Value '%s' at 'attributeDefinitions.%d.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]", a.AttributeType, i+1)
		}
		if d.typeOf(a.AttributeName) != attr.ParseKind(a.AttributeType) {
			return invalid("Cannot have two attributes with the same name: %s", a.AttributeName)
		}
	}
	return nil
}

// validateKeys checks a key schema; where is "" for the table's.
func (d *definition) validateKeys(schema []keyElement, where string) error {
	suffix := ""
	if where != "" {
		suffix = ", index: " + where
	}
	if len(schema) < 1 || len(schema) > 2 {
		return invalid("Invalid KeySchema: it must have one HASH and at most one RANGE element%s", suffix)
	}
	for i, e := range schema {
		want := []string{"HASH", "RANGE"}[i]
		if e.KeyType != want {
			return invalid("Invalid KeySchema: The %s KeySchemaElement is not a %s key type%s", []string{"first", "second"}[i], want, suffix)
		}
		if d.typeOf(e.AttributeName) == attr.None {
			return invalid("One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: %s", e.AttributeName, d.attributeNames())
		}
	}
	if len(schema) == 2 && schema[0].AttributeName == schema[1].AttributeName {
		return invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name%s", suffix)
	}
	return nil
}

func (d *definition) attributeNames() string {
	names := make([]string, len(d.Attributes))
	for i, a := range d.Attributes {
		names[i] = a.AttributeName
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func (d *definition) validateBilling() error {
	s := d.Settings
	switch {
	case s.BillingMode != onDemandBilling && s.BillingMode != provisionedBilling:
		return invalid("1 validation error detected: Value '%s' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]", s.BillingMode)
	case s.BillingMode == onDemandBilling && s.ProvisionedThroughput != nil:
		return invalid("One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case s.BillingMode == provisionedBilling && s.ProvisionedThroughput == nil:
		return invalid("One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	case s.ProvisionedThroughput != nil && (s.ProvisionedThroughput.ReadCapacityUnits < 1 || s.ProvisionedThroughput.WriteCapacityUnits < 1):
		return invalid("One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must be at least 1")
	}
	return nil
}

func (d *definition) validateIndexes() error {
	projected := 0
	for i, x := range d.Indexes {
		if err := d.validateIndex(x); err != nil {
			return err
		}
		projected += len(x.Projection.NonKeyAttributes)
		if slices.ContainsFunc(d.Indexes[:i], func(o index) bool { return o.IndexName == x.IndexName }) {
			return invalid("One or more parameter values were invalid: Duplicate index name: %s", x.IndexName)
		}
	}
	if projected > maxProjected {
		return invalid("One or more parameter values were invalid: Number of NonKeyAttributes of all indexes exceeds the limit of %d", maxProjected)
	}
	return nil
}

func (d *definition) validateIndex(x index) error {
	if !validName(x.IndexName) {
		return invalid("Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'")
	}
	if err := d.validateKeys(x.KeySchema, x.IndexName); err != nil {
		return err
	}
	named := len(x.Projection.NonKeyAttributes) > 0
	switch x.Projection.ProjectionType {
	case "ALL", "KEYS_ONLY":
		if named {
			return invalid("One or more parameter values were invalid: ProjectionType is %s, but NonKeyAttributes is specified", x.Projection.ProjectionType)
		}
	case "INCLUDE":
		if !named {
			return invalid("One or more parameter values were invalid: ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
		}
	default:
		return invalid("One or more parameter values were invalid: Unknown ProjectionType: %s", x.Projection.ProjectionType)
	}
	if !x.Local {
		return nil
	}
	switch {
	case len(d.KeySchema) < 2:
		return invalid("One or more parameter values were invalid: Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
	case len(x.KeySchema) < 2:
		return invalid("One or more parameter values were invalid: Index KeySchema does not have a range key for index: %s", x.IndexName)
	case x.KeySchema[0].AttributeName != d.KeySchema[0].AttributeName:
		return invalid("One or more parameter values were invalid: Table KeySchema and index KeySchema do not have the same HASH key for index: %s", x.IndexName)
	}
	return nil
}

// validateUse refuses attributes that are defined but are in no key.
func (d *definition) validateUse() error {
	used := map[string]bool{}
	for _, e := range d.KeySchema {
		used[e.AttributeName] = true
	}
	for _, x := range d.Indexes {
		for _, e := range x.KeySchema {
			used[e.AttributeName] = true
		}
	}
	if len(used) == len(d.Attributes) {
		return nil
	}
	keys := make([]string, 0, len(used))
	for k := range used {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return invalid("One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions: keys %s, defined %s",
		fmt.Sprint(keys), d.attributeNames())
}
