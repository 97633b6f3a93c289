package scaling_test

import (
	"fmt"
	"time"

	"github.com/starburst-go/starburst/internal/scaling"
)

func ExampleFromEnv() {
	env := map[string]string{
		"STARBURST_MAX_WORKERS": "200",
		"STARBURST_DEADLINE":    "2026-11-24T18:00:00Z",
		"STARBURST_BUDGET":      "$2.50",
	}
	s, err := scaling.FromEnv(func(name string) string { return env[name] })
	if err != nil {
		fmt.Println(err)
		return
	}
	p := s.Policy()
	fmt.Println(p.Mode, p.Deadline.Format(time.TimeOnly), p.Budget.Total, p.Max)
	// Output: deadline 18:00:00 $2.50 200
}
