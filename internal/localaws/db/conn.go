package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// maxStatements bounds the prepared statements one connection keeps. The
// services use a fixed set of texts; only generated SQL would exceed it.
const maxStatements = 256

// Conn is one SQLite connection with its prepared statements. It belongs to the
// function it was handed to, for the duration of the call.
//
// It uses the driver's connection directly: database/sql would add a pool, a
// mutex and several allocations to every statement, and the endpoint runs a few
// thousand statements a second.
type Conn struct {
	raw   driver.ConnPrepareContext
	shut  func() error
	stmts map[string]*stmt
	args  []driver.NamedValue // reused; a statement copies what it binds
}

// statement is what SQLite's driver prepares.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct {
	statement
	cached bool
	busy   bool // its Rows are open
}

func newConn(raw driver.ConnPrepareContext, shut func() error) *Conn {
	return &Conn{raw: raw, shut: shut, stmts: make(map[string]*stmt)}
}

func (c *Conn) prepare(query string) (*stmt, error) {
	s := c.stmts[query]
	if s != nil && !s.busy {
		return s, nil
	}
	prepared, err := c.raw.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	raw, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("prepare %q: the driver's %T takes no context", query, prepared), prepared.Close())
	}
	if s != nil {
		return &stmt{statement: raw}, nil // the cached one is in use: a nested query
	}
	if len(c.stmts) >= maxStatements {
		c.evict()
	}
	s = &stmt{statement: raw, cached: true}
	c.stmts[query] = s
	return s, nil
}

func (c *Conn) evict() {
	for q, s := range c.stmts {
		if !s.busy {
			_ = s.Close() // frees memory only; nothing depends on it
			delete(c.stmts, q)
		}
	}
}

// bind converts the arguments that the services use; anything else is a
// programming error, reported and not guessed at.
func (c *Conn) bind(args []any) ([]driver.NamedValue, error) {
	c.args = c.args[:0]
	for i, a := range args {
		var v driver.Value
		switch a := a.(type) {
		case nil, int64, float64, bool, string, []byte:
			v = a
		case int:
			v = int64(a)
		case int32:
			v = int64(a)
		case uint32:
			v = int64(a)
		default:
			return nil, fmt.Errorf("argument %d has type %T; use int64, float64, bool, string, []byte or nil", i+1, a)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return c.args, nil
}

// exec runs a statement and returns the number of rows it changed.
func (c *Conn) exec(query string, args ...any) (int64, error) {
	bound, err := c.bind(args)
	if err != nil {
		return 0, fmt.Errorf("exec %q: %w", query, err)
	}
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(context.Background(), bound)
	clear(bound) // keep no reference to a large body until the next statement
	if !s.cached {
		_ = s.Close()
	}
	if err != nil {
		return 0, fmt.Errorf("exec %q: %w", query, err)
	}
	return res.RowsAffected()
}

// Query runs a query. Arguments may be int, int32, uint32, int64, float64,
// bool, string, []byte and nil. The rows must be closed; an open one may be
// nested in another, also of the same text.
func (c *Conn) Query(query string, args ...any) (*Rows, error) {
	bound, err := c.bind(args)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	raw, err := s.QueryContext(context.Background(), bound)
	clear(bound)
	if err != nil {
		if !s.cached {
			_ = s.Close()
		}
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	s.busy = true
	return &Rows{stmt: s, raw: raw, row: make([]driver.Value, len(raw.Columns()))}, nil
}

// Row runs a query that gives at most one row, scans it into dest and reports
// whether there was one.
func (c *Conn) Row(query string, args []any, dest ...any) (found bool, err error) {
	rows, err := c.Query(query, args...)
	if err != nil {
		return false, err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	if !rows.Next() {
		return false, rows.Err()
	}
	return true, rows.Scan(dest...)
}

func (c *Conn) close() error {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	clear(c.stmts)
	return c.shut()
}

// Tx is the writer's connection inside a transaction. It reads its own writes
// and those of the members before it in the group.
type Tx struct {
	*Conn
	wrote int // statements run for the current member
}

// Exec runs a statement that writes and returns the number of rows it changed.
// The statement is atomic: when it fails, it changed nothing.
func (tx *Tx) Exec(query string, args ...any) (changed int64, err error) {
	n, err := tx.exec(query, args...)
	if err == nil {
		tx.wrote++
	}
	return n, err
}

// Rows is the result of a query.
type Rows struct {
	stmt *stmt
	raw  driver.Rows
	row  []driver.Value
	err  error
}

// Next moves to the next row; false at the end or on an error (see Err).
func (r *Rows) Next() bool {
	if r.err != nil || r.raw == nil {
		return false
	}
	if err := r.raw.Next(r.row); err != nil {
		if !errors.Is(err, io.EOF) {
			r.err = err
		}
		return false
	}
	return true
}

// Err returns what ended the iteration early, if anything did.
func (r *Rows) Err() error { return r.err }

// Close ends the query and returns Err, or the error of closing it.
func (r *Rows) Close() error {
	if r.raw == nil {
		return r.err
	}
	err := r.raw.Close()
	r.raw, r.stmt.busy = nil, false
	if !r.stmt.cached {
		_ = r.stmt.Close()
	}
	if r.err != nil {
		return r.err
	}
	return err
}

// Scan copies the current row. Destinations: *int64, *int, *float64, *bool,
// *string, *[]byte (owned by the caller afterwards; nil for NULL), *any. NULL
// gives the zero value.
func (r *Rows) Scan(dest ...any) error {
	if len(dest) != len(r.row) {
		return fmt.Errorf("scan: %d destinations for %d columns", len(dest), len(r.row))
	}
	for i, d := range dest {
		if err := assign(d, r.row[i]); err != nil {
			return fmt.Errorf("scan column %d: %w", i+1, err)
		}
	}
	return nil
}

func assign(dest any, v driver.Value) error {
	ok := true
	switch d := dest.(type) {
	case *any:
		*d = v
	case *int64:
		*d, ok = v.(int64)
	case *int:
		var n int64
		n, ok = v.(int64)
		*d = int(n)
	case *float64:
		if n, isInt := v.(int64); isInt {
			*d = float64(n)
			return nil
		}
		*d, ok = v.(float64)
	case *bool:
		var n int64
		n, ok = v.(int64)
		*d = n != 0
	case *string:
		if b, isBytes := v.([]byte); isBytes {
			*d = string(b)
			return nil
		}
		*d, ok = v.(string)
	case *[]byte:
		if s, isString := v.(string); isString {
			*d = []byte(s)
			return nil
		}
		*d, ok = v.([]byte)
	default:
		return fmt.Errorf("destination has type %T", dest)
	}
	if !ok && v != nil {
		return fmt.Errorf("a %T does not fit %T", v, dest)
	}
	return nil
}
