package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/internal/quota"
)

// Schema is the version of saved plans.
const Schema = 1

// maxFile bounds a saved plan that is read: one has a few KB.
const maxFile = 1 << 20

// Tolerance is the part by which a quota or a price may have moved.
const Tolerance = .1

// Saved is a plan with the facts that it rests on.
type Saved struct {
	Schema int       `json:"schema"`
	Made   time.Time `json:"made"`
	// Handler the tasks are for; "" when nobody said.
	Handler string `json:"handler,omitempty"`
	Input   Input  `json:"input"`
	// Quota is nil when the room for workers was given.
	Quota  *quota.Quota `json:"quota,omitempty"`
	Prices Prices       `json:"prices"`
	// Besides is the part of the bill that is not the workers'.
	Besides []cost.EstimatedLine `json:"besides_workers"`
	Plan    *simulate.Plan       `json:"plan"`
}

// Prices are those that a plan was made with.
type Prices struct {
	Region string `json:"region"`
	// WorkerHour is what a worker costs an hour, in pico-dollars.
	WorkerHour cost.PicoUSD `json:"worker_hour_pico"`
	// Provider, Platform and Size are the worker's.
	Provider string        `json:"provider"`
	Platform cost.Platform `json:"platform"`
	Size     cost.Size     `json:"size"`
	// Lines are the prices of a million units of everything else that the plan has, in pico-dollars.
	Lines map[string]cost.PicoUSD `json:"per_million_pico"`
}

// million is of how many units a line's price is kept: one request costs less than what is worth comparing.
const million = 1_000_000

// PricesOf are a book's prices of a worker and of the lines named by a plan.
func PricesOf(book *cost.Book, provider string, platform cost.Platform, size cost.Size, lines []string) (Prices, error) {
	rate, err := book.Fargate(platform, provider == cost.FargateSpot)
	if err != nil {
		return Prices{}, err
	}
	p := Prices{
		Region: book.Region, Provider: provider, Platform: platform, Size: size, Lines: map[string]cost.PicoUSD{},
		WorkerHour: cost.FargateBill(rate, size, time.Unix(0, 0), time.Unix(3600, 0)).Total(),
	}
	for _, id := range lines {
		if p.Lines[id], err = book.Price(id, million); err != nil {
			return Prices{}, err
		}
	}
	return p, nil
}

// Names are the lines of the plan's bill, in order.
func (s *Saved) Names() []string {
	var names []string
	for _, l := range s.Besides {
		names = append(names, l.ID)
	}
	return names
}

// Now are the facts as they are when the plan is used; nil are those that need not hold, or that nobody looked at.
type Now struct {
	Handler string
	Input   *Input
	Quota   *quota.Quota
	Prices  *Prices
}

// Changes says, each in a sentence, what no longer holds.
func (s *Saved) Changes(now Now) []string {
	var changes []string
	add := func(format string, args ...any) { changes = append(changes, fmt.Sprintf(format, args...)) }
	if s.Handler != "" && now.Handler != "" && s.Handler != now.Handler {
		add("the handler: the plan is for %s, the job for %s", s.Handler, now.Handler)
	}
	if in := now.Input; in != nil {
		switch {
		case s.Input.Tasks != in.Tasks:
			add("the input: %d tasks were planned, there are %d now", s.Input.Tasks, in.Tasks)
		case s.Input.SHA != "" && in.SHA != "" && s.Input.SHA != in.SHA:
			add("the input: as many tasks, but others")
		}
	}
	if s.Quota != nil && now.Quota != nil {
		changes = append(changes, s.quotaChange(*now.Quota)...)
	}
	if p := now.Prices; p != nil {
		changes = append(changes, s.Prices.changes(p)...)
	}
	return changes
}

// quotaChange looks at what is free: others' use counts as much as the limit.
func (s *Saved) quotaChange(now quota.Quota) []string {
	had, _ := s.Quota.Available()
	has, known := now.Available()
	switch {
	case !known:
		return []string{"the quota: " + now.Why()}
	case moved(had, has):
		return []string{fmt.Sprintf("the quota: %g of %g vCPUs were free, %g of %g are now", had, s.Quota.Limit.VCPU, has, now.Limit.VCPU)}
	}
	return nil
}

// changes compares prices of the same things.
func (p *Prices) changes(now *Prices) []string {
	if p.Region != now.Region {
		return []string{fmt.Sprintf("the prices: the plan is for %s, the stack is in %s", p.Region, now.Region)}
	}
	var changes []string
	if moved(float64(p.WorkerHour), float64(now.WorkerHour)) {
		changes = append(changes, fmt.Sprintf("the prices: a worker cost %s an hour, it costs %s now", p.WorkerHour.Short(), now.WorkerHour.Short()))
	}
	names := make([]string, 0, len(p.Lines))
	for id := range p.Lines {
		names = append(names, id)
	}
	slices.Sort(names)
	for _, id := range names {
		if moved(float64(p.Lines[id]), float64(now.Lines[id])) {
			changes = append(changes, fmt.Sprintf("the prices: a million of %s cost %s, they cost %s now", id, p.Lines[id].Short(), now.Lines[id].Short()))
		}
	}
	return changes
}

// moved reports whether a figure differs by more than the tolerance.
func moved(was, is float64) bool {
	return math.Abs(was-is) > Tolerance*math.Max(math.Abs(was), 1e-12)
}

// Write saves the plan, whole or not at all.
func (s *Saved) Write(path string) error {
	s.Schema = Schema
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".plan-*")
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save the plan: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// Read reads a saved plan.
func Read(path string) (*Saved, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the plan %s: %w", path, err)
	}
	s, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("read the plan %s: %w", path, err)
	}
	return s, nil
}

// decode reads what somebody may have edited.
func decode(b []byte) (*Saved, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxFile)
	}
	s := &Saved{}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("it is no saved plan: %w", err)
	}
	switch {
	case s.Schema != Schema:
		return nil, fmt.Errorf("its schema is %d; this version knows %d", s.Schema, Schema)
	case s.Plan == nil || len(s.Plan.Lines) == 0 || s.Input.Tasks < 1 || s.Prices.WorkerHour <= 0:
		return nil, errors.New("it is no saved plan: there are no figures in it")
	}
	return s, nil
}
