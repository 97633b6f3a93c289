package dynamodb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
	"github.com/starburst-go/starburst/internal/localaws/db"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"
	"github.com/starburst-go/starburst/internal/localaws/dynamodb/expr"
)

// Defaults of Options.
const (
	DefaultRegion  = "us-east-1"
	DefaultAccount = "000000000000"
	DefaultSweep   = 2 * time.Second
)

// Options configure a Service.
type Options struct {
	// Region and Account appear in ARNs. Defaults: DefaultRegion, DefaultAccount.
	Region, Account string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Sweep is how often expired items and what deleted tables left are looked for; −1 means only when
	// Sweep is called. Default: 2 s.
	Sweep time.Duration
	// OnError is told what failed in the background. Default: nothing.
	OnError func(error)
	// OnUnits is told the capacity units that each request consumed: what a table on demand is billed for. Of a write
	// that replaces a larger item without looking at it, it is told the new item's. Default: nothing.
	OnUnits func(read bool, units float64)
}

func (o Options) withDefaults() Options {
	o.Region = cmp.Or(o.Region, DefaultRegion)
	o.Account = cmp.Or(o.Account, DefaultAccount)
	o.Sweep = cmp.Or(o.Sweep, DefaultSweep)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	if o.OnUnits == nil {
		o.OnUnits = func(bool, float64) {}
	}
	return o
}

// Service answers DynamoDB_20120810.* requests. Its methods may be called from any goroutine.
type Service struct {
	http.Handler
	db     *db.DB
	opt    Options
	engine *expr.Engine

	changing sync.Mutex   // serializes changes of table definitions
	sweeping sync.Mutex   // serializes background work
	mu       sync.RWMutex // protects tables
	tables   map[string]*table

	stop context.CancelFunc
	done sync.WaitGroup
	wake chan struct{} // capacity 1: background work is waiting
}

// table is a table that exists, or existed a moment ago.
type table struct {
	id  int64
	def atomic.Pointer[definition]
	// dropped is set in the transaction that deletes the table: a write behind it must not land.
	dropped atomic.Bool
	count   counter
	// cursor belongs to fill: to the background goroutine, or to the caller of Sweep (see sweeping).
	cursor *cursor
}

// New opens the service on a database, whose tables it creates where needed, and starts its
// background work. Close must be called before the database is closed.
func New(d *db.DB, o Options) (*Service, error) {
	s := &Service{db: d, opt: o.withDefaults(), engine: expr.NewEngine(0), tables: make(map[string]*table), wake: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	if err := s.load(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("open local DynamoDB: %w", err)
	}
	h, err := awsjson.NewHandler(awsjson.Config{
		TargetPrefix: "DynamoDB_20120810.",
		Version:      awsjson.V10,
		Namespace:    "com.amazonaws.dynamodb.v20120810",
		CRC32:        true,
		Operations:   s.operations(),
	})
	if err != nil {
		stop()
		return nil, err
	}
	s.Handler = h
	s.done.Go(func() { s.background(ctx) })
	return s, nil
}

// Close ends the background work. The database stays open.
func (s *Service) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

func (s *Service) load(ctx context.Context) error {
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		for _, q := range createTables {
			if _, err := tx.Exec(q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.db.View(ctx, func(c *db.Conn) error {
		rows, err := c.Query(`SELECT definition FROM ddb_tables`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var text []byte
			if err := rows.Scan(&text); err != nil {
				return errors.Join(err, rows.Close())
			}
			d := new(definition)
			if err := json.Unmarshal(text, d); err != nil {
				return errors.Join(err, rows.Close())
			}
			t := &table{id: d.ID}
			t.def.Store(d.derive())
			s.tables[d.Name] = t
		}
		return rows.Close()
	})
}

// table finds a table by its name or ARN.
func (s *Service) table(name string) (*table, *definition, error) {
	if name == "" {
		return nil, nil, invalid("Value null at 'tableName' failed to satisfy constraint: Member must not be null")
	}
	s.mu.RLock()
	t := s.tables[name]
	s.mu.RUnlock()
	if t != nil {
		return t, t.def.Load(), nil
	}
	if !validName(name) {
		return nil, nil, invalid("Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'")
	}
	return nil, nil, noTable(name)
}

// tableName reads a TableName, which may be an ARN.
func tableName(rd *attr.Reader) (string, error) {
	s, err := rd.Str()
	return nameOfARN(s), err
}
