// Package check holds the alert rules and the dashboard to Prometheus's own parser, and their metrics to those that exist.
package check

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/starburst-go/starburst/autoscale"
	"github.com/starburst-go/starburst/internal/metrics"
	"github.com/starburst-go/starburst/internal/observe"
)

// known are the names of the metrics that exist.
func known(t *testing.T) map[string]bool {
	t.Helper()
	w, f := metrics.NewWorker(metrics.Build{}), metrics.NewFleet(metrics.Build{})
	for _, kind := range []observe.Kind{observe.Began, observe.Ended, observe.Waited, observe.Duplicate, observe.Bad, observe.Lease, observe.Called} {
		w.Tell(observe.Event{Kind: kind, Name: "x", Outcome: observe.OK, N: 1})
	}
	f.DeadLetters(func(context.Context) (int64, error) { return 0, nil })
	f.Decided(autoscale.Decision{})
	names := map[string]bool{}
	for _, r := range []prometheus.Gatherer{w.Registry(), f.Registry()} {
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range families {
			names[m.GetName()] = true
		}
	}
	return names
}

// series are the names of an expression's selectors, without what a histogram adds.
func series(t *testing.T, expr string) (names []string) {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %v", expr, err)
		return nil
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			names = append(names, regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(s.Name, ""))
		}
		return nil
	})
	return names
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	names := known(t)
	text, err := os.ReadFile(filepath.Join("..", "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if t.Failed() || len(groups.Groups) == 0 {
		t.Fatal("no rules")
	}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s does not say what is wrong, what to do or how bad it is", r.Alert)
			}
			for _, name := range series(t, r.Expr) {
				if !names[name] {
					t.Errorf("%s: there is no metric %q", r.Alert, name)
				}
			}
		}
	}
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	names := known(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "grafana", "starburst.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			for _, name := range series(t, target.Expr) {
				shown[name] = true
				if !names[name] {
					t.Errorf("panel %q: there is no metric %q", p.Title, name)
				}
			}
		}
	}
	for name := range names {
		if strings.HasPrefix(name, "starburst_") && !shown[name] && name != "starburst_build_info" && name != "starburst_last_decision_timestamp_seconds" {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}
