package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/exit"
)

// privatePrices keeps the user's own cache and discounts out of a test.
func privatePrices(t *testing.T) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("STARBURST_PRICES", "")
	t.Setenv("AWS_REGION", "us-east-1")
}

func TestTheBillOfAJob(t *testing.T) {
	privatePrices(t)
	startDev(t, "sh", "-c", "sleep 0.05; [ {} != 7 ] || exit 1; echo r{}")
	dry := starburst(t.Context(), "", "submit", "exec", "--range", "1:40", "--dry-run")
	if dry.code != exit.OK || !strings.Contains(dry.stdout, "40 tasks of exec in 40 messages; nothing was sent") || !strings.Contains(dry.stdout, "for each second that a task takes") {
		t.Fatalf("dry run without history: %+v", dry)
	}
	timed := starburst(t.Context(), "", "submit", "exec", "--range", "1:40", "--dry-run", "--task-time", "10s", "-o", "json")
	var forecast struct {
		Tasks    int
		Forecast struct {
			Estimate struct {
				Cost struct{ Low, Likely, High int64 }
			}
		}
	}
	if err := json.Unmarshal([]byte(timed.stdout), &forecast); err != nil || forecast.Tasks != 40 || forecast.Forecast.Estimate.Cost.Low <= 0 {
		t.Errorf("dry run in JSON: %v %+v", err, timed)
	}
	if sub := starburst(t.Context(), "", "submit", "exec", "--range", "1:40", "--attempts", "2", "--job", "one", "--wait", "-o", "csv"); sub.code != exit.TasksFail {
		t.Fatalf("submit: %+v", sub)
	}
	again := starburst(t.Context(), "", "submit", "exec", "--range", "1:40", "--dry-run")
	if again.code != exit.OK || !strings.Contains(again.stdout, "by job one") || !strings.Contains(again.stdout, "fargate.x86.vcpu") {
		t.Errorf("dry run with history: %+v", again)
	}
	if list := starburst(t.Context(), "", "status"); strings.Count(list.stdout, "exec") != 1 {
		t.Errorf("a dry run left a job behind: %+v", list)
	}
	table := starburst(t.Context(), "", "cost", "one")
	for _, want := range []string{"LINE", "ESTIMATED", "fargate.", "sqs.request", "TOTAL", "wasted", "failed", "bound", "cheaper", "priced as Fargate"} {
		if table.code != exit.OK || !strings.Contains(table.stdout, want) {
			t.Fatalf("cost lacks %q: %+v", want, table)
		}
	}
	for _, view := range []string{"job", "wave", "worker", "line"} {
		out := starburst(t.Context(), "", "cost", "one", "--by", view, "-o", "json")
		var doc struct {
			Total int64 `json:"total_pico_usd"`
			Rows  []struct {
				Cost int64 `json:"cost_pico_usd"`
			}
		}
		if err := json.Unmarshal([]byte(out.stdout), &doc); err != nil {
			t.Fatalf("%v: %+v", err, out)
		}
		sum := int64(0)
		for _, r := range doc.Rows {
			sum += r.Cost
		}
		if sum != doc.Total || sum <= 0 {
			t.Errorf("by %s: the rows make %d, the total is %d", view, sum, doc.Total)
		}
	}
	fleet := starburst(t.Context(), "", "cost", "--since", "1h", "--by", "job", "-o", "csv")
	if fleet.code != exit.OK || !strings.Contains(fleet.stdout, "\none,40,") {
		t.Errorf("the fleet's bill: %+v", fleet)
	}
	for args, code := range map[string]exit.Code{
		"cost": exit.Usage, "cost one --since 1h": exit.Usage, "cost nosuch": exit.NotFound, "cost one --by moon": exit.Usage,
		"cost one -o xml": exit.Usage, "cost one --network carrier": exit.Usage, "submit exec --range 1:2 --dry-run -o text": exit.Usage,
	} {
		if out := starburst(t.Context(), "", strings.Fields(args)...); out.code != code || out.stdout != "" {
			t.Errorf("%s: %+v, want code %d", args, out, code)
		}
	}
}

func TestPricesAreShownWithTheirAge(t *testing.T) {
	privatePrices(t)
	mine := writeFile(t, "mine.json", `{"discounts":[{"lines":"ipv4","percent":"10","note":"friends"}]}`)
	t.Setenv("STARBURST_PRICES", mine)
	out := starburst(t.Context(), "", "prices", "--region", "eu-west-1", "-o", "json")
	var doc struct {
		Region string
		Prices []priceLine
	}
	if err := json.Unmarshal([]byte(out.stdout), &doc); err != nil || doc.Region != "eu-west-1" {
		t.Fatalf("%v: %+v", err, out)
	}
	seen := map[string]priceLine{}
	for _, p := range doc.Prices {
		seen[p.ID] = p
	}
	if p := seen["ipv4"]; p.Price != "0.0045" || !p.Estimate || !strings.Contains(p.Source, "friends") {
		t.Errorf("a discount on a borrowed price: %+v", p)
	}
	if p := seen["sqs.fifo.request"]; !p.Stale || p.AgeDays < 100 {
		t.Errorf("a price of June: %+v", p)
	}
	if !strings.Contains(out.stderr, "of your own") || !strings.Contains(out.stderr, "refresh") {
		t.Errorf("notes: %q", out.stderr)
	}
	table := starburst(t.Context(), "", "prices")
	if table.code != exit.OK || !strings.Contains(table.stdout, "fargate.arm.spot.vcpu") || !strings.Contains(table.stdout, "estimate") {
		t.Errorf("table: %+v", table)
	}
	t.Setenv("STARBURST_PRICES", filepath.Join(t.TempDir(), "nothing.json"))
	if out := starburst(t.Context(), "", "prices"); out.code != exit.Usage {
		t.Errorf("a file of prices that is not there: %+v", out)
	}
}

func TestPricesAreRefreshedFromAMirror(t *testing.T) {
	privatePrices(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := os.ReadFile(filepath.Join("testdata", "offers", strings.Split(r.URL.Path, "/")[4]+".csv"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(raw)
	}))
	defer s.Close()
	refreshed := starburst(t.Context(), "", "prices", "refresh", "--region", "us-east-1", "--base-url", s.URL)
	if refreshed.code != exit.OK || !strings.Contains(refreshed.stdout, "s3.storage: 0.022 per GB-month, was 0.023 per GB-month") ||
		!strings.Contains(refreshed.stderr, "logs.ingest was not found") {
		t.Fatalf("refresh: %+v", refreshed)
	}
	if out := starburst(t.Context(), "", "prices"); !strings.Contains(out.stdout, "0.022") || !strings.Contains(out.stdout, "AWS Price List, AmazonS3, published 2026-11-20") {
		t.Errorf("after the refresh: %+v", out)
	}
	if out := starburst(t.Context(), "", "prices", "refresh", "--base-url", "http://prices.example.com"); out.code != exit.Failed || !strings.Contains(out.stderr, "https") {
		t.Errorf("from just anywhere: %+v", out)
	}
}

func TestOnlyAClearYesIsOne(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]exit.Code{"y\n": exit.OK, "Yes\n": exit.OK, "\tyes\n": exit.OK, "\n": exit.Refused, "": exit.Refused, "n\n": exit.Refused, "yesterday\n": exit.Refused} {
		var out strings.Builder
		err := ask(strings.NewReader(answer), &out, "Send them? ")
		if exit.CodeOf(err) != want || !strings.HasPrefix(out.String(), "Send them? ") {
			t.Errorf("%q: %v after %q", answer, err, out.String())
		}
	}
	if isTerminal(strings.NewReader("")) {
		t.Error("a string is no terminal")
	}
}
