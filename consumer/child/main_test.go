//go:build unix

package child

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// envFake makes this test binary a child that speaks the protocol; its value says how it starts.
const envFake = "CHILD_TEST_FAKE"

func TestMain(m *testing.M) {
	if how := os.Getenv(envFake); how == "owner" {
		os.Exit(own())
	} else if how != "" {
		os.Exit(fake(how))
	}
	goleak.VerifyTestMain(m)
}
