package sqs

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(endpointDir); dir != "" {
		fmt.Fprintln(os.Stderr, serveAsProcess(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
