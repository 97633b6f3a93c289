package codec_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// msgpack/v5 keeps one goroutine per embedded pointer type for ever (decode_typgen.go, cachedValue).
		goleak.IgnoreAnyFunction("github.com/vmihailenco/msgpack/v5.cachedValue.func1"))
}
