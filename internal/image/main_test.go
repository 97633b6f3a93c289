package image_test

import (
	"testing"

	"github.com/starburst-go/starburst/internal/testmain"
)

func TestMain(m *testing.M) { testmain.Main(m) }
