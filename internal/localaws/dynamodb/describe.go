package dynamodb

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// description is AWS's TableDescription.
type description struct {
	TableName              string
	TableArn               string
	TableId                string
	TableStatus            string
	CreationDateTime       float64
	AttributeDefinitions   []attributeDefinition
	KeySchema              []keyElement
	ItemCount              int64
	TableSizeBytes         int64
	ProvisionedThroughput  shownThroughput
	BillingModeSummary     *billingSummary    `json:",omitempty"`
	OnDemandThroughput     *onDemand          `json:",omitempty"`
	TableClassSummary      *tableClass        `json:",omitempty"`
	StreamSpecification    *stream            `json:",omitempty"`
	LatestStreamArn        string             `json:",omitempty"`
	LatestStreamLabel      string             `json:",omitempty"`
	SSEDescription         *sseDescription    `json:",omitempty"`
	WarmThroughput         json.RawMessage    `json:",omitempty"`
	GlobalSecondaryIndexes []indexDescription `json:",omitempty"`
	LocalSecondaryIndexes  []indexDescription `json:",omitempty"`

	DeletionProtectionEnabled bool
}

type shownThroughput struct {
	NumberOfDecreasesToday int
	ReadCapacityUnits      int64
	WriteCapacityUnits     int64
}

type billingSummary struct {
	BillingMode                       string
	LastUpdateToPayPerRequestDateTime float64
}

type tableClass struct{ TableClass string }

type sseDescription struct {
	Status          string
	SSEType         string
	KMSMasterKeyArn string `json:",omitempty"`
}

type indexDescription struct {
	IndexName             string
	IndexArn              string
	IndexStatus           string `json:",omitempty"` // global ones only
	Backfilling           bool   `json:",omitempty"`
	KeySchema             []keyElement
	Projection            projection
	ItemCount             int64
	IndexSizeBytes        int64
	ProvisionedThroughput *shownThroughput `json:",omitempty"`
	OnDemandThroughput    *onDemand        `json:",omitempty"`
}

func (t *throughput) shown() shownThroughput {
	if t == nil {
		return shownThroughput{}
	}
	return shownThroughput{ReadCapacityUnits: t.ReadCapacityUnits, WriteCapacityUnits: t.WriteCapacityUnits}
}

func (s *Service) arn(table string) string {
	return "arn:aws:dynamodb:" + s.opt.Region + ":" + s.opt.Account + ":table/" + table
}

// nameOfARN is the table's name in an ARN of a table; a name is its own.
func nameOfARN(nameOrARN string) string {
	if !strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN
	}
	_, name, _ := strings.Cut(nameOrARN, ":table/")
	name, _, _ = strings.Cut(name, "/")
	return name
}

// label is the name of a stream: when it was made.
func label(now float64) string {
	return time.UnixMilli(int64(now * 1000)).UTC().Format("2006-01-02T15:04:05.000")
}

func (s *Service) describe(ctx context.Context, t *table, status string) (*tableOutput, error) {
	d := t.def.Load()
	totals, err := t.count.of(ctx, s, d)
	if err != nil {
		return nil, err
	}
	set := d.Settings
	out := &description{
		TableName: d.Name, TableArn: s.arn(d.Name), TableId: d.UUID, TableStatus: status, CreationDateTime: d.Created,
		AttributeDefinitions: d.Attributes, KeySchema: d.KeySchema,
		ItemCount: totals[d.ID].items, TableSizeBytes: totals[d.ID].bytes,
		ProvisionedThroughput: set.ProvisionedThroughput.shown(), OnDemandThroughput: set.OnDemandThroughput,
		StreamSpecification: set.StreamSpecification, WarmThroughput: set.WarmThroughput,
		DeletionProtectionEnabled: set.DeletionProtectionEnabled,
	}
	if set.BillingMode == onDemandBilling {
		out.BillingModeSummary = &billingSummary{onDemandBilling, set.OnDemandSince}
	}
	if set.TableClass != "" {
		out.TableClassSummary = &tableClass{set.TableClass}
	}
	if set.StreamSpecification != nil {
		out.LatestStreamLabel = set.StreamLabel
		out.LatestStreamArn = s.arn(d.Name) + "/stream/" + set.StreamLabel
	}
	if set.SSESpecification != nil && set.SSESpecification.Enabled {
		out.SSEDescription = &sseDescription{Status: "ENABLED", SSEType: "KMS", KMSMasterKeyArn: set.SSESpecification.KMSMasterKeyId}
	}
	for i := range d.Indexes {
		x := &d.Indexes[i]
		shown := x.describe(out.TableArn, totals[x.ID])
		if x.Local {
			out.LocalSecondaryIndexes = append(out.LocalSecondaryIndexes, shown)
		} else {
			out.GlobalSecondaryIndexes = append(out.GlobalSecondaryIndexes, shown)
		}
	}
	return &tableOutput{out}, nil
}

func (x *index) describe(tableARN string, total total) indexDescription {
	out := indexDescription{
		IndexName: x.IndexName, IndexArn: tableARN + "/index/" + x.IndexName, KeySchema: x.KeySchema, Projection: x.Projection,
		ItemCount: total.items, IndexSizeBytes: total.bytes, OnDemandThroughput: x.OnDemand,
	}
	if x.Local {
		return out
	}
	shown := x.Throughput.shown()
	out.ProvisionedThroughput = &shown
	out.IndexStatus = "ACTIVE"
	if x.Filling {
		out.IndexStatus, out.Backfilling = "CREATING", true
	}
	return out
}

// total is what a table or an index holds.
type total struct{ items, bytes int64 }

// counter remembers a table's totals. DynamoDB brings them up to date about every six hours; here they are
// counted when asked for, but counting a large table may take no more than a hundredth of the time.
type counter struct {
	mu     sync.Mutex
	totals map[int64]total
	until  time.Time
}

func (c *counter) of(ctx context.Context, s *Service, d *definition) (map[int64]total, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	start := time.Now()
	if start.Before(c.until) {
		return c.totals, nil
	}
	totals := make(map[int64]total)
	err := s.db.View(ctx, func(conn *db.Conn) error {
		var t total
		if _, err := conn.Row(`SELECT COUNT(*), SUM(size) FROM ddb_items WHERE tbl = ?`, []any{d.ID}, &t.items, &t.bytes); err != nil {
			return err
		}
		totals[d.ID] = t
		for _, x := range d.Indexes {
			var t total
			if _, err := conn.Row(`SELECT COUNT(*), SUM(size) FROM ddb_index WHERE idx = ?`, []any{x.ID}, &t.items, &t.bytes); err != nil {
				return err
			}
			totals[x.ID] = t
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if took := time.Since(start); took > 20*time.Millisecond {
		c.totals, c.until = totals, time.Now().Add(100*took)
	}
	return totals, nil
}
