package dynamodb

import "github.com/starburst-go/starburst/internal/localaws/db"

// The tables in SQLite. A DynamoDB table and an index have numbers, so that dropping one is forgetting
// its number; its rows are deleted bit by bit afterwards (ddb_dropped).
//
// Items are kept as their JSON: Query and GetItem, the most frequent reads, then copy bytes. size is what
// DynamoDB accounts for the item; exp its time to live in Unix seconds, where the table has one. An
// index row is a key and a pointer; size is that of the projected item.
var createTables = []string{
	`CREATE TABLE IF NOT EXISTS ddb_tables(
		name TEXT PRIMARY KEY, id INTEGER NOT NULL, definition TEXT NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS ddb_ids(id INTEGER PRIMARY KEY AUTOINCREMENT)`,
	`CREATE TABLE IF NOT EXISTS ddb_items(
		tbl INTEGER NOT NULL, pk BLOB NOT NULL, sk BLOB NOT NULL,
		size INTEGER NOT NULL, exp INTEGER, item BLOB NOT NULL,
		PRIMARY KEY(tbl, pk, sk)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS ddb_expiring ON ddb_items(tbl, exp) WHERE exp IS NOT NULL`,
	`CREATE TABLE IF NOT EXISTS ddb_index(
		idx INTEGER NOT NULL, ipk BLOB NOT NULL, isk BLOB NOT NULL, pk BLOB NOT NULL, sk BLOB NOT NULL,
		size INTEGER NOT NULL,
		PRIMARY KEY(idx, ipk, isk, pk, sk)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS ddb_dropped(id INTEGER PRIMARY KEY, kind TEXT NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS ddb_tokens(
		token TEXT PRIMARY KEY, request BLOB NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS ddb_tokens_by_age ON ddb_tokens(at)`,
}

// newID gives a number that no table or index has had before.
func newID(tx *db.Tx) (id int64, err error) {
	if _, err := tx.Exec(`INSERT INTO ddb_ids DEFAULT VALUES`); err != nil {
		return 0, err
	}
	if _, err := tx.Row(`SELECT last_insert_rowid()`, nil, &id); err != nil {
		return 0, err
	}
	_, err = tx.Exec(`DELETE FROM ddb_ids WHERE id < ?`, id) // the sequence itself is in sqlite_sequence
	return id, err
}
