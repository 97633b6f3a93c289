package codec_test

import (
	"testing"

	"github.com/starburst-go/starburst/codec"
)

// The codec allocates per message, never per task, but for what a task's own
// argument is made of. Not parallel: allocations are counted for the whole process.
//
//nolint:paralleltest // see above
func TestAllocations(t *testing.T) {
	type quote struct {
		Symbol string    `json:"symbol"`
		Curve  []float64 `json:"curve"`
		Path   path      `json:"path"`
	}
	one, many := chunk(t, 1), chunk(t, 1000)
	rawOne, rawMany := encoded(t, one), encoded(t, many)
	arg := mustMarshal(t, path{Seed: 1, Days: 252, Drift: 0.05, Vol: 0.2})
	converted := mustMarshal(t, map[string]any{"seed": 1.0, "days": 252.0, "drift": 1, "note": "x"})
	withParts := mustMarshal(t, quote{Symbol: "AAPL", Curve: make([]float64, 8)})
	buf := make([]byte, 0, 2*len(rawMany))
	var p path
	for _, tt := range []struct {
		name string
		want float64
		step func() error
	}{
		{"guard", 0, func() error { return codec.Guard(rawMany, codec.MaxDepth) }},
		{"decode an argument of numbers", 0, func() error { return codec.Unmarshal(arg, &p) }},
		{"decode an argument whose numbers must be converted", 0, func() error { return codec.Unmarshal(converted, &p) }},
		{"decode an argument with a string and a list", 3, func() error { return codec.Unmarshal(withParts, new(quote)) }},
		// One; the second allows for the race detector, under which a sync.Pool forgets.
		{"encode an argument", 2, func() error { _, err := codec.Marshal(&p); return err }},
		{"decode a message of one task", 5, func() error { _, err := codec.DecodeMessage(rawOne); return err }},
		{"decode a message of a thousand tasks", 5, func() error { _, err := codec.DecodeMessage(rawMany); return err }},
		{"encode a message of a thousand tasks", 0, func() error { _, err := codec.AppendMessage(buf, many); return err }},
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := tt.step(); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
		})
		if got > tt.want {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.want)
		}
	}
}

func encoded(t testing.TB, m *codec.Message) []byte {
	t.Helper()
	raw, err := codec.AppendMessage(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
