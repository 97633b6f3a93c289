package dynamodb

import "github.com/starburst-go/starburst/internal/localaws/awsjson"

// operations are all that this endpoint answers; every other one is refused by name.
func (s *Service) operations() map[string]awsjson.Operation {
	return map[string]awsjson.Operation{
		"PutItem":    onItems(s.putItem),
		"GetItem":    onItems(s.getItem),
		"UpdateItem": onItems(s.updateItem),
		"DeleteItem": onItems(s.deleteItem),
		"Query":      onItems(s.query),
		"Scan":       onItems(s.scan),

		"BatchGetItem":       onBody(s.batchGetItem),
		"BatchWriteItem":     onBody(s.batchWriteItem),
		"TransactGetItems":   onBody(s.transactGetItems),
		"TransactWriteItems": onBody(s.transactWriteItems),
		"ExecuteStatement":   onBody(s.executeStatement),

		"CreateTable":        awsjson.Op(s.createTable),
		"DescribeTable":      awsjson.Op(s.describeTable),
		"ListTables":         awsjson.Op(s.listTables),
		"UpdateTable":        awsjson.Op(s.updateTable),
		"DeleteTable":        awsjson.Op(s.deleteTable),
		"UpdateTimeToLive":   awsjson.Op(s.updateTimeToLive),
		"DescribeTimeToLive": awsjson.Op(s.describeTimeToLive),

		"TagResource":               awsjson.Op(s.tagResource),
		"UntagResource":             awsjson.Op(s.untagResource),
		"ListTagsOfResource":        awsjson.Op(s.listTagsOfResource),
		"UpdateContinuousBackups":   awsjson.Op(s.updateContinuousBackups),
		"DescribeContinuousBackups": awsjson.Op(s.describeContinuousBackups),
		"DescribeLimits":            awsjson.Op(s.describeLimits),
		"DescribeEndpoints":         s.describeEndpoints,
	}
}
