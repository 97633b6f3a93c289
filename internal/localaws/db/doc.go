// Package db keeps the local endpoint's state in one SQLite file.
//
// All writes go through a single writer. Callers hand it functions; it runs as
// many as are waiting inside one transaction and answers them all after that
// transaction's commit (a group commit), so that a thousand small writes cost
// a few commits:
//
//	err := d.Update(ctx, func(tx *db.Tx) error {
//		_, err := tx.Exec(`INSERT INTO ddb_item(pk, body) VALUES (?, ?)`, key, body)
//		return err
//	})
//
// [DB.Queue] is for writes that nobody waits for, such as the visibility
// deadline of a received message: they ride along with the next group, in
// order. [DB.View] reads committed state on other connections.
//
// # Durability
//
// The journal is a WAL and synchronous is OFF: after a commit everything is in
// the kernel's page cache. That survives kill -9 of this process, which is
// what the endpoint promises, and not a power failure or a kernel crash, which
// is the price for answering in tens of microseconds.
package db
