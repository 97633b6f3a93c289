// Package dynamodb is a DynamoDB endpoint on SQLite: the JSON protocol of DynamoDB_20120810 as an
// http.Handler, for laptop mode.
//
//	d, err := db.Open("state.db")
//	s, err := dynamodb.New(d, dynamodb.Options{})
//	defer s.Close()
//	err = http.ListenAndServe("127.0.0.1:8000", s)
//
// # Where things are
//
//	attr/            values, items, numbers, keys, their JSON
//	expr/            the expression language
//	request.go       the input of operations on items, decoded by hand
//	item.go          PutItem, GetItem, UpdateItem, DeleteItem
//	mutation.go      one change of one item: check, then apply
//	query.go scan.go page.go   reading many items
//	batch.go transact.go       several items in one request
//	partiql.go       ExecuteStatement for SELECT by key
//	tables.go …      definitions of tables and indexes
//	background.go …  time to live, filling of new indexes, remains of deleted tables
//
// # What holds
//
// A write is answered after the commit that holds it, so a kill -9 loses nothing that was answered. All
// writes run one after the other in the database's single writer; within it a condition is asked and
// the item written without anything in between, and a transaction checks all its parts before it
// writes any. Every read is consistent, ConsistentRead or not; only the price differs.
//
// Numbers are exact, limits and error texts are DynamoDB's where they are known. Tables and indexes
// are usable as soon as the call returns, except that a global index added to a table with items is
// CREATING while these are entered.
//
// # What is refused
//
// Every operation that operations.go does not list gives UnknownOperationException naming it: streams,
// backups and exports, global tables, resource policies, and PartiQL in batches and transactions.
// The legacy parameters (Expected, AttributeUpdates, KeyConditions, …) give a ValidationException
// that names the one to use instead.
package dynamodb
