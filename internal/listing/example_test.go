package listing_test

import (
	"fmt"
	"os"
	"strconv"

	"github.com/starburst-go/starburst/internal/listing"
)

func Example() {
	type job struct {
		ID    string `json:"job"`
		Tasks int    `json:"tasks"`
	}
	jobs := listing.List[job]{
		Schema: "example.jobs/v1",
		Columns: []listing.Column[job]{
			{Name: "job", Cell: func(j job) string { return j.ID }},
			{Name: "tasks", Cell: func(j job) string { return strconv.Itoa(j.Tasks) }},
		},
	}
	all := func(yield func(job, error) bool) {
		for _, j := range []job{{"fit-2", 40}, {"fit-1", 1000}} {
			if !yield(j, nil) {
				return
			}
		}
	}
	for _, f := range []listing.Format{listing.Table, listing.JSONL} {
		if _, err := jobs.Write(os.Stdout, listing.Options{Format: f}, all); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// JOB    TASKS
	// fit-2  40
	// fit-1  1000
	// {"job":"fit-2","tasks":40}
	// {"job":"fit-1","tasks":1000}
}
