package bill_test

import (
	"bytes"
	"testing"

	"github.com/starburst-go/starburst/internal/bill"
)

// Whatever somebody wrote into the table as a forecast: there is a bill, in every view and format.
func FuzzForecast(f *testing.F) {
	f.Add([]byte(`{"estimate":{"lines":[{"id":"sqs.request","cost":{"low":1,"likely":2,"high":3}}]},"sent":{"sqs.send":9223372036854775807,"ddb.wru":-1}}`))
	f.Add([]byte(`{"estimate":{"compute_unknown":true,"per_task_second":-5},"source":"\u001b[2J"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tab, c := setup(t)
		tab.forecasts["prices"] = raw
		b, err := c.Job(t.Context(), "prices")
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range bill.Views {
			for _, format := range bill.Formats {
				var out bytes.Buffer
				if err := b.Write(&out, format, v); err != nil {
					t.Fatal(err)
				}
				if format == bill.Table && bytes.ContainsRune(out.Bytes(), 0x1b) {
					t.Errorf("a control character reaches the terminal: %q", out.Bytes())
				}
			}
		}
	})
}
