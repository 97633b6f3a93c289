package otelstarburst_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/starburst-go/starburst"
	"github.com/starburst-go/starburst/internal/testmain"
	"github.com/starburst-go/starburst/otelstarburst"
)

// halve fails for odd numbers.
var halve = starburst.Handle("halve", func(_ context.Context, n int) (int, error) {
	if n%2 != 0 {
		return 0, starburst.Permanent(errors.New("it is odd"))
	}
	return n / 2, nil
})

// TestMain is also the program that sessions start as workers and endpoint.
func TestMain(m *testing.M) {
	if os.Getenv("STARBURST_ROLE") != "" {
		starburst.Main(nil, halve, starburst.WithTracing(otelstarburst.FromEnv))
	}
	os.Exit(testmain.Run(m))
}
