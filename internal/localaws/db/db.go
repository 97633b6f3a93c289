package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("database is closed")

const (
	// maxReaders bounds the read connections; each has its own page cache.
	maxReaders = 4
	// busyTimeoutMillis covers another process looking into the file (sqlite3 shell).
	busyTimeoutMillis = 10_000
)

// DB is one SQLite file with a single writer and a few readers.
// Its methods may be called from any goroutine.
type DB struct {
	dsn     string
	onError func(error)

	w *writer

	readers chan *Conn // idle read connections; nil means "open one"
	mu      sync.Mutex // protects closed
	closed  bool
}

// Option changes how Open opens a database.
type Option func(*DB)

// OnError sets a function that is told about failures of functions given to
// Queue and of group commits, which no caller may be waiting for. It is called
// from the writer's goroutine. Default: they are dropped.
func OnError(report func(error)) Option { return func(d *DB) { d.onError = report } }

// Open opens the database file at path, creating it if it does not exist, and
// starts its writer. Close must be called to stop it.
func Open(path string, options ...Option) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d := &DB{
		dsn:     (&url.URL{Scheme: "file", Path: abs}).String(),
		onError: func(error) {},
		readers: make(chan *Conn, maxReaders),
	}
	for _, o := range options {
		o(d)
	}
	c, err := d.connect(
		`PRAGMA journal_mode=WAL`,
		`PRAGMA synchronous=OFF`,
		`PRAGMA temp_store=MEMORY`,
		`PRAGMA cache_size=-4096`,
		// Larger than SQLite's 1,000 pages: hot pages are rewritten many times
		// before they are copied back.
		`PRAGMA wal_autocheckpoint=4000`,
		`PRAGMA journal_size_limit=67108864`,
	)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	for range maxReaders {
		d.readers <- nil
	}
	d.w = startWriter(c, d.onError)
	return d, nil
}

// connect opens one connection and runs the given pragmas on it.
func (d *DB) connect(pragmas ...string) (*Conn, error) {
	connector, err := sqlite.NewConnector(d.dsn)
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	preparer, ok := raw.(driver.ConnPrepareContext)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T prepares nothing with a context", raw), raw.Close())
	}
	c := newConn(preparer, raw.Close)
	pragmas = append([]string{fmt.Sprintf(`PRAGMA busy_timeout=%d`, busyTimeoutMillis)}, pragmas...)
	for _, p := range pragmas {
		rows, err := c.Query(p)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Close()
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", p, err), c.close())
		}
	}
	return c, nil
}

// Update runs write inside the writer's next transaction and returns after that
// transaction's commit.
//
// write must check first and write last: when it returns an error, the error is
// handed to the caller and write counts as having written nothing. If it did
// write before it failed, or if it panics, or if the commit fails, the whole
// transaction is rolled back and every member of the group gets an error.
//
// ctx bounds the waiting only: after an error that is ctx.Err(), write may still
// run and be committed.
func (d *DB) Update(ctx context.Context, write func(tx *Tx) error) error {
	return d.w.update(ctx, write)
}

// Queue runs write like Update, in the order of the calls of both, without
// waiting for it. A queued write alone does not start a transaction for
// LazyDelay, because an Update that it can join is usually not far. Queue never
// blocks and does nothing after Close.
func (d *DB) Queue(write func(tx *Tx) error) { d.w.queue(write) }

// LazyDelay is how long a queued write may wait for an Update to join. It bounds
// what a kill -9 can lose of writes that nobody waited for.
const LazyDelay = 5 * time.Millisecond

// View runs read on a connection that sees what is committed. Each of its
// queries sees the newest commit; use Snapshot for one state across several.
// ctx bounds the waiting for a connection only.
func (d *DB) View(ctx context.Context, read func(c *Conn) error) error {
	c, err := d.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { d.readers <- c }()
	return read(c)
}

// Snapshot is View with all queries of read seeing the same commit.
func (d *DB) Snapshot(ctx context.Context, read func(c *Conn) error) error {
	return d.View(ctx, func(c *Conn) (err error) {
		if _, err := c.exec(`BEGIN`); err != nil {
			return err
		}
		defer func() {
			if _, e := c.exec(`COMMIT`); err == nil {
				err = e
			}
		}()
		return read(c)
	})
}

func (d *DB) reader(ctx context.Context) (*Conn, error) {
	var c *Conn
	select {
	case c = <-d.readers:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		d.readers <- c
		return nil, ErrClosed
	}
	if c != nil {
		return c, nil
	}
	c, err := d.connect(`PRAGMA query_only=ON`, `PRAGMA cache_size=-4096`)
	if err != nil {
		d.readers <- nil
		return nil, fmt.Errorf("open a read connection: %w", err)
	}
	return c, nil
}

// Close commits what is queued, waits for the readers and closes the file.
func (d *DB) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()

	var errs []error
	for range maxReaders {
		if c := <-d.readers; c != nil {
			errs = append(errs, c.close())
		}
	}
	errs = append(errs, d.w.stop())
	for range maxReaders {
		d.readers <- nil // so that a late View gets ErrClosed instead of hanging
	}
	return errors.Join(errs...)
}
