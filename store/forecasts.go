package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// MaxForecast is the most bytes of a job's forecast: a dozen lines of a bill have about one KB.
const MaxForecast = 16 << 10

// PutForecast keeps what the job was expected to cost, as its submitter wrote it down,
// for as long as the job. The store does not look inside. A later one replaces it.
func (s *Store) PutForecast(ctx context.Context, j Job, raw []byte) error {
	if err := checkJobID(j.ID); err != nil {
		return fmt.Errorf("keep the forecast: %w", err)
	}
	if len(raw) == 0 || len(raw) > MaxForecast {
		return fmt.Errorf("keep the forecast of job %q: it has %d bytes; 1 to %d are allowed", j.ID, len(raw), MaxForecast)
	}
	it := newItem(forecastKey(j.ID))
	it.putB("d", raw)
	it.putExp(j.Expires)
	return s.patient(ctx, fmt.Sprintf("keep the forecast of job %q", j.ID), func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: s.table, Item: it})
		return err
	})
}

// Forecast returns what PutForecast kept; the error wraps ErrNotFound when there is none.
func (s *Store) Forecast(ctx context.Context, job string) ([]byte, error) {
	if err := checkJobID(job); err != nil {
		return nil, fmt.Errorf("read the forecast: %w", err)
	}
	op := fmt.Sprintf("read the forecast of job %q", job)
	var out *dynamodb.GetItemOutput
	err := s.patient(ctx, op, func() (err error) {
		out, err = s.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: s.table, Key: forecastKey(job).attrs(), ConsistentRead: aws.Bool(true)})
		return err
	})
	if err != nil {
		return nil, err
	}
	if item(out.Item) == nil || item(out.Item).expired(s.now()) {
		return nil, fmt.Errorf("%s: %w", op, ErrNotFound)
	}
	f := fields{it: out.Item}
	raw := f.bin("d")
	if f.err == nil && len(raw) > MaxForecast {
		f.err = errors.New("it is too large")
	}
	return raw, f.err
}

// forecastKey puts the forecast beside the job's META item.
func forecastKey(job string) key { return key{jobKey(job).pk, "FORECAST"} }
