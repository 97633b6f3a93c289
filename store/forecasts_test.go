package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/starburst-go/starburst/store"
)

func TestForecastsLiveWithTheirJob(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	job := store.Job{ID: "j", Expires: created.Add(time.Hour)}
	if _, err := s.Forecast(t.Context(), "j"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	for _, raw := range [][]byte{[]byte("first"), []byte("second")} {
		if err := s.PutForecast(t.Context(), job, raw); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Forecast(t.Context(), "j"); err != nil || string(got) != "second" {
		t.Errorf("%q, %v", got, err)
	}
	for because, raw := range map[string][]byte{"nothing": nil, "too much": bytes.Repeat([]byte("x"), store.MaxForecast+1)} {
		if err := s.PutForecast(t.Context(), job, raw); err == nil {
			t.Errorf("%s is kept", because)
		}
	}
	job.Expires = created.Add(-time.Hour)
	if err := s.PutForecast(t.Context(), job, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forecast(t.Context(), "j"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("expired with its job: %v", err)
	}
}
