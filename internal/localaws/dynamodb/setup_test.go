package dynamodb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

type (
	item = map[string]types.AttributeValue
	str  = types.AttributeValueMemberS
	num  = types.AttributeValueMemberN
	bin  = types.AttributeValueMemberB
	list = types.AttributeValueMemberL
	dict = types.AttributeValueMemberM
)

func s(v string) types.AttributeValue { return &str{Value: v} }
func n(v string) types.AttributeValue { return &num{Value: v} }

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// endpoint is a running service with a client of it.
type endpoint struct {
	*dynamodb.Client
	service *Service
	clock   *clock
	url     string
}

func setup(t testing.TB) *endpoint {
	t.Helper()
	d, err := db.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	svc, err := New(d, Options{Now: c.Now, Sweep: -1, OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(svc)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return &endpoint{newClient(server.URL, &http.Client{Transport: transport}), svc, c, server.URL}
}

func newClient(url string, h *http.Client) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: &url, HTTPClient: h, RetryMaxAttempts: 1,
	})
}

// table makes the table "things" with keys pk (S) and sk (S).
func (e *endpoint) table(t testing.TB, change ...func(*dynamodb.CreateTableInput)) string {
	t.Helper()
	in := &dynamodb.CreateTableInput{
		TableName: aws.String("things"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "S"}},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}},
	}
	for _, c := range change {
		c(in)
	}
	if _, err := e.CreateTable(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	return *in.TableName
}

func (e *endpoint) put(t testing.TB, table string, it item) {
	t.Helper()
	if _, err := e.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &table, Item: it}); err != nil {
		t.Fatal(err)
	}
}

// get reads an item of a table with keys pk and sk.
func (e *endpoint) get(t testing.TB, table, pk, sk string) item {
	t.Helper()
	out, err := e.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: &table, Key: item{"pk": s(pk), "sk": s(sk)}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// rows runs a query that gives one number on the service's database.
func (e *endpoint) rows(t testing.TB, query string) (count int64) {
	t.Helper()
	err := e.service.db.View(context.Background(), func(c *db.Conn) error {
		_, err := c.Row(query, nil, &count)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// plan is SQLite's plan of a query.
func (e *endpoint) plan(t testing.TB, query string, args []any) (plan string) {
	t.Helper()
	err := e.service.db.View(context.Background(), func(c *db.Conn) error {
		rows, err := c.Query(`EXPLAIN QUERY PLAN `+query, args...)
		if err != nil {
			return err
		}
		var details strings.Builder
		for rows.Next() {
			var id, parent, unused int64
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			details.WriteString(detail + "\n")
		}
		plan = details.String()
		return rows.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
