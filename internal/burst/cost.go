package burst

import (
	"time"

	"github.com/starburst-go/starburst/cost"
	"github.com/starburst-go/starburst/cost/sample"
	"github.com/starburst-go/starburst/store"
)

// costText prices a job's workers so far, in short; "" when it cannot be said.
func costText(ledgers []store.Ledger, job string, now time.Time) string {
	st, err := Statement(ledgers, now)
	if err != nil {
		return ""
	}
	for _, j := range st.Jobs {
		if j.Job == job {
			return j.Total().Short()
		}
	}
	return ""
}

// Statement prices workers with the embedded price book. Workers on the user's
// own machine are priced as if they had run on Fargate; the statement says so.
func Statement(ledgers []store.Ledger, now time.Time) (*cost.Statement, error) {
	book, err := cost.Embedded()
	if err != nil {
		return nil, err
	}
	return sample.JobCost(book, ledgers, now, cost.Options{})
}
