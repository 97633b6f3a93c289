package metrics_test

import (
	"os"
	"testing"

	"github.com/starburst-go/starburst/internal/testmain"
)

func TestMain(m *testing.M) { os.Exit(testmain.Run(m)) }
