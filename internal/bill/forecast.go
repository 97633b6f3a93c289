package bill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/store"
)

// Forecast is what was expected of a job when it was submitted.
type Forecast struct {
	Shape    cost.JobShape  `json:"shape"`
	Fleet    cost.Fleet     `json:"fleet"`
	Estimate *cost.Estimate `json:"estimate"`
	// Source says where the tasks' duration comes from; "" when it is not known.
	Source string `json:"source,omitempty"`
	// Sent counts what submitting was billed for, as the meter names it: "sqs.send", "ddb.wru", …
	Sent map[string]int64 `json:"sent,omitempty"`
}

// Encode returns the forecast as the table keeps it.
func (f Forecast) Encode() ([]byte, error) { return json.Marshal(f) }

// Bounds of a forecast: the kinds of requests it may name, and the bytes of what reaches a terminal.
const (
	maxSent = 64
	maxText = 200
)

// decodeForecast reads what another version, or somebody else, may have written.
func decodeForecast(raw []byte) (Forecast, error) {
	var f Forecast
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&f); err != nil {
		return Forecast{}, fmt.Errorf("forecast: %w", err)
	}
	if f.Estimate == nil || len(f.Sent) > maxSent {
		return Forecast{}, errors.New("forecast: it has no estimate, or too many counts")
	}
	if len(f.Source) > maxText || strings.ContainsFunc(f.Source, unicode.IsControl) {
		return Forecast{}, errors.New("forecast: its source is no line of text")
	}
	for _, l := range f.Estimate.Lines {
		if len(l.ID) > maxText || strings.ContainsFunc(l.ID, unicode.IsControl) {
			return Forecast{}, errors.New("forecast: a line's id is no line of text")
		}
		if r := l.Cost; r.Low < 0 || r.Low > r.Likely || r.Likely > r.High {
			return Forecast{}, fmt.Errorf("forecast: line %.64q is out of order", l.ID)
		}
	}
	return f, nil
}

// extras are the costs of submitting.
func (f Forecast) extras(job string) []cost.Extra {
	var out []cost.Extra
	for _, op := range slices.Sorted(maps.Keys(f.Sent)) {
		if id, billed := cost.RequestLine(op); billed && f.Sent[op] > 0 {
			out = append(out, cost.Extra{Job: job, ID: id, Quantity: f.Sent[op]})
		}
	}
	return out
}

// Past is the part of the store that remembers earlier jobs; *store.Store has it.
type Past interface {
	Jobs(ctx context.Context, since time.Time) iter.Seq2[store.Job, error]
	JobLedgers(ctx context.Context, job string) ([]store.Ledger, error)
}

const (
	// remember is how far back earlier jobs are looked for, lookAt how many jobs of any handler are
	// looked at, and learnFrom how many of the handler's are learnt from.
	remember  = 30 * 24 * time.Hour
	lookAt    = 200
	learnFrom = 3
)

// Around widens a duration that somebody named, or that one job took, by a quarter.
func Around(d time.Duration) cost.TimeRange {
	return cost.TimeRange{Low: d - d/4, Likely: d, High: d + d/4}
}

// TaskTime is how long the handler's tasks took in its last three jobs, widened by a quarter. It is
// unknown when there were none.
func TaskTime(ctx context.Context, past Past, handler, fleet string, now time.Time) (r cost.TimeRange, source string, err error) {
	looked, learnt := 0, 0
	for j, err := range past.Jobs(ctx, now.Add(-remember)) {
		if err != nil {
			return cost.TimeRange{}, "", fmt.Errorf("look for earlier jobs: %w", err)
		}
		if looked++; looked > lookAt || learnt == learnFrom {
			break
		}
		if j.Handler != handler || j.Fleet != fleet {
			continue
		}
		mean, err := meanTime(ctx, past, j.ID)
		if err != nil {
			return cost.TimeRange{}, "", err
		}
		if mean <= 0 {
			continue
		}
		one := Around(mean)
		if learnt++; learnt == 1 {
			r, source = one, "job "+j.ID
			continue
		}
		r.Low, r.High = min(r.Low, one.Low), max(r.High, one.High)
		source = fmt.Sprintf("the last %d jobs", learnt)
	}
	return r, source, nil
}

// meanTime is the time in handlers per task that it settled, failed attempts included: they will be paid for again.
func meanTime(ctx context.Context, past Past, job string) (time.Duration, error) {
	ledgers, err := past.JobLedgers(ctx, job)
	if err != nil {
		return 0, err
	}
	var busy, tasks int64
	for _, l := range ledgers {
		c := l.Jobs[job]
		busy += c.BusyMS
		tasks += c.OK + c.Failed
	}
	if tasks <= 0 {
		return 0, nil
	}
	return time.Duration(float64(busy) / float64(tasks) * float64(time.Millisecond)), nil
}
